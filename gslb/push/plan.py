"""A plan: what a push would do to a zone, with every reason not to. Sorted, hashed, never empty sets.

It is bound to what was read: its batches delete exactly that, and the hash covers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gslb.push.batches import batches, oversized
from gslb.push.diff import Conflict, Diff, compare
from gslb.push.losses import Loss
from gslb.push.model import Desired, Refusal
from gslb.push.objects import (
    Action,
    Actual,
    Batch,
    Change,
    Limits,
    Place,
    Rendered,
    Rrset,
    Support,
    digest,
    manifest_name,
)
from gslb.push.ownership import Manifest, read_manifest
from gslb.push.provider import Dialect
from gslb.push.quarantine import without
from gslb.push.warnings import Unanswered, unanswered


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a plan stops for an operator's word. Shares of 1."""

    deletes: float = 0.3  # of the record sets that are ours
    updates: float = 0.3
    at_least: int = 10  # sets of ours; below this the two above do not count
    weight: float = 0.5  # that a group may lose other than by drains
    checks: float = 0.9  # of the quota
    cost_rise: float | None = None  # US dollars a month; None: any


class Stopped(StrEnum):
    """Why a plan is not carried out by itself."""

    DELETES = "deletes"
    UPDATES = "updates"
    WEIGHT = "weight"
    COST = "cost"
    CHECKS_NEAR = "checks-near-quota"
    DRAINED = "drained-there"
    # these no word of an operator overcomes
    CHECKS = "checks-over-quota"
    RRSETS = "records-over-quota"
    EMPTY = "empty-set"
    OVERSIZED = "too-large-for-a-batch"
    INNER = "conflict-in-tree"
    OWNER = "other-owner"
    STALE = "stale-generation"


PASSABLE = frozenset({Stopped.DELETES, Stopped.UPDATES, Stopped.WEIGHT, Stopped.COST,
                      Stopped.CHECKS_NEAR, Stopped.DRAINED})  # fmt: skip
DRAINS_PASS = frozenset({Stopped.DELETES, Stopped.UPDATES, Stopped.WEIGHT})


@dataclass(frozen=True, slots=True)
class Stop:
    """One reason not to go on, with its numbers."""

    kind: Stopped
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """Who pushes, and what is asked for beside the policies."""

    owner: str
    generation: int  # of what is desired; a zone that holds a higher one is left alone
    thresholds: Thresholds = Thresholds()
    takeover: frozenset[str] = frozenset()  # names, absolute
    globs: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()  # what is left alone, as in `ignoring.is_ignored`
    drain: bool = False  # this push carries a drain: the shares above do not stop it
    force: bool = False  # an operator has seen the stops
    predecessor: str = ""  # another owner, whose records and manifest become ours
    quarantine: frozenset[str] = frozenset()  # names that the provider refused: left as they are


