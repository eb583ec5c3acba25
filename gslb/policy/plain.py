"""A plan as plain values for JSON: what a policy says with every name and default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from ipaddress import ip_address
from typing import Any

from gslb.policy.plan import Plan, ZonePlan
from gslb.policy.problems import Where
from gslb.wire.names import to_text

_ADDRESSES = {"a", "aaaa"}  # fields with addresses of 4 or 16 octets; other octets are names
Plain = Any  # what JSON knows: dict, list, str, int, float, bool, None


def plain_plan(plan: Plan) -> dict[str, Plain]:
    """Return *plan* as plain values: names and addresses as text, RDATA as in RFC 3597 §5."""
    return {"hash": plan.hash, "zones": [_zone(zone) for zone in plan.zones]}


def _zone(zone: ZonePlan) -> dict[str, Plain]:
    static = {
        to_text(owner): [
            {"type": one.rtype, "ttl": one.ttl, "rdata": [_rdata(data) for data in one.rdatas]}
            for one in rrsets
        ]
        for owner, rrsets in zone.static.items()
    }
    names = {to_text(name): zone.policies[index].name for name, index in zone.names}
    cuts = sorted(to_text(name) for name in zone.cuts)
    return {**_fields(zone), "static": static, "names": names, "cuts": cuts}


def _fields(value: Any) -> dict[str, Plain]:
    """Return the fields of a dataclass; `_zone` has those of a zone that are keyed by names."""
    skipped = {"static", "names", "cuts"} if isinstance(value, ZonePlan) else set()
    return {
        field.name: _plain(getattr(value, field.name), field.name)
        for field in fields(value)
        if field.name not in skipped
    }


def _plain(value: Any, name: str) -> Plain:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return str(ip_address(value)) if name in _ADDRESSES else to_text(value)
    if isinstance(value, Where):
        return str(value)
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner, name) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner, name) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else str(value)


def _rdata(octets: bytes) -> str:
    return f"\\# {len(octets)} {octets.hex()}".rstrip()
