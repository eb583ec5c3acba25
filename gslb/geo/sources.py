"""Reads the files of geo databases into layers: MMDB of any layout, CSV as ip-location-db has it.

CSV rows are ``first address, last address, value…``, without a header; addresses in the
usual notation or as numbers. The value is a country code, an AS number (its name may follow) or,
for cities, a country code and the name of the first subdivision.
"""

from __future__ import annotations

import csv
import gzip
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from io import BytesIO, StringIO
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton

import maxminddb

from gslb.geo.adapters import NOTHING, Fact, Kind, as_number, choose_adapter, country_code
from gslb.geo.ranges import RangeCollector
from gslb.geo.table import GeoError

MAX_SOURCE_OCTETS = 2 << 30  # the largest free city database has 0.2 GiB
MAX_LICENCE_CHARACTERS = 1000  # of one licence file; enough for who is to be credited
_LICENCE_NAMES = re.compile(r"licen[cs]e|copyright|notice", re.IGNORECASE)
_TOP4 = (1 << 32) - 1
_TOP6 = (1 << 128) - 1
_REPORT_EVERY = 1 << 14  # ranges between two reports of progress

SourceEntry = dict[str, object]  # the fields of `Source` as JSON has them
Progress = Callable[[str, float], None]  # what is being read, and how much of it: 0 to 1


@dataclass(frozen=True, slots=True)
class Source:
    """Where a part of a table came from: an entry of its manifest."""

    kind: Kind
    file: str  # without its folder
    sha256: str
    licence: str  # empty: nothing is stated beside the file
    date: date  # of the data
    form: str  # "CSV", or the database type of an MMDB
    ranges: int

    def entry(self) -> SourceEntry:
        """Return it as the manifest has it."""
        return {**asdict(self), "kind": self.kind.value, "date": self.date.isoformat()}


def no_progress(label: str, done: float) -> None:
    """Report nothing."""


def read_source(
    path: Path,
    kind: Kind,
    into: RangeCollector[Fact],
    *,
    licence: str = "",
    dated: date | None = None,
    progress: Progress = no_progress,
) -> Source:
    """Read one file into *into*, and say what it was.

    Args:
        path: a CSV file (also gzip-compressed, ``.gz``) or an MMDB.
        kind: what to take from it.
        into: collects the ranges.
        licence: the terms; empty: taken from a licence file beside it, if there is one.
        dated: day of the data; None: what an MMDB states, else the file's modification time.
        progress: called now and then.

    Raises:
        GeoError: the file cannot be read as what it claims to be; with the line, for CSV.
    """
    try:
        size = path.stat().st_size
        if size > MAX_SOURCE_OCTETS:
            raise GeoError(f"{path}: {size} octets are more than a geo database may have")
        octets = path.read_bytes()
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
        terms = licence or licence_beside(path)
    except OSError as error:
        raise GeoError(f"{path}: {error.strerror}") from None
    before = len(into)
    if path.suffix == ".mmdb" or b"\xab\xcd\xefMaxMind.com" in octets[-(128 << 10) :]:
        form, built = _read_mmdb(path, octets, kind, into, progress)
    else:
        form, built = "CSV", modified
        _read_csv(path, octets, kind, into, progress)
    if len(into) == before:
        raise GeoError(f"{path}: no ranges in it")
    progress(path.name, 1.0)
    digest = sha256(octets).hexdigest()
    return Source(kind, path.name, digest, terms, dated or built, form, len(into) - before)


def licence_beside(path: Path) -> str:
    """Return the texts of the licence files in the folder of *path*, or ""."""
    found = sorted(
        file
        for file in path.parent.iterdir()
        if _LICENCE_NAMES.search(file.name) and file.is_file() and file != path
    )
    texts = (file.read_text("utf-8", "replace")[:MAX_LICENCE_CHARACTERS] for file in found)
    return "\n".join(" ".join(text.split()) for text in texts)


