"""A zone in a file: what is written is read back, and what is no zone is said to be none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gslb.push.objects import Actual
from gslb.push.provider import Dialect
from gslb.push.statefile import StateFileError, actual_json, read_actual
from tests.push.test_plan import ALL, applied, planned, zone_of

ZONE = "example.com."


@pytest.mark.parametrize("dialect", ALL)
def test_what_is_written_is_read_back(dialect: Dialect, tmp_path: Path) -> None:
    zone = zone_of()
    actual = applied(dialect, planned(dialect, zone, Actual()), Actual())
    actual = replace(actual, foreign_checks=3, limits=dialect.limits)
    path = tmp_path / "zone.json"
    path.write_text(json.dumps(actual_json(dialect.name, ZONE, actual)))
    assert read_actual(path, dialect.name, ZONE) == actual
    assert planned(dialect, zone, read_actual(path, dialect.name, ZONE), 2).empty
    with pytest.raises(StateFileError, match=r"not route53 other\.example\."):
        read_actual(path, "route53", "other.example.")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 9}', '{"format": 1, "provider": "route53"}',
             '{"format": 1, "provider": "route53", "zone": "example.com.", "rrsets": [1]}'],
)  # fmt: skip
def test_what_is_no_zone_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "zone.json"
    path.write_text(text)
    with pytest.raises(StateFileError, match=r"zone\.json"):
        read_actual(path, "route53", ZONE)
    with pytest.raises(StateFileError, match="nowhere"):
        read_actual(tmp_path / "nowhere", "route53", ZONE)
