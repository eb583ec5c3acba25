"""Parts of Route 53's ResourceRecordSet, and its limits."""

from __future__ import annotations

from collections.abc import Sequence

from gslb.push.model import Pool, Target
from gslb.push.naming import quoted
from gslb.push.objects import Body, digest

ZONE = "@zone"  # stands for the hosted zone's id
MAX_IDENT = 128
MAX_WEIGHT = 255
MAX_GROUP = 100  # sets of one name and type


def short_ident(text: str) -> str:
    """Return *text* if it can be a set identifier, else one made of it."""
    if len(text) <= MAX_IDENT:
        return text
    return f"{text[: MAX_IDENT - 17]}-{digest(text)}"


def geolocation(area: tuple[str, str, str]) -> dict[str, str]:
    """Return the GeoLocation of (continent, country, subdivision)."""
    continent, country, subdivision = area
    if continent:
        return {"ContinentCode": continent}
    if subdivision:
        return {"CountryCode": country, "SubdivisionCode": subdivision}
    return {"CountryCode": country or "*"}


def area_ident(area: tuple[str, str, str]) -> str:
    """Return what identifies the set of an area: AF is Afghanistan, and a continent too.

    >>> area_ident(("AF", "", "")), area_ident(("", "AF", "")), area_ident(("", "US", "CA"))
    ('continent-AF', 'country-AF', 'country-US-CA')
    """
    continent, country, subdivision = area
    if continent:
        return f"continent-{continent}"
    return "country-" + "-".join(part for part in (country or "*", subdivision) if part)


def text_body(ttl: int, text: str) -> Body:
    """Return the body of a TXT record with one text."""
    return {"TTL": ttl, "ResourceRecords": [{"Value": quoted(text)}]}


def kept_targets(pool: Pool) -> Sequence[Target]:
    """Return the targets that a group has room for, the heaviest, in their order."""
    if len(pool.targets) <= MAX_GROUP:
        return pool.targets
    order = sorted(range(len(pool.targets)), key=lambda at: (-pool.targets[at].weight, at))
    return [pool.targets[at] for at in sorted(order[:MAX_GROUP])]
