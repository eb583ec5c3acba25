"""Helpers: a small MMDB writer, because maxminddb only reads, and tables made by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gslb.geo.table import UNKNOWN_PLACE, GeoTable
from gslb.geo.world import place

WriteMmdb = Callable[..., Path]
MakeTable = Callable[..., GeoTable]
MARKER = b"\xab\xcd\xefMaxMind.com"


def _control(kind: int, size: int) -> bytes:
    """Return a control byte with its size; MaxMind DB 2.0, "Output Data Section"."""
    assert size < 285
    head = min(29, size)
    tail = b"" if size < 29 else bytes([size - 29])
    if kind <= 7:
        return bytes([kind << 5 | head]) + tail
    return bytes([head, kind - 7]) + tail


def _unsigned(kind: int, value: int) -> bytes:
    octets = value.to_bytes((value.bit_length() + 7) // 8)
    return _control(kind, len(octets)) + octets


def _encode(value: Any) -> bytes:
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, str):
        octets = value.encode()
        return _control(2, len(octets)) + octets
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        return _unsigned(6 if value < 1 << 32 else 9, value)
    if isinstance(value, bytes):  # encoded already
        return value
    if isinstance(value, Mapping):
        body = b"".join(_encode(key) + _encode(item) for key, item in value.items())
        return _control(7, len(value)) + body
    return _control(11, len(value)) + b"".join(map(_encode, value))


def _tree(networks: Mapping[str, Any], version: int) -> tuple[list[list[Any]], list[Any]]:
    """Return nodes of two children each: None, a node number, or ("data", index)."""
    nodes: list[list[Any]] = [[None, None]]
    records: list[Any] = []
    for text, record in networks.items():
        network = ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        if version == 6 and network.version == 4:
            bits = "0" * 96 + bits
        at = 0
        for bit in bits[:-1]:
            child = nodes[at][int(bit)]
            if child is None:
                nodes.append([None, None])
                child = nodes[at][int(bit)] = len(nodes) - 1
            assert isinstance(child, int), f"{text} overlaps an earlier network"
            at = child
        assert nodes[at][int(bits[-1])] is None, f"{text} overlaps an earlier network"
        nodes[at][int(bits[-1])] = ("data", len(records))
        records.append(record)
    return nodes, records


def write_database(
    path: Path,
    networks: Mapping[str, Any],
    *,
    version: int = 6,
    kind: str = "test",
    built: int = 1_780_000_000,
) -> Path:
    """Write an MMDB of 24-bit records."""
    nodes, records = _tree(networks, version)
    data, offsets = b"", []
    for record in records:
        offsets.append(len(data))
        data += _encode(record)

    def pointer(child: Any) -> bytes:
        if child is None:
            child = len(nodes)
        elif isinstance(child, tuple):
            child = len(nodes) + 16 + offsets[child[1]]
        return int(child).to_bytes(3)

    metadata = {
        "binary_format_major_version": _unsigned(5, 2),
        "binary_format_minor_version": _unsigned(5, 0),
        "build_epoch": _unsigned(9, built),
        "database_type": kind,
        "description": {"en": "made by a test"},
        "ip_version": _unsigned(5, version),
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": _unsigned(5, 24),
    }
    tree = b"".join(pointer(left) + pointer(right) for left, right in nodes)
    path.write_bytes(tree + bytes(16) + data + MARKER + _encode(metadata))
    return path


@pytest.fixture
def write_mmdb() -> WriteMmdb:
    return write_database


def table_of(
    four: Mapping[int, tuple[str, str, int]],
    six: Mapping[int, tuple[str, str, int]] | None = None,
    **manifest: object,
) -> GeoTable:
    """Return a table with ranges that start where the keys say: country, subdivision, AS."""
    six = six or {}
    rows4 = sorted({0: ("", "", 0), **four}.items())
    rows6 = sorted({0: ("", "", 0), **six}.items())
    facts = sorted({("", "", 0)} | {fact for _, fact in rows4 + rows6})
    codes = sorted({fact[:2] for fact in facts})
    return GeoTable(
        starts4=np.array([start for start, _ in rows4], np.uint32),
        pairs4=np.array([facts.index(fact) for _, fact in rows4], np.uint32),
        starts6=np.array([start for start, _ in rows6], np.uint64),
        pairs6=np.array([facts.index(fact) for _, fact in rows6], np.uint32),
        pair_place=np.array([codes.index(fact[:2]) for fact in facts], np.uint16),
        pair_asn=np.array([fact[2] for fact in facts], np.uint32),
        places=tuple(place(*code) if code[0] else UNKNOWN_PLACE for code in codes),
        manifest={"date": "2026-06-17", "sources": [], **manifest},
    )


@pytest.fixture
def make_table() -> MakeTable:
    return table_of
