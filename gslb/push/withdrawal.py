"""Endpoints taken out of a zone past our servers, and put back: what it is to hold by what it held.

The manifest is swapped with it. It keeps its generation, says which endpoints are out, and has the
hash of what is left. So our servers, when they are back, see that the zone is not what they pushed;
a plan of theirs that would bring such an endpoint back is stopped (`plan.Stopped.DRAINED`) until it
is drained with them too, or an operator forces it. The next push takes the words out again.

The way back starts from what the zone held before the first of these endpoints was taken out, and
takes out those that are to stay out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from gslb.errors import GslbError
from gslb.push.batches import batches
from gslb.push.diff import compare, owned_keys
from gslb.push.objects import (
    Actual,
    Batch,
    Rendered,
    Rrset,
    RrsetKey,
    Support,
    manifest_name,
)
from gslb.push.ownership import Manifest, owner_in, read_manifest
from gslb.push.plan import content_hash, missing
from gslb.push.provider import Dialect

MAX_DRAINED = 64  # endpoints that a manifest names: a TXT record of 3 kB or so


class NotWithdrawnError(GslbError):
    """Nothing is taken out; the text is for people."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What takes endpoints out of a zone."""

    batches: tuple[Batch, ...]  # empty: they are out already
    manifest: Manifest  # afterwards
    changed: int  # record sets
    notes: tuple[str, ...]  # what follows from it; for people
    create: tuple[Support, ...] = ()  # before the batches, in order


def withdraw(
    dialect: Dialect, zone: str, actual: Actual, owner: str, gone: frozenset[str]
) -> Withdrawal:
    """Return what takes the endpoints that are answered as *gone* out of *actual*.

    Raises:
        NotWithdrawnError: the zone is not ours, or has none of them, or too many.
        NothingLeft: a name would have no endpoint.
    """
    parent = _parent(dialect, zone, actual, owner)
    meant = gone & (led_to(dialect, actual, owner) | set(parent.drained))
    if not meant:
        raise NotWithdrawnError(f"nobody is led to {', '.join(sorted(gone))} by {zone}")
    out = tuple(sorted({*parent.drained, *meant}))
    if len(out) > MAX_DRAINED:
        raise NotWithdrawnError(
            f"{len(out)} endpoints drained past our servers; {MAX_DRAINED} can be"
        )
    pruned = dialect.prune(ours_in(dialect, actual, owner), gone)
    left = Rendered(pruned.rrsets, actual.supports, (), {})
    return _turned(dialect, zone, actual, parent, out, left, pruned.notes)


def restore(
    dialect: Dialect, zone: str, actual: Actual, owner: str, before: Actual, back: frozenset[str]
) -> Withdrawal:
    """Return what puts the endpoints that are answered as *back* into *actual* again, if it does.

    Args:
        dialect: of the zone.
        zone: its name.
        actual: as it is.
        owner: whose it is.
        before: as it was before any of the endpoints that are out by now was taken out.
        back: some of those.

    Raises:
        NotWithdrawnError: the zone is not ours, *back* is not out of it past our servers, or it was
            pushed after *before*.
        NothingLeft: without those that stay out a name would have no endpoint.
    """
    parent = _parent(dialect, zone, actual, owner)
    if not back & set(parent.drained):
        if back & led_to(dialect, actual, owner):
            return Withdrawal((), parent, 0, ())
        raise NotWithdrawnError(
            f"{', '.join(sorted(back))} was not drained past our servers: gslb undrain ends other"
            " drains"
        )
    then = _parent(dialect, zone, before, owner)
    if (then.generation, then.drained) != (parent.generation, ()):
        raise NotWithdrawnError(
            f"what was kept is generation {then.generation}, the zone is {parent.generation}"
        )
    out = tuple(one for one in parent.drained if one not in back)
    pruned = dialect.prune(ours_in(dialect, before, owner), frozenset(out))
    supports = {**before.supports, **actual.supports}
    left = Rendered(pruned.rrsets, supports, (), {})
    return _turned(dialect, zone, actual, parent, out, left, pruned.notes if out else ())


def _parent(dialect: Dialect, zone: str, actual: Actual, owner: str) -> Manifest:
    """Return the manifest of a zone that is ours. Raises NotWithdrawnError."""
    parent = manifest_of(dialect, zone, actual)
    if parent is None:
        raise NotWithdrawnError(f"{zone} has no manifest: it was never pushed from here")
    if parent.owner != owner:
        raise NotWithdrawnError(f'{zone} is pushed by "{parent.owner}", not by "{owner}"')
    return parent


def manifest_of(dialect: Dialect, zone: str, actual: Actual) -> Manifest | None:
    """Return what the manifest in *actual* says; None: there is none of ours."""
    found = actual.rrsets.get((manifest_name(zone), "TXT", ""))
    return read_manifest(dialect.text_of(found)) if found is not None else None


def ours_in(dialect: Dialect, actual: Actual, owner: str) -> dict[RrsetKey, Rrset]:
    """Return the record sets of *owner* in *actual*, marks too."""
    return {key: actual.rrsets[key] for key in owned_keys(dialect, actual, owner)}


def _turned(
    dialect: Dialect,
    zone: str,
    actual: Actual,
    parent: Manifest,
    out: tuple[str, ...],
    left: Rendered,
    notes: tuple[str, ...],
) -> Withdrawal:
    """Return what makes the zone hold *left* of ours, and say that *out* are out of it."""
    diff = compare(dialect, left, actual, parent.owner)
    if not diff.units and out == parent.drained:
        return Withdrawal((), parent, 0, ())
    said = replace(parent, drained=out, part=1, of=1, hash=content_hash(left))
    found = actual.rrsets[manifest_name(zone), "TXT", ""]
    made = batches(dialect, zone, diff.units, said, found, actual.limits or dialect.limits)
    changed = sum(len(unit.changes) for unit in diff.units)
    create = missing(dialect, left, actual)
    return Withdrawal(made, said, changed, (*notes, *map(str, diff.conflicts)), create)


def named(actual: Actual, owner: str, location: str) -> frozenset[str]:
    """Return the RDATA of the endpoints at *location* ("aws/us-east-1"), as identifiers tell them.

    Route 53 has identifiers, which name endpoints (`route53.render`); Cloud DNS has none.
    """
    found: set[str] = set()
    for one in actual.rrsets.values():
        if owner_in(one.ident) == owner and (values := one.body.get("ResourceRecords")):
            endpoint = one.ident.split("/", 2)[2].partition("#")[0]
            if "Weight" in one.body and f"{endpoint}/".startswith(f"{location}/"):
                found.update(value["Value"] for value in cast("list[dict[str, str]]", values))
    return frozenset(found)


def led_to(dialect: Dialect, actual: Actual, owner: str) -> frozenset[str]:
    """Return the RDATA that *owner*'s steered sets of *actual* lead clients to."""
    ours = owned_keys(dialect, actual, owner)
    return frozenset(rdata for key in ours for rdata in dialect.weights(actual.rrsets[key]))
