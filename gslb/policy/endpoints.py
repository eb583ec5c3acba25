"""Sites of the model → sites of the plan: addresses in octets, ids, drains handed down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

from gslb.policy import model
from gslb.policy.names import BadNameError, read_host
from gslb.policy.places import Path, Places
from gslb.policy.plan import AvailabilityZone, Drained, Endpoint, Site
from gslb.policy.problems import Problem, Where

_FOREVER = datetime.max.replace(tzinfo=UTC)


def read_site(name: str, site: model.Site, places: Places, problems: list[Problem]) -> Site:
    """Return the site *name* of the plan; what is wrong with it is added to *problems*.

    The first endpoint of a zone is called cloud/region/zone, the others have ``/2``, ``/3`` … behind.
    """
    place: Path = ("sites", name)
    whole = _drain(site.drained, place, places)
    zones = []
    for zone, endpoints in site.zones.items():
        found = []
        several = len(endpoints) > 1
        for index, endpoint in enumerate(endpoints):
            at = (*place, "zones", zone, index) if several else (*place, "zones", zone)
            identity = f"{name}/{zone}" + (f"/{index + 1}" if index else "")
            found.append(_endpoint(identity, endpoint, whole, at, places, problems))
        zones.append(AvailabilityZone(zone, tuple(found)))
    point = (site.at[0], site.at[1]) if site.at is not None else None
    return Site(name, tuple(zones), site.bias, point, places.locate_key(place))


def _endpoint(
    identity: str,
    endpoint: model.Endpoint,
    whole: Drained | None,
    place: Path,
    places: Places,
    problems: list[Problem],
) -> Endpoint:
    own = _drain(endpoint.drained, place, places)
    names = {}
    for word, text in (("alias", endpoint.alias), ("CNAME", endpoint.CNAME)):
        if text is not None:
            names[word] = host(text, places.locate((*place, word)), problems)
    for word, address in (("A", endpoint.A), ("AAAA", endpoint.AAAA)):
        if address is not None:
            problems += unusable(address, places.locate((*place, word)))
    return Endpoint(
        id=identity,
        weight=endpoint.weight,
        a=endpoint.A.packed if endpoint.A is not None else None,
        aaaa=endpoint.AAAA.packed if endpoint.AAAA is not None else None,
        alias=names.get("alias"),
        cname=names.get("CNAME"),
        drained=_longer(own, whole),
        where=places.locate_key(place),
    )


def host(text: str, where: Where, problems: list[Problem]) -> bytes | None:
    """Return the host name *text* in wire form, or None and a problem."""
    try:
        return read_host(text)
    except BadNameError as error:
        problems.append(Problem(where, "E204", str(error), hint=error.hint))
        return None


def unusable(address: IPv4Address | IPv6Address, where: Where) -> Iterator[Problem]:
    """Yield a problem if no client could ever reach *address*."""
    if address.is_unspecified or address.is_multicast:
        yield Problem(where, "E221", f"{address} is not the address of a host")
    elif isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        hint = f"write {address.ipv4_mapped} under A:"
        text = f"::ffff:{address.ipv4_mapped} is an IPv4 address in IPv6 clothes"
        yield Problem(where, "E221", text, hint=hint)


def _drain(written: model.Drain | None, place: Path, places: Places) -> Drained | None:
    if written is None:
        return None
    return Drained(written.why, written.until, places.locate_key((*place, "drained")))


def _longer(one: Drained | None, other: Drained | None) -> Drained | None:
    """Return the drain that holds longer, the first of two that are equal."""
    if one is None or other is None:
        return one or other
    return one if (one.until or _FOREVER) >= (other.until or _FOREVER) else other
