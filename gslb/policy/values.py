"""Readers of single values in a policy: durations, shares, code ranges, addresses. Messages are for people."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PERCENT = re.compile(r"^(\d+(?:\.\d+)?)\s*%$")
_CODES = re.compile(r"^\s*(\d{3})\s*(?:-\s*(\d{3})\s*)?$")
_QUORUM = re.compile(r"^(\d{1,3})/(\d{1,3})$")


def as_list(value: Any) -> Any:
    """Let one value stand for a list of one."""
    return value if isinstance(value, list) or value is None else [value]


def as_text(value: Any) -> Any:
    """Like `as_list`, and whole numbers become their digits; a leading AS is dropped."""
    items = as_list(value)
    if not isinstance(items, list):
        return items
    return [_digits(item) for item in items]


def _digits(item: Any) -> Any:
    if isinstance(item, int) and not isinstance(item, bool):
        return str(item)
    if isinstance(item, str) and item[:2].upper() == "AS":
        return item[2:]
    return item


def ipv4(value: Any) -> Any:
    """Read an IPv4 address."""
    try:
        return IPv4Address(value) if isinstance(value, str) else _refuse(value, "an IPv4 address")
    except AddressValueError:
        return _refuse(value, "an IPv4 address")


def ipv6(value: Any) -> Any:
    """Read an IPv6 address; a scope such as %eth0 has no meaning here."""
    try:
        if isinstance(value, str) and "%" not in value:
            return IPv6Address(value)
    except AddressValueError:
        pass
    return _refuse(value, "an IPv6 address")


def address(value: Any) -> Any:
    """Read an IPv4 or IPv6 address."""
    if isinstance(value, str) and ":" in value:
        return ipv6(value)
    try:
        return IPv4Address(value) if isinstance(value, str) else _refuse(value, "an address")
    except AddressValueError:
        return _refuse(value, "an IPv4 or IPv6 address")


def _refuse(value: Any, wanted: str) -> Any:
    raise ValueError(f'"{value}" is not {wanted}')


def seconds(value: Any) -> Any:
    """Read a duration: a number of seconds, or text with a unit (ms, s, m, h, d)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        return _refuse(value, "a duration such as 5s, 500ms or 1m")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def milliseconds(value: Any) -> Any:
    """Read a duration into milliseconds; text needs a unit, plain numbers are refused as unclear."""
    if not isinstance(value, str) or value.isdigit():
        return _refuse(value, "a duration with its unit, such as 15ms")
    return round(float(seconds(value)) * 1000, 6)


def share(value: Any) -> Any:
    """Read a share: "50%", or a number from 0 to 1."""
    match = _PERCENT.match(value) if isinstance(value, str) else None
    if match is not None:
        value = float(match[1]) / 100
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return _refuse(value, "a share such as 50% or 0.5")
    return float(value)


def code_ranges(value: Any) -> Any:
    """Read HTTP status codes: 200, "200-299", "200-299,301" or a list of these."""
    ranges = []
    for item in as_list(value):
        for part in str(item).split(","):
            match = _CODES.match(part)
            if match is None or int(match[2] or match[1]) < int(match[1]):
                return _refuse(part.strip(), "a status code or a range such as 200-299")
            ranges.append((int(match[1]), int(match[2] or match[1])))
    return tuple(ranges)


def quorum(value: Any) -> Any:
    """Read "2/3": two of at least three."""
    match = _QUORUM.match(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        return _refuse(value, "a quorum such as 2/3")
    return int(match[1]), int(match[2])


_TEXT_OR_NUMBER = {"anyOf": [{"type": "string"}, {"type": "number"}]}
Seconds = Annotated[float, BeforeValidator(seconds), WithJsonSchema(_TEXT_OR_NUMBER)]
Milliseconds = Annotated[float, BeforeValidator(milliseconds), WithJsonSchema({"type": "string"})]
Share = Annotated[float, BeforeValidator(share), WithJsonSchema(_TEXT_OR_NUMBER)]
CodeRanges = Annotated[
    tuple[tuple[int, int], ...],
    BeforeValidator(code_ranges),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "array"}]}),
]
Quorum = Annotated[tuple[int, int], BeforeValidator(quorum), WithJsonSchema({"type": "string"})]