@dataclass(frozen=True, slots=True)
class Plan:
    """What a push would do. Equal inputs make equal plans."""

    provider: str
    zone: str
    request: Request
    parent: Manifest | None
    desired_hash: str
    create: tuple[Support, ...]  # before the batches, in order
    batches: tuple[Batch, ...]
    unused: tuple[str, ...]  # keys of supports that nothing names afterwards; go after a TTL
    conflicts: tuple[Conflict, ...]
    refusals: tuple[Refusal, ...]
    quarantined: tuple[Place, ...]  # what clients ask for and the provider refuses
    losses: tuple[Loss, ...]
    warnings: tuple[Unanswered, ...]
    stops: tuple[Stop, ...]
    counts: Mapping[str, int]
    quota: Mapping[str, tuple[int, int]]  # used after the push, allowed
    cost: tuple[float, float]  # US dollars a month for checks, before and after
    hash: str

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return all changes in order, those of the manifest too."""
        return tuple(change for batch in self.batches for change in batch.changes)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.batches and not self.create

    @property
    def blocked(self) -> tuple[Stop, ...]:
        """Return the stops that hold, given what was asked for."""
        return tuple(
            stop
            for stop in self.stops
            if not (self.request.force and stop.kind in PASSABLE)
            and not (self.request.drain and stop.kind in DRAINS_PASS)
        )


def make_plan(
    dialect: Dialect, desired: Desired, rendered: Rendered, actual: Actual, request: Request
) -> Plan:
    """Return what it takes to turn *actual* into *rendered*."""
    zone = desired.zone
    refused = [(name, one.rtype) for one in desired.refusals for name in one.names]
    sound, quarantined = without(dialect, rendered, request.quarantine)
    diff = compare(
        dialect, sound, actual, request.owner, (*refused, *quarantined),
        request.takeover, request.globs, request.predecessor, request.ignore,
    )  # fmt: skip
    found = actual.rrsets.get((manifest_name(zone), "TXT", ""))
    parent = read_manifest(dialect.text_of(found)) if found is not None else None
    wanted = content_hash(rendered)
    limits = actual.limits or dialect.limits
    after = _after(actual, diff)
    create, unused = _supports(dialect, rendered, actual, after)
    settled = (
        parent is not None and parent.complete and parent.hash == wanted
        and parent.owner == request.owner and not diff.units and not parent.drained
    )  # fmt: skip
    manifest = Manifest(request.owner, request.generation, wanted, 1, 1)
    made = () if settled else batches(dialect, zone, diff.units, manifest, found, limits)
    counts = _counts(diff)
    held = [one for one in actual.supports.values() if one.kind == "check"]
    fresh = [one for one in create if one.kind == "check"]
    quota = {
        "records": (len(after) + (found is None), limits.rrsets),
        "checks": (
            dialect.checks_used(after.values(), actual.foreign_checks + len(held) + len(fresh)),
            limits.checks,
        ),
    }
    used = dialect.checks_used(actual.rrsets.values(), actual.foreign_checks + len(held))
    cost = (
        dialect.monthly_cost(held),
        dialect.monthly_cost([one for one in [*held, *fresh] if one.key not in unused]),
    )
    stops = [
        *_rank_stops(parent, found, request, wanted),
        *_drained_stops(dialect, parent, rendered),
        *_object_stops(dialect, diff, limits),
        *_share_stops(counts, diff, request.thresholds),
        *_weight_stops(dialect, actual, after, desired, request.thresholds),
        *_quota_stops(quota, used, len(fresh), limits, cost, request.thresholds),
    ]
    identity = [
        dialect.name, zone, request.owner, request.generation, wanted,
        found.text if found is not None else None, [one.key for one in create],
        [[c.action, c.old and c.old.text, c.new and c.new.text] for b in made for c in b.changes],
    ]  # fmt: skip
    return Plan(
        provider=dialect.name,
        zone=zone,
        request=request,
        parent=parent,
        desired_hash=wanted,
        create=create,
        batches=made,
        unused=unused,
        conflicts=diff.conflicts,
        refusals=desired.refusals,
        quarantined=quarantined,
        losses=rendered.losses,
        warnings=unanswered(desired),
        stops=tuple(stops),
        counts=counts,
        quota=quota,
        cost=cost,
        hash=digest(identity),
    )


def content_hash(rendered: Rendered) -> str:
    """Return the hash of everything that is wanted: the manifest carries it."""
    return digest(sorted(one.text for one in rendered.rrsets.values()))


def _after(actual: Actual, diff: Diff) -> dict[tuple[str, str, str], Rrset]:
    """Return the zone's record sets as they are after the changes."""
    after = dict(actual.rrsets)
    for unit in diff.units:
        for change in unit.changes:
            after.pop(change.rrset.key, None)
            if change.new is not None:
                after[change.new.key] = change.new
    return after


def _supports(
    dialect: Dialect,
    rendered: Rendered,
    actual: Actual,
    after: Mapping[tuple[str, str, str], Rrset],
) -> tuple[tuple[Support, ...], tuple[str, ...]]:
    """Return the supports to make, those that others need first, and ours that nothing names."""
    known = {**actual.supports, **rendered.supports}
    used = _used(dialect, known, after.values())
    create = tuple(one for key, one in used.items() if key not in actual.supports)
    return create, tuple(sorted(actual.supports.keys() - used.keys()))


def missing(dialect: Dialect, rendered: Rendered, actual: Actual) -> tuple[Support, ...]:
    """Return the supports that *rendered* needs and *actual* lacks, those that others need first."""
    used = _used(dialect, rendered.supports, rendered.rrsets.values())
    return tuple(one for key, one in used.items() if key not in actual.supports)


def idle(dialect: Dialect, actual: Actual) -> frozenset[str]:
    """Return the keys of our supports that nothing in the zone names."""
    return (
        frozenset(actual.supports) - _used(dialect, actual.supports, actual.rrsets.values()).keys()
    )


def _used(
    dialect: Dialect, known: Mapping[str, Support], rrsets: Iterable[Rrset]
) -> dict[str, Support]:
    """Return those of *known* that *rrsets* name, behind those that they need themselves."""
    used: dict[str, Support] = {}

    def use(key: str) -> None:
        if key in known and key not in used:
            for needed in known[key].needs:
                use(needed)
            used[key] = known[key]

    for one in sorted(rrsets, key=lambda one: one.key):
        for key in sorted(dialect.supports_of(one)):
            use(key)
    return used


