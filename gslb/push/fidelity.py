"""How true a copy is: for every record what is exact, approximated (by how much) or impossible.

Measured, not argued: our engine and the reader of the copy answer the same synthetic clients under
the same health, and each difference has to be one that a declared loss explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gslb.policy.plan import Policy, Site
from gslb.push.losses import Bites, Loss
from gslb.steering.capacity import Candidate, candidates
from gslb.steering.decide import rule_sites
from gslb.steering.model import ClientClass
from gslb.steering.situation import Situation, Status

SAME = 1e-6  # chances nearer than this are equal


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is true of one client at one moment, of the endpoints that its rule may use."""

    sick: bool  # one is down
    drained: bool  # one is drained
    ramping: bool  # one gets a part of its weight
    all_sick: bool  # none is up and not drained
    apart: bool  # the client is not of the kind that is most frequent in its area


def circumstances(
    policy: Policy,
    sites: Mapping[str, Site],
    cls: ClientClass,
    rtype: int,
    situation: Situation,
    *,
    apart: bool,
) -> Circumstances:
    """Return what is true of clients of *cls*; *apart* is taken as it is given."""
    found: list[Candidate] = []
    for name in rule_sites(policy, sites, cls.rule, rtype):
        check = policy.checks.get(name)
        found += candidates(sites[name], check, policy.families, rtype, situation)
    return Circumstances(
        sick=any(one.status is Status.DOWN for one in found),
        drained=any(one.drained is not None for one in found),
        ramping=any(one.health.ramp < 1 for one in found),
        all_sick=all(one.status is Status.DOWN or one.drained is not None for one in found),
        apart=apart,
    )


def explains(loss: Loss, now: Circumstances) -> bool:
    """Return whether answers may differ because of *loss*, *now*."""
    return {
        Bites.NEVER: False,
        Bites.ALWAYS: True,
        Bites.CLIENTS: now.apart,
        Bites.SICK: now.sick,
        Bites.REDUCED: now.sick or now.drained,
        Bites.RAMPING: now.ramping,
        Bites.ALL_SICK: now.all_sick,
    }[loss.bites]


def difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    """Return which share of the answers differs, 0 to 1."""
    keys = ours.keys() | theirs.keys()
    return sum(abs(ours.get(key, 0.0) - theirs.get(key, 0.0)) for key in keys) / 2


def explaining(losses: Iterable[Loss], now: Circumstances) -> Sequence[Loss]:
    """Return those of *losses* that explain a difference *now*."""
    return [loss for loss in losses if explains(loss, now)]
