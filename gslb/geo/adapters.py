"""What a record of a geo database says, whatever its maker calls the fields.

Layouts are told apart by looking at records, never by the file's type string: re-published files
carry type strings that their own reader refuses. Known are MaxMind's nested records (country, city,
ASN), flat ones (ip-location-db, DB-IP as it re-publishes it) and IPinfo's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from gslb.geo.table import GeoError

# MaxMind gives a point for every address; where it knows only the country, the radius says so
# (1000 km is usual). From here on a subdivision is a guess.
VAGUE_RADIUS_KM = 500
PROBED_RECORDS = 2000  # enough to meet records that have the fields; the first ones often lack some
_COUNTRY = re.compile(r"[A-Z]{2}")
_ASN = re.compile(r"(?:AS)?(\d{1,10})")
_MAX_ASN = (1 << 32) - 1


class Kind(StrEnum):
    """What a source is read for."""

    COUNTRY = "country"
    ASN = "asn"
    CITY = "city"


class Fact(NamedTuple):
    """What one record says. Empty and 0: it does not say."""

    country: str = ""  # two upper-case letters
    subdivision: str = ""  # as in the record: a code or a name
    asn: int = 0


NOTHING = Fact()
Record = Mapping[str, Any]
Adapter = Callable[[Record], Fact]


def country_code(value: object) -> str:
    """Return *value* if it looks like an ISO 3166-1 code, else ""."""
    return value if isinstance(value, str) and _COUNTRY.fullmatch(value) else ""


def as_number(value: object) -> int:
    """Read 13335, "13335" and "AS13335"; return 0 for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= _MAX_ASN else 0
    found = _ASN.fullmatch(value) if isinstance(value, str) else None
    number = int(found[1]) if found else 0
    return number if number <= _MAX_ASN else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _fields(value: object) -> Record:
    """Return a nested record, or an empty one where there is something else."""
    return value if isinstance(value, Mapping) else {}


def _maxmind_country(record: Record) -> Fact:
    """Read MaxMind's country.iso_code.

    registered_country alone is where the network's holder is registered, and represented_country
    whose base it is: neither is where the client is.
    """
    return Fact(country_code(_fields(record.get("country")).get("iso_code")))


def _maxmind_city(record: Record) -> Fact:
    """Read MaxMind's first subdivision, unless the radius says that only the country is known."""
    fact = _maxmind_country(record)
    radius = _fields(record.get("location")).get("accuracy_radius")
    if isinstance(radius, int | float) and radius >= VAGUE_RADIUS_KM:
        return fact
    parts = record.get("subdivisions")
    first = _fields(parts[0]) if isinstance(parts, list) and parts else {}
    name = _fields(first.get("names")).get("en")
    return fact._replace(subdivision=_text(first.get("iso_code")) or _text(name))


def _flat_country(record: Record) -> Fact:
    """Read ``country_code``, or ``country`` where that holds the code (IPinfo's older files)."""
    return Fact(country_code(record.get("country_code")) or country_code(record.get("country")))


def _flat_city(record: Record) -> Fact:
    """Read the first subdivision: a code if there is one, else a name."""
    fields = ("region_code", "state1", "region", "subdivision")
    part = next(filter(None, (_text(record.get(field)) for field in fields)), "")
    return _flat_country(record)._replace(subdivision=part)


def _asn(record: Record) -> Fact:
    """Read MaxMind's ``autonomous_system_number``, or ``asn`` with or without "AS"."""
    value = record.get("autonomous_system_number", record.get("asn"))
    return Fact(asn=as_number(value))


_ADAPTERS: Mapping[Kind, tuple[Adapter, ...]] = {
    Kind.COUNTRY: (_maxmind_country, _flat_country),
    Kind.CITY: (_maxmind_city, _flat_city),
    Kind.ASN: (_asn,),
}


def choose_adapter(kind: Kind, records: Iterable[object]) -> Adapter:
    """Return the adapter that gets most out of the first records.

    Args:
        kind: what is wanted.
        records: from the file; at most PROBED_RECORDS are looked at.

    Raises:
        GeoError: no adapter finds anything; the text names the fields that there are.
    """
    sample = [record for record, _ in zip(records, range(PROBED_RECORDS), strict=False)]
    usable = [record for record in sample if isinstance(record, Mapping)]
    scores = {
        adapter: sum(adapter(record) != NOTHING for record in usable) for adapter in _ADAPTERS[kind]
    }
    best = max(scores, key=lambda adapter: scores[adapter])
    if not scores[best]:
        fields = sorted({str(field) for record in usable for field in record})[:12]
        seen = f"its records have {', '.join(fields)}" if fields else "it has no usable records"
        raise GeoError(f"no {kind} in it: {seen}")
    return best
