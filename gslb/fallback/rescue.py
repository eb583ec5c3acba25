"""A drain without a node, and its end: endpoints are taken out of the copies by what these hold.

Needs the settings (which copies, whose) and credentials; policies only where an endpoint is meant by
its id and Cloud DNS is to follow, which knows addresses alone.

What a copy held before the first such drain is kept in a file: the way back goes by it. Where the
file is not at hand policies do, if the copy was pushed from just these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from gslb.errors import GslbError
from gslb.fallback.alone import snapshot_of
from gslb.fallback.clients import connections
from gslb.fallback.keeping import held_before, keep
from gslb.fallback.messages import NO_COPY, CopyId, Which
from gslb.push.addresses import address_of
from gslb.push.apply import settle
from gslb.push.objects import Actual
from gslb.push.pace import Timing
from gslb.push.provider import Conflict, Provider, PushError, Unknown
from gslb.push.pruning import NothingLeft
from gslb.push.withdrawal import (
    NotWithdrawnError,
    Withdrawal,
    named,
    restore,
    withdraw,
)
from gslb.settings import PushSection, Settings
from gslb.steering.capacity import known_addresses
from gslb.wire.names import to_text

ROUNDS = 3  # readings of a zone that somebody else writes meanwhile


@dataclass(frozen=True, slots=True)
class Taken:
    """What has become of a drain at one copy."""

    copy: CopyId
    error: str = ""  # nothing was changed; empty: it is done, or was before
    drained: tuple[str, ...] = ()  # all that are out of the zone past our servers
    changed: int = 0  # record sets; 0 without an error: they were out before
    change: str = ""  # the provider's name of the last change
    insync: bool = False
    notes: tuple[str, ...] = ()  # what follows from it; for people


@dataclass
class OpenCopy:
    """A copy that is being worked on."""

    copy: CopyId
    provider: Provider
    actual: Actual = field(default_factory=Actual)
    before: Actual = field(default_factory=Actual)  # anything was taken out of it past our servers
    error: str = ""


def drain_directly(
    settings: Settings, which: Which, endpoint: str, *, dry: bool = False
) -> list[Taken]:
    """Take *endpoint* out of the copies that are meant.

    Args:
        settings: name copies and policies.
        which: of the copies.
        endpoint: an address, a host name with its final dot, or a location: "aws/us-east-1/az1".
        dry: only say what would be done.

    Raises:
        GslbError: no copy is meant, or nobody knows the endpoint.
    """
    found = [(one, connect) for one, connect in connections(settings.push) if which.has(one)]
    if not found:
        raise GslbError(NO_COPY)
    copies = [OpenCopy(one, connect()) for one, connect in found]
    return asyncio.run(_drain(settings, copies, endpoint, dry=dry))


def undrain_directly(
    settings: Settings, which: Which, endpoint: str, *, dry: bool = False
) -> list[Taken]:
    """Put *endpoint*, drained by `drain_directly`, back into the copies that are meant.

    Arguments and errors are those of `drain_directly`.
    """
    found = [(one, connect) for one, connect in connections(settings.push) if which.has(one)]
    if not found:
        raise GslbError(NO_COPY)
    copies = [OpenCopy(one, connect()) for one, connect in found]
    return asyncio.run(_undrain(settings, copies, endpoint, dry=dry))


async def _drain(
    settings: Settings, copies: Sequence[OpenCopy], endpoint: str, *, dry: bool
) -> list[Taken]:
    try:
        await _read(copies)
        if all(one.error for one in copies):
            return [Taken(one.copy, one.error) for one in copies]
        gone = _meant(settings, copies, endpoint)
        return [await _take_out_kept(settings, one, gone, dry=dry) for one in copies]
    finally:
        for one in copies:
            await one.provider.close()


async def _take_out_kept(
    settings: Settings, one: OpenCopy, gone: frozenset[str], *, dry: bool
) -> Taken:
    """Take *gone* out of one copy, what it held kept before."""
    owner, note = settings.push.owner or "", ""
    if not one.error and not dry:
        directory, dialect = settings.state_directory, one.provider.dialect
        note = keep(directory, one.copy, dialect, one.actual, owner)
    taken = await take_out(one, owner, gone, Timing(), dry=dry)
    return replace(taken, notes=(*taken.notes, note)) if note and taken.changed else taken


async def _undrain(
    settings: Settings, copies: Sequence[OpenCopy], endpoint: str, *, dry: bool
) -> list[Taken]:
    try:
        await _read(copies)
        owner = settings.push.owner or ""
        for one in copies:
            if not one.error:
                try:
                    dialect = one.provider.dialect
                    one.before = held_before(settings, one.copy, dialect, one.actual, owner)
                except GslbError as error:
                    one.error = str(error)
        if all(one.error for one in copies):
            return [Taken(one.copy, one.error) for one in copies]
        whole = [OpenCopy(one.copy, one.provider, one.before) for one in copies if not one.error]
        back = _meant(settings, whole, endpoint)
        return [await put_back(one, owner, back, Timing(), dry=dry) for one in copies]
    finally:
        for one in copies:
            await one.provider.close()


async def _read(copies: Iterable[OpenCopy]) -> None:
    for one in copies:
        try:
            one.actual = await one.provider.read()
        except PushError as error:
            one.error = str(error)


def _meant(settings: Settings, copies: Iterable[OpenCopy], endpoint: str) -> frozenset[str]:
    """Return what the endpoints that are meant are answered as. Raises GslbError."""
    if (address := address_of(endpoint)) is not None:
        return frozenset({str(address)})
    if endpoint.endswith("."):
        return frozenset({endpoint.lower()})
    push: PushSection = settings.push
    location = endpoint.strip("/")
    found = {rdata for one in copies for rdata in named(one.actual, push.owner or "", location)}
    try:
        found |= _in_policies(settings, location)
    except GslbError as error:
        if not found:
            raise GslbError(
                f'no identifier in the copies tells what "{endpoint}" is answered as, and the'
                f" policies cannot be read ({error}): name an address"
            ) from None
    if not found:
        raise GslbError(f'neither the copies nor the policies know an endpoint at "{endpoint}"')
    return frozenset(found)


def _in_policies(settings: Settings, location: str) -> set[str]:
    """Return what the policies say that endpoints at *location* are answered as."""
    snapshot = snapshot_of(settings)
    found: set[str] = set()
    for zone in snapshot.plan.zones:
        for site in zone.sites.values():
            for one in site.endpoints:
                if f"{one.id}/".startswith(f"{location}/"):
                    for octets in known_addresses(one, snapshot.situation):
                        found.update(str(ip_address(each)) for each in octets)
                    found.update([] if one.cname is None else [to_text(one.cname).lower()])
    return found


async def take_out(
    one: OpenCopy, owner: str, gone: frozenset[str], timing: Timing, *, dry: bool
) -> Taken:
    """Take what is answered as *gone* out of one copy, and wait until that is in sync."""
    dialect, zone = one.provider.dialect, one.copy.zone
    return await _carry_out(
        one, lambda: withdraw(dialect, zone, one.actual, owner, gone), timing, dry=dry
    )


async def put_back(
    one: OpenCopy, owner: str, back: frozenset[str], timing: Timing, *, dry: bool
) -> Taken:
    """Put what is answered as *back* into one copy again, and wait until that is in sync."""
    dialect, zone = one.provider.dialect, one.copy.zone
    return await _carry_out(
        one, lambda: restore(dialect, zone, one.actual, owner, one.before, back), timing, dry=dry
    )


async def _carry_out(
    one: OpenCopy, make: Callable[[], Withdrawal], timing: Timing, *, dry: bool
) -> Taken:
    """Carry out what *make* makes of the zone as it was read last."""
    if one.error:
        return Taken(one.copy, one.error)
    why = ""
    for _ in range(ROUNDS):
        try:
            made = make()
        except (NotWithdrawnError, NothingLeft) as error:
            return Taken(one.copy, str(error))
        if dry or not made.batches:
            return _taken(one, made, "", insync=not made.batches)
        changes: list[str] = []
        try:
            await one.provider.create(made.create)
            for batch in made.batches:
                change = await one.provider.commit(batch)
                changes.append(change)
            insync = await settle(one.provider, changes, timing)
            return _taken(one, made, change, insync=insync)
        except (Conflict, Unknown) as error:  # the manifest tells whether it has landed
            why = str(error)
        except PushError as error:
            return Taken(one.copy, str(error))
        try:
            one.actual = await one.provider.read()
        except PushError as error:
            return Taken(one.copy, str(error))
    return Taken(one.copy, f"somebody else writes, too: {why}")


def _taken(one: OpenCopy, made: Withdrawal, change: str, *, insync: bool) -> Taken:
    return Taken(
        one.copy,
        drained=made.manifest.drained,
        changed=made.changed,
        change=change,
        insync=insync,
        notes=made.notes,
    )
