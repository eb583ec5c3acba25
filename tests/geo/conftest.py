"""Helpers: databases and tables made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from gslb.geo.table import UNKNOWN_PLACE, GeoTable
from gslb.geo.world import place
from tests.geo.mmdb import write_database

WriteMmdb = Callable[..., Path]
MakeTable = Callable[..., GeoTable]


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
