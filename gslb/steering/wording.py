"""Words for the parts of an explanation: reasons, rules, endpoints, drains."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from ipaddress import ip_address

from gslb.policy.plan import Drained, Pick, Rule
from gslb.steering.capacity import Candidate, Supply
from gslb.steering.explanation import EndpointLine
from gslb.steering.model import ClientClass, Decision, Reason
from gslb.steering.shares import EXACT, apportion
from gslb.steering.situation import Status
from gslb.wire.names import to_text

MAX_DECIMALS = 3  # of a percentage

REASON_NOTES = {
    Reason.FAILOVER: "no preferred site has anything left",
    Reason.FENCE_HOLD: "the fence forbids other sites, so what is left inside carries everything",
    Reason.PANIC: "only {healthy} of what the rule may use is healthy, less than {below}: "
    "health is not believed",
    Reason.FAIL_OPEN: "nothing that the rule may use is healthy: health is ignored",
    Reason.LAST_RESORT: "nothing else may be answered: this is the last resort",
    Reason.ALL_DRAINED: "everything that the rule may use is drained: it is answered all the same",
    Reason.REFUSED: "the policy says to refuse when too little or nothing is healthy",
    Reason.NO_ADDRESS: "the aliases have no address of this type: NODATA, until one appears",
    Reason.UNRESOLVED: "the aliases were never resolved, and there is nothing else to answer",
}


def percent(share: float) -> str:
    """Return *share* of 1 as people write it.

    >>> percent(2 / 3)
    '67 %'
    """
    return f"{share * 100:.0f} %"


def unequal(one: float, other: float) -> tuple[str, str]:
    """Return two shares of 1 that differ, with as many decimals as it takes to see it.

    >>> unequal(0.7491, 0.75)
    ('74.9 %', '75.0 %')
    """
    texts = percent(one), percent(other)
    for decimals in range(1, MAX_DECIMALS + 1):
        if texts[0] != texts[1]:
            break
        texts = f"{one * 100:.{decimals}f} %", f"{other * 100:.{decimals}f} %"
    return texts


def spill_note(
    rule: Rule, cls: ClientClass, decision: Decision, supplies: Mapping[str, Supply]
) -> str:
    """Return which sites of *rule* give how much of their share away (Reason.SPILL)."""
    stocked = {name: 1.0 for name, one in supplies.items() if one.weight}
    whole = apportion(rule, cls, stocked)
    wanted = whole.shares if whole is not None else {}
    return "; ".join(
        f"{line.site} lost more than its headroom, so a part of its share goes elsewhere"
        if line.share
        else f"{line.site} has nothing left, so all of its share goes elsewhere"
        for line in decision.sites
        if wanted.get(line.site, 0.0) - line.share > EXACT
    )


def rule_words(rule: Rule) -> str:
    """Return how *rule* chooses among its sites: "pick latency, tie 15 ms, fence"."""
    words = [f"pick {rule.pick}"]
    if rule.pick is Pick.LATENCY and rule.tie_ms:
        words.append(f"tie {rule.tie_ms:g} ms")
    if rule.fence:
        words.append("fence")
    return ", ".join(words)


def plain(one: Candidate) -> bool:
    """Return whether there is nothing to say of *one*: neither down nor drained, its full weight."""
    whole = one.effective == one.nominal and one.resolved
    return one.drained is None and one.status is not Status.DOWN and whole


def endpoint_line(site: str, one: Candidate, chance: float) -> EndpointLine:
    """Return what there is to say of one endpoint."""
    addresses = [str(ip_address(octets)) for octets in (*one.a, *one.aaaa)]
    if one.endpoint.cname is not None:
        addresses = [to_text(one.endpoint.cname)]
    return EndpointLine(
        endpoint=one.endpoint.id,
        site=site,
        zone=one.zone,
        addresses=tuple(addresses),
        weight=one.endpoint.weight,
        status=one.status,
        detail=one.health.detail,
        drained=drain_words(one.drained),
        chance=chance,
    )


def drain_words(drain: Drained | None) -> str:
    """Return where, why and until when: ``in example.com.yaml:33 "CHG-4821", until …``."""
    if drain is None:
        return ""
    where = f"in {drain.where.path.name}:{drain.where.line} " if drain.where.line else ""
    until = ""
    if drain.until is not None:
        until = f", until {drain.until.astimezone(UTC):%Y-%m-%d %H:%MZ}"
    return f'{where}"{drain.why}"{until}'
