"""What a zone holds beside what was pushed: drift by class, and the answers of a sample of clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gslb.policy.plan import ZonePlan
from gslb.policy.types import STEERED_TYPES
from gslb.push.audience import audience
from gslb.push.fidelity import SAME, difference, probing
from gslb.push.model import Desired
from gslb.push.objects import Action, Actual, Rendered, manifest_name
from gslb.push.ours import our_answer
from gslb.push.plan import Plan
from gslb.push.provider import Client, Dialect
from gslb.steering.classes import compile_classes
from gslb.steering.situation import Situation
from gslb.steering.world import World

MOST_CLIENTS = 50  # of one policy and type: those that stand for most traffic


class Drifted(StrEnum):
    """How a zone differs from what was pushed."""

    MISSING = "missing"  # ours, gone
    CHANGED = "changed"  # ours, other content
    STRAY = "stray"  # carries our mark, and was not pushed
    FOREIGN = "foreign"  # somebody's records at a name of ours
    OWNER = "other-owner"  # the manifest, or records at a name of ours, are another owner's
    ORPHAN = "orphan-check"  # a health check or list of prefixes of ours that no record names
    UNFINISHED = "unfinished"  # a push that stopped between batches, or a manifest that is gone


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference."""

    kind: Drifted
    about: str  # name and type, or what the support is about
    owner: str = ""  # of OWNER: whose


@dataclass(frozen=True, slots=True)
class Question:
    """What one client asks, what part of all questions that is, and what our engine answers."""

    name: str
    rtype: str
    client: Client
    weight: float  # all questions of a sample sum to 1
    ours: Mapping[str, float]  # RDATA → chance


@dataclass(frozen=True, slots=True)
class Verification:
    """What a zone was found to be after a push. Shares of the sample, 0 to 1."""

    drift: tuple[Drift, ...]
    asked: int  # questions
    wrong: float  # answered otherwise than what was rendered answers: the copy is not what was sent
    differs: float  # answered otherwise than our engine answers: the losses of the provider

    @property
    def intact(self) -> bool:
        """Whether the zone holds what was pushed, and answers by it."""
        broken = {Drifted.MISSING, Drifted.CHANGED, Drifted.STRAY, Drifted.UNFINISHED}
        return self.wrong <= SAME and not any(one.kind in broken for one in self.drift)


def sample(
    zone: ZonePlan, world: World, situation: Situation, desired: Desired
) -> tuple[Question, ...]:
    """Return questions to hold a copy against: of each policy and type its heaviest clients.

    Everything is taken to be up; *situation* gives the drains.
    """
    calm = replace(situation, health={})
    found: list[Question] = []
    policies = {policy.name: policy for policy in zone.policies}
    for one in desired.steered:
        policy, rtype = policies[one.policy], STEERED_TYPES[one.rtype]
        people = audience(compile_classes(policy, zone.sites, rtype, world), world)
        for member in sorted(people, key=lambda who: -who.weight)[:MOST_CLIENTS]:
            ours = our_answer(policy, zone.sites, member.cls, rtype, calm).chances
            found.append(Question(one.names[0], one.rtype, member.client, member.weight, ours))
    total = sum(each.weight for each in found) or 1.0
    return tuple(replace(each, weight=each.weight / total) for each in found)


def find_drift(plan: Plan, actual: Actual) -> tuple[Drift, ...]:
    """Return how *actual* differs from what was pushed.

    *plan* is made from *actual* and from what was pushed: what it would do is what has drifted.
    """
    return tuple(dict.fromkeys(_drift(plan, actual)))


def _drift(plan: Plan, actual: Actual) -> Iterator[Drift]:
    manifest = manifest_name(plan.zone)
    parent = plan.parent
    if parent is None or (not parent.complete and parent.owner == plan.request.owner):
        yield Drift(Drifted.UNFINISHED, manifest)
    elif parent.owner != plan.request.owner:
        yield Drift(Drifted.OWNER, manifest, parent.owner)
    kinds = {Action.CREATE: Drifted.MISSING, Action.UPDATE: Drifted.CHANGED,
             Action.DELETE: Drifted.STRAY}  # fmt: skip
    remade = {c.rrset.key for c in plan.changes if c.new is None} & {
        c.rrset.key for c in plan.changes if c.old is None
    }
    for change in plan.changes:
        one = change.rrset
        if one.name != manifest:
            kind = Drifted.CHANGED if one.key in remade else kinds[change.action]
            yield Drift(kind, " ".join(part for part in one.key if part))
    for conflict in plan.conflicts:
        kind = Drifted.OWNER if conflict.owner else Drifted.FOREIGN
        yield Drift(kind, " ".join(conflict.place), conflict.owner or "")
    for key in plan.unused:
        yield Drift(Drifted.ORPHAN, actual.supports[key].about)


def ask(
    dialect: Dialect, rendered: Rendered, actual: Actual, questions: Iterable[Question]
) -> tuple[int, float, float]:
    """Return how many *questions* there are, and the shares answered wrong and other than ours."""
    supports = {**actual.supports, **rendered.supports}
    up = probing(supports, ())
    sent = dialect.reader(rendered.rrsets, supports)
    held = dialect.reader(actual.rrsets, supports)
    asked, wrong, differs = 0, 0.0, 0.0
    for one in questions:
        asked += 1
        found = held.answer(one.name, one.rtype, one.client, up).chances
        meant = sent.answer(one.name, one.rtype, one.client, up).chances
        wrong += one.weight * difference(meant, found)
        differs += one.weight * difference(one.ours, found)
    return asked, wrong, differs
