"""What a push does to traffic: for the names of each policy, who got what before and gets it after.

By the reader of the copy, over synthetic clients of the whole world, with everything up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gslb.policy.plan import ZonePlan
from gslb.policy.types import STEERED_TYPES
from gslb.push.audience import audience
from gslb.push.fidelity import SAME, difference, probing
from gslb.push.model import Desired
from gslb.push.provider import Dialect, Rrsets, Supports
from gslb.steering.classes import compile_classes
from gslb.steering.world import World

Mix = Mapping[str, float]  # RDATA as text → share of the first answers, 0 to 1


@dataclass(frozen=True, slots=True)
class Traffic:
    """The names of one policy and type that answer alike before, and alike after."""

    policy: str
    rtype: str
    names: tuple[str, ...]
    fresh: bool  # nothing was answered before
    differs: float  # share of the answers that differ, 0 to 1; of fresh names 1
    before: Mix
    after: Mix
    drained: frozenset[str]  # RDATA of before that are gone because of drains

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "policy": self.policy,
            "type": self.rtype,
            "names": list(self.names),
            "new": self.fresh,
            "differs": self.differs,
            "before": dict(sorted(self.before.items())),
            "after": dict(sorted(self.after.items())),
            "drained": sorted(self.drained),
        }


def traffic(
    dialect: Dialect,
    zone: ZonePlan,
    world: World,
    desired: Desired,
    before: tuple[Rrsets, Supports],
    after: tuple[Rrsets, Supports],
) -> tuple[Traffic, ...]:
    """Return the traffic of every steered name of *desired*: one for each kind of change."""
    readers = dialect.reader(*before), dialect.reader(*after)
    ups = probing(before[1], ()), probing(after[1], ())
    found: list[Traffic] = []
    for one in desired.steered:
        policy = next(each for each in zone.policies if each.name == one.policy)
        people = audience(
            compile_classes(policy, zone.sites, STEERED_TYPES[one.rtype], world), world
        )
        fresh: list[str] = []
        known: list[str] = []
        for name in one.names:
            answer = readers[0].answer(name, one.rtype, people[0].client, ups[0])
            (known if answer.chances else fresh).append(name)
        for names in (fresh, known):
            mixes: tuple[dict[str, float], dict[str, float]] = ({}, {})
            differs = 1.0 if names is fresh else 0.0
            for member in people if names else ():
                old, new = (
                    reader.answer(names[0], one.rtype, member.client, up).chances
                    for reader, up in zip(readers, ups, strict=True)
                )
                if names is known:
                    differs += member.weight * difference(old, new)
                for mix, chances in zip(mixes, (old, new), strict=True):
                    for rdata, chance in chances.items():
                        mix[rdata] = mix.get(rdata, 0.0) + member.weight * chance
            if names:
                gone = (mixes[0].keys() - mixes[1].keys()) & desired.drained
                found.append(
                    Traffic(
                        policy=one.policy,
                        rtype=one.rtype,
                        names=tuple(names),
                        fresh=names is fresh,
                        differs=min(1.0, differs),
                        before=mixes[0],
                        after=mixes[1],
                        drained=frozenset(gone),
                    )
                )
    return tuple(found)


def moved(found: Iterable[Traffic]) -> float:
    """Return which share of all answers differs, 0 to 1; each name counts alike."""
    found = tuple(found)
    names = sum(len(one.names) for one in found)
    share = sum(one.differs * len(one.names) for one in found) / names if names else 0.0
    return share if share > SAME else 0.0
