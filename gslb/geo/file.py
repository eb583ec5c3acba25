"""The geo table as a file: octets ↔ `GeoTable`.

    magic        8 octets   "GSLBGEO" and a zero
    version      4          little-endian, as all numbers here
    header       4          octets of the header that follows the fixed part
    starts4      8          number of IPv4 ranges
    starts6      8          number of IPv6 ranges
    pairs        8          number of pairs
    checksum    16          BLAKE2b of all other octets: this part (as zeros), then the rest
    header       –          JSON: {"manifest": …, "places": [[country, subdivision, lat, lon], …]}
    arrays       –          starts6 starts4 pairs4 pairs6 pair_asn pair_place, each on 8 octets

The file is read into private memory, never mapped: a mapped file that somebody truncates is a bus
error in whoever reads it.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gslb.geo.table import UNKNOWN_PLACE, GeoError, GeoTable, Place

MAGIC = b"GSLBGEO\0"
VERSION = 1
MAX_TABLE_OCTETS = 512 << 20  # twenty times the largest table that real data gives
_FIXED = struct.Struct("<8sIIQQQ16s")
_ALIGN = 8
_NO_CHECKSUM = bytes(16)

# Name in GeoTable and type, in the order of the file: wide ones first, so that all are aligned.
_ARRAYS: tuple[tuple[str, str], ...] = (
    ("starts6", "<u8"),
    ("starts4", "<u4"),
    ("pairs4", "<u4"),
    ("pairs6", "<u4"),
    ("pair_asn", "<u4"),
    ("pair_place", "<u2"),
)


def read_table(path: Path) -> GeoTable:
    """Return the table in *path*; raise `GeoError` if it is not one, whole and consistent."""
    try:
        size = path.stat().st_size
        if size > MAX_TABLE_OCTETS:
            raise GeoError(f"{path}: {size} octets are more than a geo table may have")
        octets = path.read_bytes()
    except OSError as error:
        raise GeoError(f"{path}: {error.strerror}") from None
    try:
        return unpack_table(octets)
    except GeoError as error:
        raise GeoError(f"{path}: {error}") from None


def write_table(table: GeoTable, path: Path) -> None:
    """Write *table* to *path*; whoever reads meanwhile sees the old file or the new, whole."""
    octets = pack_table(table)
    name = ""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".geo-", delete=False) as file:
            name = file.name
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise GeoError(f"{path}: {error.strerror}") from None


def pack_table(table: GeoTable) -> bytes:
    """Return the octets of a table; equal tables give equal octets."""
    places = [[p.country, p.subdivision, p.latitude, p.longitude] for p in table.places]
    header = json.dumps(
        {"manifest": dict(table.manifest), "places": places},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    ).encode()
    header += b" " * (-(_FIXED.size + len(header)) % _ALIGN)
    body = bytearray(header)
    for name, kind in _ARRAYS:
        body += getattr(table, name).astype(kind).tobytes()
        body += bytes(-len(body) % _ALIGN)
    counts = (len(table.starts4), len(table.starts6), len(table.pair_asn))
    unsigned = _FIXED.pack(MAGIC, VERSION, len(header), *counts, _NO_CHECKSUM)
    return _FIXED.pack(MAGIC, VERSION, len(header), *counts, _checksum(unsigned, body)) + body


def unpack_table(octets: bytes) -> GeoTable:
    """Return the table that the octets hold; its arrays share them and cannot be written.

    Raises:
        GeoError: wrong magic, version, size or checksum, ranges out of order, or an index that
            points nowhere.
    """
    if len(octets) < _FIXED.size:
        raise GeoError("too short to be a geo table")
    magic, version, header_size, n4, n6, pairs, checksum = _FIXED.unpack_from(octets)
    if magic != MAGIC:
        raise GeoError("not a geo table (make one with `gslb geo build`)")
    if version != VERSION:
        raise GeoError(f"geo table of version {version}; this program reads version {VERSION}")
    counts = {"starts4": n4, "pairs4": n4, "starts6": n6, "pairs6": n6}
    places_at, end = _layout(header_size, counts, pairs)
    if end != len(octets):
        raise GeoError(f"{len(octets)} octets where {end} are announced: cut short or damaged")
    unsigned = _FIXED.pack(magic, version, header_size, n4, n6, pairs, _NO_CHECKSUM)
    if _checksum(unsigned, memoryview(octets)[_FIXED.size :]) != checksum:
        raise GeoError("the checksum does not match: damaged")
    manifest, places = _read_header(octets[_FIXED.size : _FIXED.size + header_size])
    arrays: dict[str, Any] = {
        name: np.frombuffer(octets, kind, counts.get(name, pairs), places_at[name])
        for name, kind in _ARRAYS
    }
    table = GeoTable(**arrays, places=places, manifest=manifest)
    _verify(table)
    return table


def _layout(header_size: int, counts: dict[str, int], pairs: int) -> tuple[dict[str, int], int]:
    """Return the offset of each array, and the size of the whole file."""
    at = _FIXED.size + header_size
    offsets: dict[str, int] = {}
    for name, kind in _ARRAYS:
        offsets[name] = at
        at += counts.get(name, pairs) * np.dtype(kind).itemsize
        at += -(at - _FIXED.size) % _ALIGN
    return offsets, at


def _checksum(fixed: bytes, rest: bytes | bytearray | memoryview) -> bytes:
    digest = blake2b(fixed, digest_size=16)
    digest.update(rest)
    return digest.digest()


def _read_header(octets: bytes) -> tuple[dict[str, object], tuple[Place, ...]]:
    try:
        header = json.loads(octets)
        manifest = dict(header["manifest"])
        places = tuple(
            Place(str(country), str(subdivision), float(latitude), float(longitude))
            for country, subdivision, latitude, longitude in header["places"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise GeoError(f"the header cannot be read: {error}") from None
    return manifest, places


def _verify(table: GeoTable) -> None:
    """Raise `GeoError` unless every look-up in the table ends inside it."""
    if not table.places or table.places[0] != UNKNOWN_PLACE:
        raise GeoError("place 0 is not the unknown place")
    if not all(abs(p.latitude) <= 90 and abs(p.longitude) <= 180 for p in table.places):
        raise GeoError("a place is not on the globe")
    if not len(table.pair_place) or table.pair_place[0] != 0 or table.pair_asn[0] != 0:
        raise GeoError("pair 0 is not the unknown pair")
    if table.pair_place.max() >= len(table.places):
        raise GeoError("a pair points to a place that is not there")
    for family, starts, pairs in (
        ("IPv4", table.starts4, table.pairs4),
        ("IPv6", table.starts6, table.pairs6),
    ):
        _verify_ranges(family, starts, pairs, len(table.pair_place))


def _verify_ranges(
    family: str,
    starts: npt.NDArray[np.uint32] | npt.NDArray[np.uint64],
    pairs: npt.NDArray[np.uint32],
    pair_count: int,
) -> None:
    if not len(starts) or starts[0] != 0:
        raise GeoError(f"the first {family} range does not start at 0")
    if not bool(np.all(starts[1:] > starts[:-1])):
        raise GeoError(f"{family} ranges are out of order")
    if pairs.max() >= pair_count:
        raise GeoError(f"an {family} range points to a pair that is not there")
