"""Latency files: every row that is wrong is named with its line, the others are read."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.steering import latency as module
from gslb.steering.latency import (
    FIELDS,
    STALE_AFTER,
    Cell,
    LatencyTable,
    Level,
    parse_key,
    parse_latency,
)

PATH = Path("latency.csv")
HEADER = ",".join(FIELDS)
GOOD = "AS29571/CI,aws/eu-central-1,96,120,412,2026-10-05T09:00:00Z,rum"


def read(small, *lines: str):
    return parse_latency("\n".join(lines), PATH, small.now)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("192.0.2.0/24", Level.PREFIX),
        ("2001:db8::/48", Level.PREFIX),
        ("AS123/BR-SP", Level.ASN_AREA),
        ("AS123/BR", Level.ASN_COUNTRY),
        ("AS123", Level.ASN),
        ("BR-SP", Level.AREA),
        ("BR", Level.COUNTRY),
    ],
)
def test_a_key_says_its_level_and_is_written_as_it_is_read(text, level) -> None:
    key = parse_key(text)
    assert key.level is level
    assert str(key) == text


@pytest.mark.parametrize(
    "text", ["", "br", "AS0", "AS4294967296", "192.0.2.1/24", "2001:db8::/65", "AS1/", "BR/AS1"]
)
def test_what_is_no_key_is_refused(text) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_key(text)


def test_csv_is_read_in_any_order_of_columns(small) -> None:
    table, problems = read(
        small,
        "site,key,samples,p50_ms,observed_at",
        "aws/eu-central-1, AS29571/CI ,412,96,2026-10-05T11:00:00+02:00",
    )
    assert problems == []
    (cell,) = table.cells
    assert (str(cell.key), cell.site, cell.p50_ms, cell.p75_ms, cell.samples) == (
        "AS29571/CI", "aws/eu-central-1", 96.0, None, 412,
    )  # fmt: skip
    assert small.now - cell.observed_at == timedelta(hours=3)


def test_json_lines_are_the_same_table(small) -> None:
    rows = [dict(zip(FIELDS, GOOD.split(","), strict=True)), {}]
    rows[1] = rows[0] | {"key": "BR", "p50_ms": 12.5, "samples": 40}
    table, problems = read(small, *(json.dumps(row) for row in rows), "")
    assert problems == []
    assert table.cells[0] == read(small, HEADER, GOOD)[0].cells[0]
    assert table.cells[1].p50_ms == 12.5


@pytest.mark.parametrize(
    ("field", "value", "fragment"),
    [
        ("key", "nowhere", "none of CIDR"),
        ("key", "192.0.2.1/24", "host bits"),
        ("site", "aws", "cloud/region"),
        ("p50_ms", "0", "above 0"),
        ("p50_ms", "nan", "above 0"),
        ("p50_ms", "96000", "at most 60000"),
        ("p50_ms", "fast", "p50_ms 'fast'"),
        ("p50_ms", "", "p50_ms is missing"),
        ("p75_ms", "95", "below p50_ms"),
        ("samples", "1.5", "whole number"),
        ("samples", "-3", "above 0"),
        ("observed_at", "2026-10-05T09:00:00", "its offset"),
        ("observed_at", "yesterday", "its offset"),
        ("observed_at", "2026-10-05T12:06:00Z", "in the future"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(small, field, value, fragment) -> None:
    row = dict(zip(FIELDS, GOOD.split(","), strict=True)) | {field: value}
    table, problems = read(small, HEADER, GOOD.replace("CI", "BR"), ",".join(row.values()))
    assert len(table.cells) == 1
    (problem,) = problems
    assert fragment in problem.text
    assert (problem.code, problem.where.line) == ("E290", 3)


def test_every_wrong_row_is_reported_not_only_the_first(small) -> None:
    _, problems = read(small, HEADER, "x" + GOOD, GOOD, GOOD, "a,b", 'x"y",' * 7)
    assert [problem.where.line for problem in problems] == [2, 4, 5, 6]
    assert "already on line 3" in problems[1].text


def test_a_header_that_lacks_a_column_is_refused(small) -> None:
    table, problems = read(small, "key,site,p50_ms", GOOD)
    assert table.cells == ()
    assert "lacks samples, observed_at" in problems[0].text
    assert read(small, "")[1] != []


@pytest.mark.parametrize("line", ["[1]", "{", '{"key": "BR"}', "[" * 100_000])
def test_a_json_line_that_is_no_row_is_refused(small, line) -> None:
    _, problems = read(small, json.dumps(dict(zip(FIELDS, GOOD.split(","), strict=True))), line)
    assert [problem.where.line for problem in problems] == [2]


def test_a_file_may_not_grow_without_bound(small, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    rows = [GOOD.replace("CI", country) for country in ("BR", "CI", "CN", "DE")]
    table, problems = read(small, HEADER, *rows)
    assert len(table.cells) == 2
    assert "more than 2 rows" in problems[-1].text


def test_stale_and_thin_cells_are_not_used(small) -> None:
    ages = {"aws/a": timedelta(0), "aws/b": STALE_AFTER, "aws/c": STALE_AFTER * 1.01}
    cells = [
        Cell(parse_key("BR"), site, 1.0, None, 30, small.now - age, "")
        for site, age in ages.items()
    ]
    thin = Cell(parse_key("BR"), "aws/d", 1.0, None, 29, small.now, "")
    table = LatencyTable((*cells, thin))
    assert [cell.site for cell in table.usable(small.now)] == ["aws/a", "aws/b"]
    assert table.sites(small.now) == {"aws/a", "aws/b", "aws/d"}


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(text) -> None:
    from tests.steering.conftest import NOW

    parse_latency(text, PATH, NOW)
    parse_latency(HEADER + "\n" + text, PATH, NOW)
    parse_latency("{" + text, PATH, NOW)
