"""How true a copy is: for every record what is exact, approximated (by how much) or impossible.

Measured, not argued: our engine and the reader of the copy answer the same synthetic clients under
the same health, and each difference has to be one that a declared loss explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from gslb.policy.plan import Policy, ZonePlan
from gslb.policy.types import STEERED_TYPES
from gslb.push.audience import Member, audience
from gslb.push.losses import Bites, Loss
from gslb.push.model import Desired, SteeredSet
from gslb.push.objects import Rendered
from gslb.push.ours import our_answer
from gslb.push.provider import Dialect, Reader, Supports, Up
from gslb.steering.classes import compile_classes
from gslb.steering.model import ClientClass
from gslb.steering.situation import Health, HealthKey, Situation, Status
from gslb.steering.world import World

SAME = 1e-6  # chances nearer than this are equal


def difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    """Return which share of the answers differs, 0 to 1."""
    keys = ours.keys() | theirs.keys()
    return sum(abs(ours.get(key, 0.0) - theirs.get(key, 0.0)) for key in keys) / 2


class Verdict(StrEnum):
    """How true the copy of a record is."""

    EXACT = "exact"
    APPROXIMATED = "approximated"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The names of one policy and type, on one provider. Shares of the answers, 0 to 1."""

    policy: str
    rtype: str
    names: tuple[str, ...]
    verdict: Verdict
    reason: str  # why it is impossible; empty otherwise
    calm: float  # differ while everything is up
    sick: float  # differ while one site is down, each in turn
    losses: tuple[Loss, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "policy": self.policy,
            "type": self.rtype,
            "names": list(self.names),
            "verdict": self.verdict.value,
            "reason": self.reason,
            "differs": {"all_up": self.calm, "one_site_down": self.sick},
            "losses": [
                {
                    "code": loss.code.value,
                    "about": loss.about,
                    "wanted": loss.wanted,
                    "given": loss.given,
                    "severity": loss.severity.value,
                    "when": loss.bites.value,
                    "share": loss.share,
                }
                for loss in self.losses
            ],
        }


def measure_fidelity(
    zone: ZonePlan,
    world: World,
    situation: Situation,
    desired: Desired,
    rendered: Rendered,
    dialect: Dialect,
) -> tuple[Fidelity, ...]:
    """Return how true every record's copy is, with its losses; what is refused comes last."""
    reader = dialect.reader(rendered.rrsets, rendered.supports)
    calm = replace(situation, health={})
    found = []
    for one in desired.steered:
        policy = next(each for each in zone.policies if each.name == one.policy)
        rtype = STEERED_TYPES[one.rtype]
        people = audience(compile_classes(policy, zone.sites, rtype, world), world)
        used = sorted({pool.site for pool in one.pools.values()})
        differs = [
            _differs(zone, policy, one, people, reader, rendered.supports, calm, down)
            for down in ("", *used)
        ]
        losses = tuple(
            loss
            for loss in rendered.losses
            if loss.policy == one.policy and loss.rtype in {"", one.rtype}
        )
        exact = max(differs) <= SAME and all(loss.bites is Bites.NEVER for loss in losses)
        found.append(
            Fidelity(
                policy=one.policy,
                rtype=one.rtype,
                names=one.names,
                verdict=Verdict.EXACT if exact else Verdict.APPROXIMATED,
                reason="",
                calm=differs[0],
                sick=sum(differs[1:]) / max(1, len(used)),
                losses=losses,
            )
        )
    refused = [
        Fidelity(one.policy, one.rtype, one.names, Verdict.IMPOSSIBLE, one.reason, 1.0, 1.0, ())
        for one in desired.refusals
    ]
    return (*found, *refused)


def _differs(
    zone: ZonePlan,
    policy: Policy,
    one: SteeredSet,
    people: Sequence[Member],
    reader: Reader,
    supports: Supports,
    calm: Situation,
    down: str,
) -> float:
    """Return which share of the answers differs while the site called *down* is."""
    situation = replace(calm, health=_health(zone, policy, down))
    pools = [pool for pool in one.pools.values() if pool.site == down]
    dead = {p.address for pool in pools for target in pool.targets for p in target.probes}
    up = probing(supports, dead)
    rtype = STEERED_TYPES[one.rtype]
    total = 0.0
    known: dict[ClientClass, Mapping[str, float]] = {}  # ours, by who asks
    for member in people:
        if (ours := known.get(member.cls)) is None:
            ours = our_answer(policy, zone.sites, member.cls, rtype, situation).chances
            known[member.cls] = ours
        theirs = reader.answer(one.names[0], one.rtype, member.client, up).chances
        total += member.weight * difference(ours, theirs)
    return total


def probing(supports: Supports, dead: Iterable[str]) -> Up:
    """Return which checks pass while the addresses *dead* do not answer."""
    gone = frozenset(dead)

    def up(key: str) -> bool:
        key, _, address = key.partition(" ")
        return (address or supports[key].address) not in gone

    return up


def _health(zone: ZonePlan, policy: Policy, down: str) -> dict[HealthKey, Health]:
    if not down:
        return {}
    sick = Health(Status.DOWN, Status.DOWN)
    check = policy.checks.get(down)
    if check is None:
        return {}
    return {(endpoint.id, check): sick for endpoint in zone.sites[down].endpoints}
