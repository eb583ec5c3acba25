"""Measured latency, imported: rows of key, site and milliseconds, as CSV or as JSON lines."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from ipaddress import ip_network
from pathlib import Path

from gslb.policy.problems import Problem, Where
from gslb.steering.prefixes import BITS, Network

FIELDS = ("key", "site", "p50_ms", "p75_ms", "samples", "observed_at", "source")
NEEDED = ("key", "site", "p50_ms", "samples", "observed_at")
MAX_ROWS = 250_000  # about 100 MB once read; a row for each AS, country and site fits
MAX_MS = 60_000.0  # slower than this is a unit mistake (microseconds)
MAX_SAMPLES = 10**9
MIN_SAMPLES = 30  # per key and site: the faster of two sites 10 ms apart is told in 78 of 100
STALE_AFTER = timedelta(hours=24)
CLOCK_SKEW = timedelta(minutes=5)
_AS = re.compile(r"AS(\d{1,10})(?:/([A-Z]{2})(?:-([A-Z0-9]{1,3}))?)?")
_AREA = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")


class Level(IntEnum):
    """How much a key says of a client, from general to specific."""

    COUNTRY = 1
    AREA = 2
    ASN = 3
    ASN_COUNTRY = 4
    ASN_AREA = 5
    PREFIX = 6


@dataclass(frozen=True, slots=True)
class Key:
    """Which clients a row is about: ``CIDR``, ``AS123``, ``AS123/BR``, ``BR-SP`` or ``BR``."""

    level: Level
    country: str = ""
    subdivision: str = ""
    asn: int = 0
    network: Network | None = None

    def __str__(self) -> str:
        if self.network is not None:
            return str(self.network)
        area = "-".join(filter(None, (self.country, self.subdivision)))
        return "/".join(filter(None, (f"AS{self.asn}" if self.asn else "", area)))


@dataclass(frozen=True, slots=True)
class Cell:
    """What was measured between the clients of a key and a site."""

    key: Key
    site: str
    p50_ms: float
    p75_ms: float | None
    samples: int
    observed_at: datetime  # aware; of the newest sample
    source: str

    def fresh(self, at: datetime) -> bool:
        """Return whether the cell is young enough at *at* to be used."""
        return at - self.observed_at <= STALE_AFTER


@dataclass(frozen=True, slots=True, eq=False)
class LatencyTable:
    """All cells; one for each key and site."""

    cells: tuple[Cell, ...] = ()

    def usable(self, at: datetime) -> Iterator[Cell]:
        """Yield the cells that are fresh at *at* and have samples enough."""
        return (c for c in self.cells if c.samples >= MIN_SAMPLES and c.fresh(at))

    def sites(self, at: datetime) -> frozenset[str]:
        """Return the sites with any sample that is fresh at *at*."""
        return frozenset(cell.site for cell in self.cells if cell.fresh(at))


def parse_key(text: str) -> Key:
    """Read the key of a row.

    Raises:
        ValueError: its text says what is wrong.
    """
    if "." in text or ":" in text:
        network = ip_network(text)
        if network.version == 6 and network.prefixlen > BITS[6]:
            msg = f"{text} is longer than /64, the finest IPv6 prefix that is told apart"
            raise ValueError(msg)
        return Key(Level.PREFIX, network=network)
    if found := _AS.fullmatch(text):
        number, country, subdivision = int(found[1]), found[2] or "", found[3] or ""
        if not 0 < number < 2**32:
            msg = f"{text} is not an AS number"
            raise ValueError(msg)
        level = Level.ASN_AREA if subdivision else Level.ASN_COUNTRY if country else Level.ASN
        return Key(level, country, subdivision, number)
    if found := _AREA.fullmatch(text):
        return Key(Level.AREA if found[2] else Level.COUNTRY, found[1], found[2] or "")
    msg = f"{text!r} is none of CIDR, AS123, AS123/BR, BR-SP, BR"
    raise ValueError(msg)


def parse_latency(text: str, path: Path, now: datetime) -> tuple[LatencyTable, list[Problem]]:
    """Read a latency file: CSV with a header, or JSON lines with the same names.

    Returns:
        The rows that are right, and a problem with its place for each that is not.
    """
    problems: list[Problem] = []
    cells: list[Cell] = []
    seen: dict[tuple[Key, str], int] = {}
    for line, row in _rows(text, path, problems):
        if len(seen) >= MAX_ROWS:
            problems.append(_problem(path, line, "E290", f"more than {MAX_ROWS:,} rows"))
            break
        try:
            cell = _cell(row, now)
        except ValueError as error:
            problems.append(_problem(path, line, "E290", str(error)))
            continue
        if (first := seen.setdefault((cell.key, cell.site), line)) != line:
            what = f"{cell.key} to {cell.site} is already on line {first}"
            problems.append(_problem(path, line, "E290", what))
            continue
        cells.append(cell)
    return LatencyTable(tuple(cells)), problems


def _problem(path: Path, line: int, code: str, text: str) -> Problem:
    return Problem(Where(path, line, 1), code, text)


def _rows(
    text: str, path: Path, problems: list[Problem]
) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Yield the number and the fields of each row."""
    if text.lstrip().startswith("{"):
        yield from _json_rows(text, path, problems)
        return
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in NEEDED if name not in header]
        if missing:
            what = f"the header lacks {', '.join(missing)}; wanted: {','.join(FIELDS)}"
            problems.append(_problem(path, 1, "E290", what))
            return
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(header):
                what = f"{len(fields)} fields where the header has {len(header)}"
                problems.append(_problem(path, reader.line_num, "E290", what))
                continue
            yield reader.line_num, dict(zip(header, map(str.strip, fields), strict=True))
    except csv.Error as error:
        problems.append(_problem(path, reader.line_num, "E290", f"not CSV: {error}"))


