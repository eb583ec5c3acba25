"""A policy without what no DNS service can do: the policy that a copy carries out, and the losses.

Every step takes one feature away and says so. A copy that is rendered without further losses
answers exactly as our engine would by the lowered policy; the tests hold it to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gslb.policy.plan import Endpoint, Panic, Pick, Policy, Site, Spread, WhenAllDown
from gslb.policy.types import concerned
from gslb.push.losses import Bites, Code, Loss, Severity
from gslb.steering.decide import can_stand_in, rule_sites
from gslb.steering.model import ClientClass
from gslb.steering.shares import EXACT
from gslb.wire.constants import TYPE_CNAME

UNBOUNDED = 1e9  # headroom: a site with any capacity keeps its full share


@dataclass(frozen=True, slots=True)
class Context:
    """One policy for one type, and what makes its losses."""

    policy: Policy
    sites: Mapping[str, Site]
    rtype: int
    word: str  # the type in text

    @property
    def rules(self) -> tuple[int, ...]:
        """The numbers of the rules that can decide the type."""
        return tuple(concerned(self.policy, self.rtype))

    def used(self, rule: int) -> list[Site]:
        """Return the sites that rule number *rule* may use for the type."""
        return [self.sites[n] for n in rule_sites(self.policy, self.sites, rule, self.rtype)]

    def loss(
        self, code: Code, about: str, wanted: str, given: str, severity: Severity, bites: Bites
    ) -> Loss:
        """Return a loss of this policy and type."""
        return Loss(code, self.policy.name, self.word, about, wanted, given, severity, bites)


def lower(context: Context) -> tuple[Policy, tuple[Loss, ...]]:
    """Return the policy that a copy can carry out at best, and what it lacks of the real one."""
    policy = context.policy
    last = policy.last_resort
    if last is not None and context.rtype != TYPE_CNAME and last.cname is not None:
        last = None
    if last is not None and not can_stand_in(last, context.rtype):
        last = None
    down = policy.when_all_down
    if down is WhenAllDown.REFUSE or (down is WhenAllDown.LAST_RESORT and last is None):
        down = WhenAllDown.SERVE_ALL
    rules = tuple(
        replace(rule, pick=Pick.SHARE) if rule.pick is Pick.HASH else rule for rule in policy.rules
    )
    lowered = replace(
        policy,
        rules=rules,
        count=1,
        spread=Spread.NONE,
        headroom=dict.fromkeys(policy.headroom, UNBOUNDED),
        panic=Panic(0.0, "all"),
        when_all_down=down,
        last_resort=last,
        https=None,
    )
    return lowered, tuple(_losses(context))


def _losses(context: Context) -> Iterator[Loss]:
    policy, loss = context.policy, context.loss
    for number in context.rules:
        rule, used = policy.rules[number], context.used(number)
        if len(used) > 1 and (partial := [s for s in used if _can_spill(s, policy)]):
            names = ", ".join(site.name for site in partial)
            yield loss(
                Code.SPILL, rule.name, f"{names}: a site that lost zones hands traffic on",
                "it keeps its share until its last endpoint is gone",
                Severity.DEGRADED, Bites.REDUCED,
            )  # fmt: skip
        if policy.panic.below > 0 and sum(len(site.endpoints) for site in used) > 1:
            yield loss(
                Code.PANIC, rule.name,
                f"health ignored below {policy.panic.below:.0%} (serve {policy.panic.serve})",
                "health believed", Severity.UNSAFE if policy.panic.serve == "none"
                else Severity.DEGRADED, Bites.SICK,
            )  # fmt: skip
        if rule.pick is Pick.HASH:
            yield loss(
                Code.STICKY, rule.name, "a client keeps its endpoint", "drawn anew each time",
                Severity.INFO, Bites.NEVER,
            )  # fmt: skip
    yield from _endings(context)
    protect = policy.protect
    if protect.slow_start is not None or protect.damping or protect.removal is not None:
        yield loss(
            Code.RUNTIME, "", "slow start, damping, limits on removal", "none",
            Severity.INFO, Bites.RAMPING,
        )  # fmt: skip
    if policy.count > 1:
        yield loss(
            Code.COUNT, "", f"up to {policy.count} addresses in an answer", "as the provider has it",
            Severity.INFO, Bites.NEVER if _even(context) else Bites.ALWAYS,
        )  # fmt: skip
    if policy.ignore_ecs:
        yield loss(
            Code.ECS, "", "client subnets ignored", "used", Severity.INFO, Bites.NEVER,
        )  # fmt: skip


def _endings(context: Context) -> Iterator[Loss]:
    """Yield what is lost of the answers when nothing is up."""
    policy, loss = context.policy, context.loss
    if policy.when_all_down is WhenAllDown.REFUSE:
        yield loss(
            Code.FAIL_CLOSED, "", "refused when nothing is up", "all are served",
            Severity.UNSAFE, Bites.ALL_SICK,
        )  # fmt: skip
    last = policy.last_resort
    if last is not None and last.cname is not None and context.rtype != TYPE_CNAME:
        yield loss(
            Code.LAST_RESORT, "", "a CNAME as last resort", "all are served",
            Severity.DEGRADED, Bites.ALL_SICK,
        )  # fmt: skip


def _can_spill(site: Site, policy: Policy) -> bool:
    """Return whether *site* can lose some of its endpoints and more than its headroom with them."""
    headroom = 1 + policy.headroom.get(site.name, 0.0)
    for group in ([e.weight for e in site.endpoints if e.weight], _standby(site.endpoints)):
        if len(group) > 1 and headroom * min(group) / sum(group) < 1 - EXACT:
            return True
    return False


def _standby(endpoints: Sequence[Endpoint]) -> list[int]:
    return [1 for endpoint in endpoints if endpoint.weight == 0]


def _even(context: Context) -> bool:
    """Return whether every address has the same chance, however many stand in an answer."""
    for site in {site.name: site for rule in context.rules for site in context.used(rule)}.values():
        if len({endpoint.weight for endpoint in site.endpoints if endpoint.weight}) > 1:
            return False
        if any(endpoint.alias is not None for endpoint in site.endpoints):
            return False
        if context.policy.spread is Spread.ZONE and any(len(z.endpoints) > 1 for z in site.zones):
            return False
    return True


def lower_class(cls: ClientClass) -> ClientClass:
    """Return *cls* with ties as a chain can have them: sites in bands that no two share.

    The sites that tie with the best one make the first band, and so on with the rest.
    """
    bands: list[int] = []
    while len(bands) < len(cls.order):
        end = cls.bands[len(bands)]
        bands += [end] * (end - len(bands))
    return replace(cls, bands=tuple(bands))


def groups(policy: Policy, cls: ClientClass, sites: Sequence[str]) -> list[list[tuple[str, int]]]:
    """Return who answers clients of *cls*, group after group: sites with shares above 0.

    A group serves when those before it are gone: the sites of ``to`` (band by band, for picks
    that rank), those of ``to`` with share 0, then ``then``, one by one.

    Args:
        policy: lowered.
        cls: lowered.
        sites: those that the rule may use for the type.
    """
    rule = policy.rules[cls.rule]
    targets = {one.site: one.share for one in rule.to if one.site in sites}
    weighted = [site for site, share in targets.items() if share]
    if rule.pick in {Pick.NEAREST, Pick.LATENCY}:
        found = _banded(cls, weighted)
        found += _banded(cls, [site for site in targets if site not in weighted])
    else:
        found = [weighted, [site for site in targets if site not in weighted]]
    shares = [[(site, targets[site] or 1) for site in group] for group in found if group]
    then = [] if rule.fence else [site for site in rule.then if site in sites]
    return shares + [[(site, 1)] for site in then]


def _banded(cls: ClientClass, sites: Sequence[str]) -> list[list[str]]:
    """Return *sites* in the bands of *cls*."""
    found: dict[int, list[str]] = {}
    for site, band in zip(cls.order, cls.bands, strict=True):
        if site in sites:
            found.setdefault(band, []).append(site)
    return list(found.values())
