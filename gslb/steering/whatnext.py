"""What would change if the most important endpoint of an answer failed too: said beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gslb.policy.plan import Policy
from gslb.steering.capacity import Candidate, supply_of, usable
from gslb.steering.decide import decide_supplied
from gslb.steering.model import ClientClass, Decision, Level, Reason
from gslb.steering.shares import EXACT
from gslb.steering.situation import Status
from gslb.steering.wording import percent

_OUTCOMES = {
    Reason.PANIC: "too little is healthy to believe the checks: health is ignored",
    Reason.FAIL_OPEN: "nothing is healthy: health is ignored and all are answered",
    Reason.LAST_RESORT: "the last resort is answered",
    Reason.REFUSED: "the query is refused",
    Reason.FENCE_HOLD: "the fence holds: what is left inside carries everything",
}

Stock = Mapping[str, tuple[Candidate, ...]]


def what_next(
    policy: Policy, cls: ClientClass, rtype: int, decision: Decision, stock: Stock
) -> str:
    """Return one sentence on the endpoint that most answers lead to; empty if there is none."""
    victim = most_important(decision, stock)
    if victim is None:
        return ""
    site, endpoint = victim
    after = dict(stock)
    after[site] = tuple(
        replace(one, status=Status.DOWN) if one is endpoint else one for one in stock[site]
    )
    supplies = {name: supply_of(name, found) for name, found in after.items()}
    then = decide_supplied(policy, cls, rtype, supplies)
    return f"{endpoint.endpoint.id} also fails → {_change(site, decision, then)}"


def most_important(decision: Decision, stock: Stock) -> tuple[str, Candidate] | None:
    """Return the healthy endpoint with the greatest part of the answers, and its site."""
    best: tuple[float, str, Candidate] | None = None
    if decision.level is not Level.HEALTHY:
        return None
    for site, share in decision.shares.items():
        used = usable(stock[site], Level.HEALTHY)
        whole = sum(one.effective for one in used)
        for one in used:
            part = share * one.effective / whole
            if best is None or part > best[0] + EXACT:
                best = (part, site, one)
    return None if best is None else best[1:]


def _change(site: str, before: Decision, after: Decision) -> str:
    """Say how *after* differs from *before*, now that an endpoint of *site* is gone."""
    if after.reason in _OUTCOMES and after.reason is not before.reason:
        return _OUTCOMES[after.reason]
    left = next((line.capacity for line in after.sites if line.site == site), 0.0)
    capacity = f"capacity {percent(left)}"
    gainers = [
        (name, share, before.shares.get(name, 0.0))
        for name, share in after.shares.items()
        if share - before.shares.get(name, 0.0) > EXACT
    ]
    if not gainers:
        return f"{capacity}: the rest of {site} carries its share"
    (first, share, now), *others = gainers
    moved = f"{percent(share)} of this client's answers go to {first} ({_now(now)})"
    more = (f", {percent(share)} to {name} ({_now(now)})" for name, share, now in others)
    return f"{capacity}: {moved}" + "".join(more)


def _now(share: float) -> str:
    return f"{percent(share)} now" if share else "none now"