def _read_mmdb(
    path: Path, octets: bytes, kind: Kind, into: RangeCollector[Fact], progress: Progress
) -> tuple[str, date]:
    """Read an MMDB from a copy: the reader maps its file, which must not be cut under it."""
    name = path.name
    try:
        with tempfile.NamedTemporaryFile(prefix="gslb-geo-") as copy:
            name = copy.name
            copy.write(octets)
            copy.flush()
            with maxminddb.open_database(name) as reader:
                adapter = choose_adapter(kind, (record for _, record in reader))
                for number, (network, record) in enumerate(reader):
                    fact = adapter(record) if isinstance(record, dict) else NOTHING
                    _add_network(network, fact, into)
                    if number % _REPORT_EVERY == 0:
                        progress(path.name, _share_done(network))
                metadata = reader.metadata()
                built = datetime.fromtimestamp(metadata.build_epoch, UTC).date()
    except (maxminddb.InvalidDatabaseError, ValueError, OverflowError, OSError) as error:
        reason = str(error).replace(name, path.name)
        raise GeoError(f"{path}: not a usable MMDB: {reason}") from None
    except GeoError as error:
        raise GeoError(f"{path}: {error}") from None
    return metadata.database_type, built


def _add_network(
    network: IPv4Network | IPv6Network, fact: Fact, into: RangeCollector[Fact]
) -> None:
    if fact == NOTHING:
        return
    first = int(network.network_address)
    last = first | int(network.hostmask)
    if isinstance(network, IPv4Network):
        into.add4(first, last, fact)
    else:
        into.add6(first, last, fact)


def _share_done(network: IPv4Network | IPv6Network) -> float:
    """Return how far a walk in address order is; IPv4 first, and only 2000::/3 is populated."""
    if isinstance(network, IPv4Network):
        return int(network.network_address) / _TOP4 / 2
    into_populated = (int(network.network_address) >> 96) / 0x4000_0000
    return min(1.0, 0.5 + max(0.0, into_populated - 0.5) / 2)


def _read_csv(
    path: Path, octets: bytes, kind: Kind, into: RangeCollector[Fact], progress: Progress
) -> None:
    line = 0
    try:
        for line, row, done in _rows(path, octets):
            six, first, last = _range(row)
            fact = _fact(kind, row)
            (into.add6 if six else into.add4)(first, last, fact)
            if line % _REPORT_EVERY == 0:
                progress(path.name, done)
    except (ValueError, OSError, EOFError, csv.Error, zlib.error) as error:
        raise GeoError(f"{path}:{line}: {error}") from None
    except GeoError as error:
        raise GeoError(f"{path}:{line}: {error}") from None


def _rows(path: Path, octets: bytes) -> Iterator[tuple[int, list[str], float]]:
    """Yield line number, fields and the share read."""
    if path.suffix == ".gz":
        octets = gzip.GzipFile(fileobj=BytesIO(octets)).read(MAX_SOURCE_OCTETS)
    text = octets.decode()
    buffer = StringIO(text, newline="")
    reader = csv.reader(buffer)
    for row in reader:
        if row:
            yield reader.line_num, row, buffer.tell() / len(text)


def _range(row: list[str]) -> tuple[bool, int, int]:
    """Return whether it is IPv6, and the first and last address; raise `GeoError` if not these."""
    if len(row) < 3:
        raise GeoError("fewer than three fields")
    try:
        (six, first), (six_too, last) = _address(row[0]), _address(row[1])
    except (OSError, ValueError):
        raise GeoError(
            f'"{row[0][:40]}", "{row[1][:40]}" is no range of addresses '
            "(expected rows of first address, last address, value)"
        ) from None
    six = six or six_too  # as numbers, only the end may tell: IPv6 begins at 0 too
    if not 0 <= first <= last <= (_TOP6 if six else _TOP4):
        raise GeoError(f"{row[0][:40]} to {row[1][:40]} is no range of addresses")
    return six, first, last


def _address(text: str) -> tuple[bool, int]:
    if ":" in text:
        return True, int.from_bytes(inet_pton(AF_INET6, text))
    if "." in text:
        return False, int.from_bytes(inet_pton(AF_INET, text))
    number = int(text)
    return number > _TOP4, number


def _fact(kind: Kind, row: list[str]) -> Fact:
    if kind is Kind.ASN:
        return Fact(asn=as_number(row[2]))
    country = country_code(row[2])
    if kind is Kind.CITY and len(row) > 3:
        return Fact(country, row[3])
    return Fact(country)
