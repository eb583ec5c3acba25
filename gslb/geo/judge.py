"""Whether a new geo table may replace the one in use. Decides from the tables alone."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib import resources
from ipaddress import IPv4Network

import numpy as np
import numpy.typing as npt

from gslb.geo.ranges import resample
from gslb.geo.table import GeoTable

MIN_KEPT_RANGES = 0.90  # of the previous table's, in each family
MAX_CHANGED_PROBES = 0.02  # of the probe addresses that the previous table places in a country
PROBES4 = 80_000  # addresses evenly spread over IPv4
PROBES6 = 20_000  # starts of ranges of the previous table, evenly picked
MAX_WRONG_GOLDEN = 0.05  # networks are sold: ten of two hundred may have moved, a wrong file fails
WARN_AGE_DAYS = 30
ALARM_AGE_DAYS = 90

# Consecutive multiples of 2^32 divided by the golden ratio fall evenly on the circle of addresses
# (Knuth, The Art of Computer Programming, vol. 3, 6.4), and are the same every time.
_STRIDE4 = 2_654_435_769


def judge(new: GeoTable, previous: GeoTable | None, *, whole_world: bool = True) -> list[str]:
    """Return why *new* may not replace *previous*: a list of objections, empty if it may.

    Args:
        new: the table that is to be used.
        previous: the table in use of the same sources; None: there is none to compare with.
        whole_world: false skips the test with well-known networks.
    """
    objections = _wrong_golden(new) if whole_world else []
    if previous is not None:
        objections += [*_shrunk(new, previous), *_older(new, previous), *_moved(new, previous)]
    return objections


def age_alarm(table: GeoTable, today: date) -> str:
    """Return a warning or an alarm if the data is old (30 and 90 days), else ""."""
    dated = table_date(table)
    if dated is None:
        return ""
    days = (today - dated).days
    if days <= WARN_AGE_DAYS:
        return ""
    word = "alarm" if days > ALARM_AGE_DAYS else "warning"
    return f"{word}: the geo data is of {dated}, {days} days old"


def table_date(table: GeoTable) -> date | None:
    """Return the day of the table's data, None if it does not say."""
    try:
        return date.fromisoformat(str(table.manifest["date"]))
    except (KeyError, ValueError):
        return None


@cache
def golden_networks() -> Sequence[tuple[IPv4Network, str]]:
    """Return networks whose country is beyond doubt, with it."""
    text = resources.files("gslb.geodata").joinpath("golden.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple((IPv4Network(row["prefix"]), row["country"]) for row in rows)


def _countries_at(
    table: GeoTable, addresses: npt.NDArray[np.uint32] | npt.NDArray[np.uint64]
) -> npt.NDArray[np.str_]:
    four = addresses.dtype == np.uint32
    starts, pairs = (table.starts4, table.pairs4) if four else (table.starts6, table.pairs6)
    names = np.array([place.country for place in table.places])
    found: npt.NDArray[np.str_] = names[table.pair_place[resample(starts, pairs, addresses)]]
    return found


def _wrong_golden(new: GeoTable) -> list[str]:
    networks = golden_networks()
    middles = [int(net.network_address) + net.num_addresses // 2 for net, _ in networks]
    found = _countries_at(new, np.array(middles, np.uint32))
    wrong = [
        f"{net} is {country}, not {there or 'unknown'}"
        for (net, country), there in zip(networks, found, strict=True)
        if there != country
    ]
    if len(wrong) <= MAX_WRONG_GOLDEN * len(networks):
        return []
    examples = "; ".join(wrong[:3])
    return [f"{len(wrong)} of {len(networks)} well-known networks are misplaced: {examples}"]


def _shrunk(new: GeoTable, previous: GeoTable) -> list[str]:
    counts = (
        ("IPv4", len(new.starts4), len(previous.starts4)),
        ("IPv6", len(new.starts6), len(previous.starts6)),
    )
    return [
        f"only {now} {family} ranges where there were {before}"
        for family, now, before in counts
        if now < MIN_KEPT_RANGES * before
    ]


def _older(new: GeoTable, previous: GeoTable) -> list[str]:
    now, before = table_date(new), table_date(previous)
    if now is not None and before is not None and now < before:
        return [f"its data is of {now}, older than that of {before} in use"]
    return []


def _moved(new: GeoTable, previous: GeoTable) -> list[str]:
    """Compare the countries of fixed addresses; what the previous table did not know is no move."""
    four = (np.arange(PROBES4, dtype=np.uint64) * np.uint64(_STRIDE4)).astype(np.uint32)
    picks = np.linspace(0, len(previous.starts6) - 1, PROBES6).astype(np.int64)
    six = previous.starts6[np.unique(picks)]
    before = np.concatenate([_countries_at(previous, four), _countries_at(previous, six)])
    now = np.concatenate([_countries_at(new, four), _countries_at(new, six)])
    known = before != ""
    moved = int(np.count_nonzero(known & (now != before)))
    total = int(np.count_nonzero(known))
    if moved <= MAX_CHANGED_PROBES * total:
        return []
    return [f"{moved} of {total} probed addresses would change country"]
