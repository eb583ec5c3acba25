"""Units of changes → batches that a provider takes, each with a swap of the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gslb.push.diff import Unit
from gslb.push.objects import Action, Batch, Change, Limits, Rrset, manifest_name
from gslb.push.ownership import Manifest
from gslb.push.provider import Dialect

MANIFEST_TTL = 60  # seconds


def batches(
    dialect: Dialect,
    zone: str,
    units: Sequence[Unit],
    manifest: Manifest,
    found: Rrset | None,
    limits: Limits,
) -> tuple[Batch, ...]:
    """Return *units*, in their order, in as few batches as the limits allow.

    Args:
        dialect: the provider's.
        zone: its name.
        units: none of them is divided.
        manifest: what the last batch leaves; its parts are counted here.
        found: the manifest as it was read; None: there is none.
        limits: of one batch.
    """
    packed = _packed(dialect, units, limits) or [()]
    made: list[Batch] = []
    old = found
    for part, changes in enumerate(packed, 1):
        said = replace(manifest, part=part, of=len(packed))
        new = dialect.text(manifest_name(zone), MANIFEST_TTL, said.text())
        swap = Change(Action.UPDATE if old is not None else Action.CREATE, old, new)
        made.append(Batch((*changes, swap), part, len(packed)))
        old = new
    return tuple(made)


def oversized(dialect: Dialect, units: Sequence[Unit], limits: Limits) -> list[Unit]:
    """Return the units that no batch can take."""
    most = _room(limits)
    return [
        unit
        for unit in units
        if any(a > b for a, b in zip(_size(dialect, unit), most, strict=True))
    ]


def _room(limits: Limits) -> tuple[int, int]:
    """Return what a batch takes beside the swap of the manifest, which is two short texts."""
    return limits.batch_elements - 2, limits.batch_characters - 512


def _size(dialect: Dialect, unit: Unit) -> tuple[int, int]:
    sizes = [dialect.size(change) for change in unit.changes]
    return sum(size[0] for size in sizes), sum(size[1] for size in sizes)


def _packed(dialect: Dialect, units: Sequence[Unit], limits: Limits) -> list[tuple[Change, ...]]:
    """Return the changes of each batch."""
    most = _room(limits)
    packed: list[list[Change]] = []
    used = most
    for unit in units:
        size = _size(dialect, unit)
        if not packed or used[0] + size[0] > most[0] or used[1] + size[1] > most[1]:
            packed.append([])
            used = (0, 0)
        packed[-1] += unit.changes
        used = used[0] + size[0], used[1] + size[1]
    return [tuple(changes) for changes in packed]
