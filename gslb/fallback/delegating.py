"""Which side answers: the delegation of a zone switched in its parent, or told to who can.

Needs no node: settings and credentials, and what names the servers: the copy itself, or what
`gslb push plan --direct --save` kept of it, for a provider's; the policies for our own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from gslb.errors import GslbError
from gslb.fallback import asking
from gslb.fallback.alone import snapshot_of
from gslb.fallback.clients import connections
from gslb.fallback.messages import Which
from gslb.policy.plan import ZonePlan
from gslb.push.apply import settle
from gslb.push.clouddns.parent import CloudDnsParent
from gslb.push.delegation import Delegation, Parent, obstacles, provider_servers, ttl_of
from gslb.push.dialects import DIALECTS
from gslb.push.objects import Actual, Place, Rrset
from gslb.push.pace import Timing
from gslb.push.provider import Conflict, PushError
from gslb.push.route53.parent import Route53Parent
from gslb.push.statefile import read_actual
from gslb.settings import ParentSection, Settings
from gslb.wire.constants import TYPE_A, TYPE_AAAA, TYPE_NS
from gslb.wire.names import lower, to_text

OWN = "own"  # our own servers, among the providers


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which delegation to make of what."""

    zone: str  # of ours, absolute
    to: str  # a provider, or OWN
    state: Path | None = None  # what a copy held
    at: tuple[tuple[str, int], ...] = ()  # the parent's servers: address and port; empty: found
    dry: bool = False
    force: bool = False  # although something stands in the way


@dataclass(frozen=True, slots=True)
class Delegated:
    """What has become of it."""

    wanted: Delegation
    parent: str  # "route53 example.com. (Z1)"; empty: none that we may change
    before: tuple[str, ...]  # the servers that the parent named
    done: bool  # it names those that are wanted
    change: str = ""  # the provider's name of the change; empty: none was made
    insync: bool = True
    follow: int | None = None  # seconds until resolvers do, at most; None: nobody knows
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class _Side:
    """The side that is switched to, and the TTL of the NS set of the one that is left."""

    servers: tuple[str, ...]
    glue: dict[str, tuple[str, ...]]
    addresses: tuple[str, ...]  # of all servers, where they are known
    left_ttl: int | None


def delegate(settings: Settings, wanted: Wanted) -> Delegated:
    """Switch the delegation of a zone, or say what to set where we cannot. Raises GslbError."""
    return asyncio.run(_delegate(settings, wanted))


async def _delegate(settings: Settings, wanted: Wanted) -> Delegated:
    side = await _side(settings, wanted)
    section = settings.push.parent
    meant = Delegation(wanted.zone, side.servers, section.ttl, side.glue)
    if wanted.to == OWN and not (wanted.force or wanted.dry):
        await _check_own(wanted.zone, side)
    found = parent_of(section, wanted.zone)
    if found is None:
        return await _by_hand(settings, wanted, meant, side)
    label, connect = found
    parent = connect()
    try:
        return await switch(parent, label, meant, wanted, side.left_ttl, Timing())
    finally:
        await parent.close()


async def switch(
    parent: Parent, label: str, meant: Delegation, wanted: Wanted, left_ttl: int | None,
    timing: Timing,
) -> Delegated:  # fmt: skip
    """Make the parent name the servers of *meant*; nothing is changed if it does."""
    for last in (False, True):
        held = await parent.read([meant.zone, *meant.glue])
        old = held.get((meant.zone, "NS"))
        before = servers_in(parent, old)
        done = before == meant.servers and old is not None and ttl_of(old) == meant.ttl
        if not done:
            _refuse(parent, meant, held, wanted)
        if done or wanted.dry:
            return Delegated(meant, label, before, done)
        try:
            change = await parent.delegate(meant, old)
        except Conflict:
            if last:
                raise
            continue  # somebody else, or we ourselves and the reply was lost
        break
    insync = await settle(parent, [change], timing)
    ttls = [ttl for ttl in (ttl_of(old), left_ttl) if ttl is not None]
    return Delegated(meant, label, before, True, change, insync, max(ttls, default=None))


def _refuse(parent: Parent, meant: Delegation, held: dict[Place, Rrset], wanted: Wanted) -> None:
    """Raise GslbError if something stands in the way and the operator does not insist."""
    if (found := obstacles(meant, parent.dialect, held)) and not wanted.force:
        lines = "\n  ".join(["; ".join(found) + ". To be set in the parent:", *meant.records()])
        raise GslbError(f"{meant.zone} is not delegated to {wanted.to}: {lines}")


def servers_in(parent: Parent, one: Rrset | None) -> tuple[str, ...]:
    """Return the servers that an NS set names, sorted."""
    return () if one is None else tuple(sorted(t.lower() for t in parent.dialect.text_of(one)))


