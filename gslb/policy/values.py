"""Readers of single values in a policy: durations, shares, code ranges, addresses.

Each takes what the YAML has and returns the value, or raises ValueError with words for its writer.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gslb.policy.wording import shown

MAX_DURATION: Final = 30 * 86_400.0  # seconds; nothing here is meant to last longer
# Usual loads that a site can carry on top: more than what the lightest of 256 endpoints needs to
# stand for all of them, with weights of 1 to 1000.
MAX_HEADROOM: Final = 256_000.0
MAX_TIE: Final = 60_000.0  # milliseconds; round trips end long before
MAX_TTL: Final = 86_400  # seconds; a steered answer that lives longer is not steered
MAX_RANGES: Final = 32  # of status codes in one check

_DURATION = re.compile(r"((?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,9})?)(ms|s|m|h|d)?")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PERCENT = re.compile(r"([0-9]{1,8}(?:\.[0-9]{1,9})?)[ ]?%")
_CODES = re.compile(r"([1-5][0-9]{2})(?:[ ]?-[ ]?([1-5][0-9]{2}))?")
_QUORUM = re.compile(r"([0-9]{1,3})/([0-9]{1,3})")


def as_list(value: Any) -> Any:
    """Let one value stand for a list of one."""
    return value if isinstance(value, list) or value is None else [value]


def as_text(item: Any) -> Any:
    """Let a whole number stand for its digits, and drop the AS before the number of one."""
    if isinstance(item, int) and not isinstance(item, bool):
        return str(item)
    if isinstance(item, str) and item[:2].upper() == "AS":
        return item[2:]
    return item


class OneOrMany(BeforeValidator):
    """A list that may be written as its only entry; the JSON Schema says so too."""

    def __init__(self) -> None:
        """Every use is alike."""
        super().__init__(as_list)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of the list, or of one entry."""
        whole = handler(schema)
        return {"anyOf": [whole.get("items", {}), whole]}


def ipv4(value: Any) -> IPv4Address:
    """Read an IPv4 address."""
    try:
        if isinstance(value, str):
            return IPv4Address(value)
    except AddressValueError:
        pass
    raise _refusal(value, "an IPv4 address")


def ipv6(value: Any) -> IPv6Address:
    """Read an IPv6 address; a scope such as %eth0 has no meaning here."""
    try:
        if isinstance(value, str) and "%" not in value:
            return IPv6Address(value)
    except AddressValueError:
        pass
    raise _refusal(value, "an IPv6 address")


def address(value: Any) -> IPv4Address | IPv6Address:
    """Read an IPv4 or IPv6 address."""
    if isinstance(value, str) and ":" in value:
        return ipv6(value)
    try:
        if isinstance(value, str):
            return IPv4Address(value)
    except AddressValueError:
        pass
    raise _refusal(value, "an IPv4 or IPv6 address")


def seconds(value: Any) -> float:
    """Read a duration above 0: a number of seconds, or text with a unit (ms, s, m, h, d)."""
    found = _duration(value)
    if found is None:
        raise _refusal(value, "a duration such as 5s, 500ms or 1m")
    if not 0 < found <= MAX_DURATION:
        raise ValueError(f"a duration is above 0 and at most 30d, not {shown(value)}")
    return found


def milliseconds(value: Any) -> float:
    """Read a duration into milliseconds; a number without a unit is refused as unclear."""
    found = _duration(value) if isinstance(value, str) and value[-1:].isalpha() else None
    if found is None:
        raise _refusal(value, "a duration with its unit, such as 15ms")
    if found * 1000 > MAX_TIE:
        raise ValueError(f"at most 60s, not {shown(value)}")
    return round(found * 1000, 6)


def ttl(value: Any) -> Any:
    """Let text with a unit stand for whole seconds; anything else is left to the model."""
    found = _duration(value) if isinstance(value, str) and value[-1:].isalpha() else None
    if found is None or not found.is_integer():
        return value
    return int(found)


def _duration(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else float(match[1]) * _UNIT_SECONDS[match[2]]


def share(value: Any) -> float:
    """Read a share of 1: "50%", or a number from 0 to 1."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    found = float(match[1]) / 100 if match is not None else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        raise _refusal(value, "a share such as 50% or 0.5")
    return float(found)


def headroom(value: Any) -> float:
    """Read spare capacity over the usual load: "50%" or 0.5; "200%": one of three is enough.

    Above 100 % the sign has to be there: a bare 50 is more likely to lack it than to be meant.
    """
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is not None and 1 < float(match[1]) / 100 <= MAX_HEADROOM:
        return float(match[1]) / 100
    return share(value)


def code_ranges(value: Any) -> tuple[tuple[int, int], ...]:
    """Read HTTP status codes: 200, "200-299", "200-299,301" or a list of these."""
    parts = [part for item in as_list(value) or () for part in str(item).split(",")]
    if not 0 < len(parts) <= MAX_RANGES:
        raise ValueError(f"needs 1 to {MAX_RANGES} status codes or ranges")
    ranges = []
    for part in parts:
        match = _CODES.fullmatch(part.strip())
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise _refusal(part.strip(), "a status code or a range such as 200-299")
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return tuple(ranges)


def quorum(value: Any) -> tuple[int, int]:
    """Read "2/3": two of at least three."""
    match = _QUORUM.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise _refusal(value, "a quorum such as 2/3")
    return int(match[1]), int(match[2])


def _refusal(value: Any, wanted: str) -> ValueError:
    return ValueError(f"{shown(value)} is not {wanted}")


_TEXT_OR_NUMBER = {"type": ["string", "number"]}
Seconds = Annotated[float, BeforeValidator(seconds), WithJsonSchema(_TEXT_OR_NUMBER)]
Milliseconds = Annotated[float, BeforeValidator(milliseconds), WithJsonSchema({"type": "string"})]
Share = Annotated[float, BeforeValidator(share), WithJsonSchema(_TEXT_OR_NUMBER)]
Ttl = Annotated[
    int,
    Field(ge=0, le=MAX_TTL),
    BeforeValidator(ttl),
    WithJsonSchema({"type": ["integer", "string"], "minimum": 0, "maximum": MAX_TTL}),
]
CodeRanges = Annotated[
    tuple[tuple[int, int], ...],
    BeforeValidator(code_ranges),
    WithJsonSchema({"type": ["string", "integer", "array"]}),
]
Headroom = Annotated[float, BeforeValidator(headroom), WithJsonSchema(_TEXT_OR_NUMBER)]
Quorum = Annotated[tuple[int, int], BeforeValidator(quorum), WithJsonSchema({"type": "string"})]
V4 = Annotated[
    IPv4Address, BeforeValidator(ipv4), WithJsonSchema({"type": "string", "format": "ipv4"})
]
V6 = Annotated[
    IPv6Address, BeforeValidator(ipv6), WithJsonSchema({"type": "string", "format": "ipv6"})
]
Address = Annotated[
    IPv4Address | IPv6Address, BeforeValidator(address), WithJsonSchema({"type": "string"})
]