def _counts(diff: Diff) -> dict[str, int]:
    changes = [change for unit in diff.units for change in unit.changes]
    counts = {action.value: sum(c.action is action for c in changes) for action in Action}
    remade = {c.rrset.key for c in changes if c.new is None} & {
        c.rrset.key for c in changes if c.old is None
    }  # another kind of policy under the same identifier
    counts["create"] -= len(remade)
    counts["delete"] -= len(remade)
    counts["update"] += len(remade)
    return {**counts, "owned": diff.owned, "foreign": diff.foreign, "kept": diff.kept}


def _rank_stops(
    parent: Manifest | None, found: Rrset | None, request: Request, wanted: str
) -> Iterable[Stop]:
    """Yield a stop if somebody else has the zone, or somebody newer."""
    if found is not None and parent is None:
        yield Stop(Stopped.OWNER, f"{found.name} holds what is no manifest of ours")
    if parent is None:
        return
    if parent.owner not in {request.owner, request.predecessor}:
        yield Stop(Stopped.OWNER, f'the zone is pushed by "{parent.owner}"')
    elif parent.generation > request.generation or (
        parent.generation == request.generation and parent.hash != wanted and not parent.drained
    ):
        text = f"the zone holds generation {parent.generation}, this is {request.generation}"
        yield Stop(Stopped.STALE, text)


def _drained_stops(dialect: Dialect, parent: Manifest | None, rendered: Rendered) -> Iterable[Stop]:
    """Yield a stop if the push would end drains that were made past our servers (`withdrawal`)."""
    served = {rdata for one in rendered.rrsets.values() for rdata in dialect.weights(one)}
    if parent is not None and (ended := [one for one in parent.drained if one in served]):
        text = f"{', '.join(ended)} drained there while we were away: drain here, too"
        yield Stop(Stopped.DRAINED, text)


def _object_stops(dialect: Dialect, diff: Diff, limits: Limits) -> Iterable[Stop]:
    for conflict in diff.conflicts:
        if conflict.inner:
            yield Stop(Stopped.INNER, str(conflict))
    for unit in oversized(dialect, diff.units, limits):
        yield Stop(Stopped.OVERSIZED, f"{unit.place[0]} {unit.place[1]}")
    for unit in diff.units:
        for change in unit.changes:
            if change.new is not None and not dialect.live(change.new):
                yield Stop(Stopped.EMPTY, f"{change.new.name} {change.new.rtype}")


def _share_stops(counts: Mapping[str, int], diff: Diff, thresholds: Thresholds) -> Iterable[Stop]:
    if diff.owned < thresholds.at_least:
        return
    pairs = ((Stopped.DELETES, "delete", thresholds.deletes),
             (Stopped.UPDATES, "update", thresholds.updates))  # fmt: skip
    for kind, word, share in pairs:
        if counts[word] > share * diff.owned:
            text = f"{counts[word]} of {diff.owned} record sets: more than {share:.0%}"
            yield Stop(kind, text)


def _weight_stops(
    dialect: Dialect,
    actual: Actual,
    after: Mapping[tuple[str, str, str], Rrset],
    desired: Desired,
    thresholds: Thresholds,
) -> Iterable[Stop]:
    """Yield a stop for each group that loses much of its weight other than by drains."""
    groups: dict[tuple[str, str], tuple[dict[str, float], dict[str, float]]] = {}
    for side, rrsets in enumerate((actual.rrsets, after)):
        for one in rrsets.values():
            for rdata, weight in dialect.weights(one).items():
                held = groups.setdefault(one.place, ({}, {}))[side]
                held[rdata] = held.get(rdata, 0.0) + weight
    for (name, rtype), (before, now) in sorted(groups.items()):
        whole = sum(before.values())
        lost = sum(w for r, w in before.items() if r not in now and r not in desired.drained)
        if now and whole and lost > thresholds.weight * whole:
            yield Stop(Stopped.WEIGHT, f"{name} {rtype} loses {lost / whole:.0%} of its weight")


def _quota_stops(
    quota: Mapping[str, tuple[int, int]],
    before: int,
    fresh: int,
    limits: Limits,
    cost: tuple[float, float],
    thresholds: Thresholds,
) -> Iterable[Stop]:
    used, allowed = quota["checks"]
    if used > allowed and used > before:
        yield Stop(Stopped.CHECKS, f"{used} health checks of {allowed}")
    elif used > thresholds.checks * allowed and used > before:
        yield Stop(Stopped.CHECKS_NEAR, f"{used} health checks of {allowed}")
    if limits.new_checks_a_day is not None and fresh > limits.new_checks_a_day:
        yield Stop(Stopped.CHECKS, f"{fresh} new health checks, {limits.new_checks_a_day} a day")
    used, allowed = quota["records"]
    if used > allowed:
        yield Stop(Stopped.RRSETS, f"{used} record sets of {allowed}")
    rise = cost[1] - cost[0]
    if thresholds.cost_rise is not None and rise > thresholds.cost_rise:
        yield Stop(Stopped.COST, f"{rise:.2f} US dollars a month more")