async def _by_hand(settings: Settings, wanted: Wanted, meant: Delegation, side: _Side) -> Delegated:
    """Say what the parent says now; it is somebody else's to change."""
    servers = [(one.address, one.port) for one in settings.resolvers]
    try:
        said = await asking.parent_says(wanted.zone, wanted.at, servers)
    except GslbError as error:
        return Delegated(meant, "", (), False, notes=(str(error),))
    done = said.servers == meant.servers
    ttls = [ttl for ttl in (said.ttl, side.left_ttl) if ttl is not None]
    return Delegated(meant, "", said.servers, done, follow=max(ttls, default=None),
                     notes=(f"asked {said.at}",))  # fmt: skip


async def _check_own(zone: str, side: _Side) -> None:
    """Raise GslbError unless each of our servers answers for *zone*, as far as we know them."""
    silent = [one for one in side.addresses if not await asking.answers_for(zone, one)]
    if silent or not side.addresses:
        which = ", ".join(silent) or "none of them has an address in the policies"
        raise GslbError(
            f"{zone} is not delegated to our own servers: they do not all answer for it ({which});"
            " --force delegates all the same"
        )


def parent_of(section: ParentSection, zone: str) -> tuple[str, Callable[[], Parent]] | None:
    """Return the nearest parent of *zone* that we may change, in words, and what connects to it."""
    found: list[tuple[int, str, Callable[[], Parent]]] = []
    for aws in section.route53:
        if zone.endswith(f".{aws.zone}"):
            label = f"route53 {aws.zone} ({aws.zone_id})"
            found.append((len(aws.zone), label, partial(Route53Parent, aws.zone_id)))
    for google in section.clouddns:
        if zone.endswith(f".{google.zone}"):
            label = f"clouddns {google.zone} ({google.project}/{google.managed_zone})"
            made = partial(CloudDnsParent, google.project, google.managed_zone)
            found.append((len(google.zone), label, made))
    if not found:
        return None
    _, label, connect = max(found, key=lambda one: one[0])
    return label, connect


async def _side(settings: Settings, wanted: Wanted) -> _Side:
    """Return the servers that are switched to. Raises GslbError."""
    own: _Side | None = None
    why = ""
    try:
        zone = (await asyncio.to_thread(snapshot_of, settings)).zone(wanted.zone)
        own = _own_side(zone) if zone is not None else None
        why = f"{wanted.zone} is not in them"
    except GslbError as error:
        why = str(error)
    if wanted.to == OWN:
        if own is None:
            raise GslbError(f"the policies do not tell our own servers: {why}")
        return own
    actual = await _copy(settings, wanted)
    ours = own.servers if own is not None else ()
    servers = provider_servers(DIALECTS[wanted.to], wanted.zone, actual, ours)
    if not servers:
        raise GslbError(f"the copy of {wanted.zone} at {wanted.to} names no servers of its own")
    return _Side(servers, {}, (), own.left_ttl if own is not None else None)


def _own_side(zone: ZonePlan) -> _Side:
    """Return our own servers, as the policies have them."""
    apex = to_text(zone.apex).lower()
    ns = next(one for one in zone.static[zone.apex] if one.rtype == TYPE_NS)
    glue: dict[str, tuple[str, ...]] = {}
    for rdata in ns.rdatas:
        name = lower(rdata)
        found = [
            str(ip_address(octets))
            for one in zone.static.get(name, ())
            if one.rtype in {TYPE_A, TYPE_AAAA}
            for octets in one.rdatas
        ]
        glue[to_text(name).lower()] = tuple(found)
    inside = {server: found for server, found in glue.items() if server.endswith(f".{apex}")}
    addresses = tuple(address for found in glue.values() for address in found)
    return _Side(tuple(sorted(glue)), inside, addresses, ns.ttl)


async def _copy(settings: Settings, wanted: Wanted) -> Actual:
    """Return what the copy holds, or held. Raises GslbError."""
    if wanted.state is not None:
        return read_actual(wanted.state, wanted.to, wanted.zone)
    which = Which(wanted.to, wanted.zone)
    known = [(one, connect) for one, connect in connections(settings.push) if which.has(one)]
    if len(known) != 1:
        raise GslbError(
            f"{len(known)} copies of {wanted.zone} at {wanted.to} in gslb.yaml; --state FILE names"
            " one"
        )
    provider = known[0][1]()
    try:
        return await provider.read()
    except PushError as error:
        raise GslbError(
            f"the copy of {wanted.zone} at {wanted.to} cannot be read ({error}); --state FILE is"
            " what `gslb push plan --direct --save FILE` kept of it"
        ) from None
    finally:
        await provider.close()