def _json_rows(
    text: str, path: Path, problems: list[Problem]
) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            yield number, row
        else:
            problems.append(_problem(path, number, "E290", "not a JSON object"))


def _cell(row: Mapping[str, object], now: datetime) -> Cell:
    """Make a cell of the fields of a row, or raise ValueError with what is wrong."""
    for name in NEEDED:
        if row.get(name) in (None, ""):
            msg = f"{name} is missing"
            raise ValueError(msg)
    site = str(row["site"])
    if site.count("/") != 1 or not all(site.split("/")):
        msg = f"site {site!r} is not of the form cloud/region"
        raise ValueError(msg)
    p50 = _number(row, "p50_ms", MAX_MS)
    p75 = None if row.get("p75_ms") in (None, "") else _number(row, "p75_ms", MAX_MS)
    if p75 is not None and p75 < p50:
        msg = f"p75_ms {p75:g} is below p50_ms {p50:g}"
        raise ValueError(msg)
    samples = _number(row, "samples", MAX_SAMPLES)
    if samples != int(samples):
        msg = f"samples {samples:g} is not a whole number"
        raise ValueError(msg)
    observed_at = _moment(str(row["observed_at"]))
    if observed_at > now + CLOCK_SKEW:
        msg = f"observed_at {row['observed_at']} is in the future"
        raise ValueError(msg)
    key, source = parse_key(str(row["key"])), str(row.get("source") or "")
    return Cell(key, site, p50, p75, int(samples), observed_at, source)


def _number(row: Mapping[str, object], name: str, most: float) -> float:
    """Return the field as a number above 0, at most *most*."""
    value = row[name]
    try:
        number = float(value) if isinstance(value, str | int | float) else float("nan")
    except (ValueError, OverflowError):
        number = float("nan")
    if isinstance(value, bool) or not 0 < number <= most:
        msg = f"{name} {value!r} is not a number above 0, at most {most:g}"
        raise ValueError(msg)
    return number


def _moment(text: str) -> datetime:
    """Return the moment that ISO 8601 *text* names; it must say its offset from UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = f"observed_at {text!r} is not an ISO 8601 time with its offset (2026-10-01T06:00Z)"
        raise ValueError(msg)
    return moment.astimezone(UTC)
