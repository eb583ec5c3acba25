"""Remake golden.csv: networks whose country several databases of different makers agree on.

    python geodata/build_golden.py FILE FILE… > geodata/golden.csv

Each FILE is a country database (CSV or MMDB). For each country the largest IPv4 networks on which
all of them agree are taken: two of the countries with most agreed addresses, one of the others.
They are what a new geo table is tested with before it is trusted.
"""

from __future__ import annotations

import sys
from ipaddress import IPv4Address, summarize_address_range
from pathlib import Path

import numpy as np

from gslb.geo.build import Inputs, build_table
from gslb.geo.ranges import resample

MIN_ADDRESSES = 1 << 10  # smaller ones change hands more often
TWO_FROM = 1 << 23  # agreed addresses from which a country has two networks


def main(paths: list[Path]) -> None:
    """Print the networks as CSV."""
    tables = [build_table(Inputs(country=(path,))) for path in paths]
    starts = np.unique(np.concatenate([table.starts4 for table in tables]))
    countries = [
        np.array([place.country for place in table.places])[
            table.pair_place[resample(table.starts4, table.pairs4, starts)]
        ]
        for table in tables
    ]
    agreed = np.logical_and.reduce([one == countries[0] for one in countries[1:]])
    ends = np.append(starts[1:], 1 << 32).astype(np.uint64)
    networks: dict[str, list[tuple[int, str]]] = {}
    for at in np.flatnonzero(agreed & (countries[0] != "")):
        first, last = IPv4Address(int(starts[at])), IPv4Address(int(ends[at]) - 1)
        largest = min(summarize_address_range(first, last), key=lambda network: network.prefixlen)
        if largest.num_addresses >= MIN_ADDRESSES:
            entry = (largest.num_addresses, str(largest))
            networks.setdefault(str(countries[0][at]), []).append(entry)
    lines = ["prefix,country"]
    for country, found in sorted(networks.items()):
        wanted = 2 if sum(size for size, _ in found) >= TWO_FROM else 1
        lines += [f"{prefix},{country}" for _, prefix in sorted(found, reverse=True)[:wanted]]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
