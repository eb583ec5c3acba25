"""How much of a site can be answered now: its endpoints judged, weighed and counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gslb.policy.plan import Check, Drained, Endpoint, Families, Policy, Site
from gslb.steering.model import Level
from gslb.steering.situation import AliasAddresses, Health, Situation, Status
from gslb.wire.constants import TYPE_A, TYPE_AAAA, TYPE_HTTPS

WEIGHT_UNIT = 1000  # effective weights are whole thousandths, so that chances are exact
MAX_ALIAS_ADDRESSES = 8  # per family; who runs an alias's zone must not size our answers
_NO_ADDRESSES = AliasAddresses()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One endpoint that belongs to a type, as it stands now.

    `a` and `aaaa` hold what could be answered of each family; both are empty for a CNAME and for
    an alias that has not been resolved. `effective` is the weight in thousandths after the ramp;
    an endpoint of weight 0 is as heavy as one of weight 1, and used only when no other is left.
    """

    endpoint: Endpoint
    zone: str
    health: Health
    status: Status
    drained: Drained | None
    leaving: bool  # it will be drained soon; who has its address is to ask again soon
    a: tuple[bytes, ...]
    aaaa: tuple[bytes, ...]
    effective: int

    @property
    def standby(self) -> bool:
        """Whether it is used only when every weighted endpoint of the site is gone."""
        return self.endpoint.weight == 0

    @property
    def nominal(self) -> int:
        """Its weight in thousandths if nothing ramped."""
        return (self.endpoint.weight or 1) * WEIGHT_UNIT

    @property
    def resolved(self) -> bool:
        """Whether there is something to answer."""
        return self.endpoint.cname is not None or bool(self.a or self.aaaa)


@dataclass(frozen=True, slots=True)
class Supply:
    """What one site has for one policy and type. Shares are of its whole weight, 0 to 1.

    `weight` 0: nothing of the site belongs to the type (its aliases are known to have none).
    """

    site: str
    weight: int  # thousandths, of every endpoint that belongs to the type
    healthy: float  # undrained and not down, ramps counted: the capacity
    believed: float  # the same without ramps: what panic is judged by
    undrained: float
    present: float  # drained ones too: 0 only if nothing is resolved


def candidates(
    site: Site, check: Check | None, families: Families, rtype: int, situation: Situation
) -> tuple[Candidate, ...]:
    """Return the endpoints of *site* that belong to *rtype*, judged by *check*.

    An alias that is known to have addresses of the other family only does not belong.
    """
    found = []
    for zone in site.zones:
        for endpoint in zone.endpoints:
            addresses = _addresses(endpoint, rtype, situation)
            if addresses is None:
                continue
            a, aaaa = addresses
            health = situation.health_of(endpoint, check)
            effective = (endpoint.weight or 1) * max(1, round(health.ramp * WEIGHT_UNIT))
            found.append(
                Candidate(
                    endpoint=endpoint,
                    zone=zone.name,
                    health=health,
                    status=judge(endpoint, rtype, families, health, situation),
                    drained=situation.drain_of(endpoint),
                    leaving=endpoint.id in situation.leaving,
                    a=a,
                    aaaa=aaaa,
                    effective=effective,
                )
            )
    return tuple(found)


def _addresses(
    endpoint: Endpoint, rtype: int, situation: Situation
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]] | None:
    """Return what *endpoint* has for *rtype*, by family; None if it does not belong to the type."""
    if endpoint.cname is not None:
        return (), ()
    a, aaaa = known_addresses(endpoint, situation)
    if endpoint.alias is not None and not (a or aaaa):
        return a, aaaa  # it will have some, once it is resolved
    a = a if rtype in {TYPE_A, TYPE_HTTPS} else ()
    aaaa = aaaa if rtype in {TYPE_AAAA, TYPE_HTTPS} else ()
    return (a, aaaa) if a or aaaa else None


def known_addresses(
    endpoint: Endpoint, situation: Situation
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the IPv4 and the IPv6 addresses of *endpoint*, those of an alias as resolved last."""
    if endpoint.alias is not None:
        known = situation.aliases.get(endpoint.alias, _NO_ADDRESSES)
        return _first(known.a), _first(known.aaaa)
    return (
        (endpoint.a,) if endpoint.a is not None else (),
        (endpoint.aaaa,) if endpoint.aaaa is not None else (),
    )


def _first(addresses: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return a bounded number of *addresses*, in an order that no resolver has a say in."""
    return tuple(sorted(set(addresses))[:MAX_ALIAS_ADDRESSES])


def judge(
    endpoint: Endpoint, rtype: int, families: Families, health: Health, situation: Situation
) -> Status:
    """Return the status of *endpoint* that counts for *rtype*.

    Together: down as soon as one family that the endpoint has is down. Apart: by the type's own
    family; HTTPS and CNAME, which serve both, are down only if both are.
    """
    if families is Families.APART and rtype in {TYPE_A, TYPE_AAAA} and endpoint.cname is None:
        return health.v4 if rtype == TYPE_A else health.v6
    statuses = _family_statuses(endpoint, health, situation)
    order = (Status.DOWN, Status.UNKNOWN, Status.UP)
    if families is Families.APART:
        order = (Status.UP, Status.UNKNOWN, Status.DOWN)
    return next(status for status in order if status in statuses)


def _family_statuses(endpoint: Endpoint, health: Health, situation: Situation) -> set[Status]:
    """Return the statuses of the families that *endpoint* has."""
    a, aaaa = known_addresses(endpoint, situation)
    if a or aaaa:
        return ({health.v4} if a else set()) | ({health.v6} if aaaa else set())
    # A host name: which families it has is told only by which of them have been seen.
    return {health.v4, health.v6} - {Status.UNKNOWN} or {Status.UNKNOWN}


def usable(found: Iterable[Candidate], level: Level) -> tuple[Candidate, ...]:
    """Return those that may be answered at *level*, standbys only when no other is left."""
    allowed = [
        one
        for one in found
        if one.resolved
        and (level is Level.ANY or one.drained is None)
        and (level is not Level.HEALTHY or one.status is not Status.DOWN)
    ]
    weighted = [one for one in allowed if not one.standby]
    return tuple(weighted or allowed)


def measure(site: Site, policy: Policy, rtype: int, situation: Situation) -> Supply:
    """Return what *site* has to give to names of *policy* for *rtype*."""
    check = policy.checks.get(site.name)
    return supply_of(site.name, candidates(site, check, policy.families, rtype, situation))


def supply_of(site: str, found: Sequence[Candidate]) -> Supply:
    """Return the sums over the endpoints *found* at the site called *site*."""
    weighted = sum(one.nominal for one in found if not one.standby)
    standby = sum(one.nominal for one in found if one.standby)
    healthy = usable(found, Level.HEALTHY)
    undrained = usable(found, Level.UNDRAINED)
    present = usable(found, Level.ANY)

    def share(used: tuple[Candidate, ...], weight: int) -> float:
        whole = standby if used and used[0].standby else weighted
        return weight / whole if whole else 0.0

    return Supply(
        site=site,
        weight=weighted or standby,
        healthy=share(healthy, sum(one.effective for one in healthy)),
        believed=share(healthy, sum(one.nominal for one in healthy)),
        undrained=share(undrained, sum(one.nominal for one in undrained)),
        present=share(present, sum(one.nominal for one in present)),
    )
