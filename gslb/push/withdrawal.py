"""Endpoints taken out of a zone past our servers: from what it holds to what it is to hold.

The manifest is swapped with it. It keeps its generation, says which endpoints are out, and has the
hash of what is left. So our servers, when they are back, see that the zone is not what they pushed;
a plan of theirs that would bring such an endpoint back is stopped (`plan.Stopped.DRAINED`) until it
is drained with them too, or an operator forces it. The next push takes the words out again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from gslb.errors import GslbError
from gslb.push.batches import batches
from gslb.push.diff import compare, owned_keys
from gslb.push.objects import Actual, Batch, Rendered, manifest_name
from gslb.push.ownership import Manifest, owner_in, read_manifest
from gslb.push.plan import content_hash
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


def withdraw(
    dialect: Dialect, zone: str, actual: Actual, owner: str, gone: frozenset[str]
) -> Withdrawal:
    """Return what takes the endpoints that are answered as *gone* out of *actual*.

    Raises:
        NotWithdrawnError: the zone is not ours, or has none of them, or too many.
        NothingLeft: a name would have no endpoint.
    """
    found = actual.rrsets.get((manifest_name(zone), "TXT", ""))
    parent = read_manifest(dialect.text_of(found)) if found is not None else None
    if parent is None:
        raise NotWithdrawnError(f"{zone} has no manifest: it was never pushed from here")
    if parent.owner != owner:
        raise NotWithdrawnError(f'{zone} is pushed by "{parent.owner}", not by "{owner}"')
    meant = gone & (led_to(dialect, actual, owner) | set(parent.drained))
    if not meant:
        raise NotWithdrawnError(f"nobody is led to {', '.join(sorted(gone))} by {zone}")
    out = tuple(sorted({*parent.drained, *meant}))
    if len(out) > MAX_DRAINED:
        raise NotWithdrawnError(
            f"{len(out)} endpoints drained past our servers; {MAX_DRAINED} can be"
        )
    ours = {key: actual.rrsets[key] for key in owned_keys(dialect, actual, owner)}
    pruned = dialect.prune(ours, gone)
    left = Rendered(pruned.rrsets, actual.supports, (), {})
    diff = compare(dialect, left, actual, owner)
    said = replace(parent, drained=out, part=1, of=1, hash=content_hash(left))
    if not diff.units:
        return Withdrawal((), parent, 0, ())
    made = batches(dialect, zone, diff.units, said, found, actual.limits or dialect.limits)
    changed = sum(len(unit.changes) for unit in diff.units)
    return Withdrawal(made, said, changed, pruned.notes)


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
