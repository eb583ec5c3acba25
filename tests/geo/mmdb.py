"""A small writer of MMDB files (MaxMind DB 2.0), because maxminddb only reads.

Equal records are written once; both halves of a node have 24 bits.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

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
    data, offsets, known = bytearray(), [], {}
    for record in records:
        encoded = _encode(record)
        if encoded not in known:
            known[encoded] = len(data)
            data += encoded
        offsets.append(known[encoded])

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
