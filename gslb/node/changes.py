"""What a reload changes: a short description of each plan and its world, and two of them compared.

A description is octets, so that it passes through the supervisor without being opened there.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property

from gslb import __version__
from gslb.node.compilation import MAX_SHOWN_NAMES, Changes, Difference
from gslb.policy.names import name_text
from gslb.policy.plan import Plan, Policy, ZonePlan
from gslb.steering.world import World

DIGEST_OCTETS = 8  # of one name; a collision hides one name of a message

_Digests = Mapping[bytes, bytes]  # by name in wire form
_known_parts: dict[type, tuple[str, ...]] = {}  # of each class; `fields` is slow
_PLACES = frozenset({"where", "capacity_at"})  # in files


@dataclass(frozen=True)  # no slots: cached_property keeps its value in the instance
class Description:
    """A plan and its world in digests."""

    policy: str  # Plan.hash
    world: bytes
    zones: _Digests
    names: _Digests

    @classmethod
    def of(cls, plan: Plan, world: World) -> Description:
        """Describe *plan* in *world*."""
        return cls(
            plan.hash,
            _world_digest(world),
            {zone.apex: _zone_digest(zone) for zone in plan.zones},
            {name: digest for zone in plan.zones for name, digest in _name_digests(zone)},
        )

    @cached_property
    def octets(self) -> bytes:
        """Return the description for `read`."""
        return pickle.dumps((self.policy, self.world, dict(self.zones), dict(self.names)))

    @classmethod
    def read(cls, octets: bytes) -> Description | None:
        """Return what `octets` of another process of ours described; None for none."""
        return cls(*pickle.loads(octets)) if octets else None  # noqa: S301 - our own child's

    def same(self, other: Description | None) -> bool:
        """Return whether both lead to the same answers, in any situation."""
        return other is not None and (self.policy, self.world) == (other.policy, other.world)

    def since(self, former: Description) -> Changes:
        """Return what has changed since *former*."""
        return Changes(
            _difference(self.zones, former.zones),
            _difference(self.names, former.names),
            self.world != former.world,
        )


def _difference(now: _Digests, before: _Digests) -> Difference:
    return Difference(
        _few(now.keys() - before.keys()),
        _few(before.keys() - now.keys()),
        _few(name for name in now.keys() & before.keys() if now[name] != before[name]),
    )


def _few(names: Iterable[bytes]) -> tuple[int, tuple[str, ...]]:
    found = sorted(names)
    return len(found), tuple(map(name_text, found[:MAX_SHOWN_NAMES]))


def _world_digest(world: World) -> bytes:
    """Return a digest of all in *world* that steers; measurements that are too old do not."""
    digest = hashlib.blake2b(__version__.encode())
    geo = world.geo
    for array in (geo.starts4, geo.pairs4, geo.starts6, geo.pairs6, geo.pair_place, geo.pair_asn):
        digest.update(array.tobytes())
    digest.update(repr(geo.places).encode())
    for cell in world.latency.cells if world.latency is not None else ():
        if cell.fresh(world.at):
            row = (str(cell.key), cell.site, cell.p50_ms, cell.p75_ms, cell.samples)
            digest.update(repr(row).encode())
    return digest.digest()


def _zone_digest(zone: ZonePlan) -> bytes:
    return _digest(_essence((zone.soa, zone.cuts, zone.ecs)))


def _name_digests(zone: ZonePlan) -> Iterator[tuple[bytes, bytes]]:
    """Yield each name of *zone* that has records, with a digest of all that decides its answers."""
    sites = {name: _digest(_essence(site)) for name, site in zone.sites.items()}
    policies = [_policy_digest(policy, sites) for policy in zone.policies]
    steered = {name: policies[index] for name, index in zone.names}
    for name in zone.static.keys() | steered.keys():
        fixed = _essence(zone.static.get(name, ()))
        yield name, _digest((steered.get(name, b""), fixed))


def _policy_digest(policy: Policy, sites: Mapping[str, bytes]) -> bytes:
    """Return a digest of *policy* and of its sites; what it is called decides nothing."""
    used = sorted({site for rule in policy.rules for site in rule.sites})
    parts = [_essence(getattr(policy, part)) for part in _parts(Policy) if part != "name"]
    return _digest((parts, [sites.get(site) for site in used]))


def _essence(value: object) -> object:
    """Return *value* without the places in files that it came from, in a form with one repr."""
    if value is None or isinstance(value, str | bytes | int | float):  # Enum with text too
        return value
    if isinstance(value, tuple):
        return [_essence(one) for one in value]
    if parts := _parts(type(value)):
        return [_essence(getattr(value, part)) for part in parts]
    if isinstance(value, Mapping):
        return sorted((key, _essence(one)) for key, one in value.items())
    if isinstance(value, frozenset):
        return sorted(value)
    return value


def _parts(kind: type) -> tuple[str, ...]:
    """Return the fields of a dataclass that decide something; a place in a file does not."""
    found = _known_parts.get(kind)
    if found is None:
        named = fields(kind) if is_dataclass(kind) else ()
        found = tuple(field.name for field in named if field.name not in _PLACES)
        _known_parts[kind] = found
    return found


def _digest(value: object) -> bytes:
    return hashlib.blake2b(repr(value).encode(), digest_size=DIGEST_OCTETS).digest()
