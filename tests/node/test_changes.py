"""What a reload changes: names and zones by what decides their answers, not by where that stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo.table import empty_table
from gslb.node.changes import Description
from gslb.node.compilation import MAX_SHOWN_NAMES, Changes, Difference
from gslb.policy.compile import compile_policies
from gslb.steering.latency import LatencyTable, parse_latency
from gslb.steering.world import make_world
from tests.policytext import HEAD

AT = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = Difference((0, ()), (0, ()), (0, ()))
POLICY = (
    HEAD
    + """\
  static: |
    mail A 192.0.2.25
sites:
  aws/us-east-1: {zones: {a: {A: 192.0.2.1}}}
  gcp/europe-west3: {zones: {a: {A: 192.0.2.2}}}
records:
  www.example.com: {rules: [{to: aws/us-east-1}]}
  api.example.com: {rules: [{to: gcp/europe-west3}]}
"""
)


def described(
    folder: Path, *texts: str, latency: LatencyTable | None = None, at: datetime = AT
) -> Description:
    paths = []
    for number, text in enumerate(texts or (POLICY,)):
        paths.append(folder / f"{number}.yaml")
        paths[-1].write_text(text)
    plan, problems = compile_policies(paths)
    assert plan is not None, problems
    return Description.of(plan, make_world(empty_table(), at, latency))


def changes(folder: Path, before: str, after: str) -> Changes:
    return described(folder, after).since(described(folder, before))


def test_a_description_survives_its_way_between_processes(tmp_path: Path) -> None:
    """What is read is what was made; nothing is read of nothing."""
    made = described(tmp_path)
    read = Description.read(made.octets)
    assert read is not None
    assert made.same(read)
    assert read.since(made) == Changes(NOTHING, NOTHING, world=False)
    assert Description.read(b"") is None
    assert not made.same(None)


def test_another_line_is_no_change_of_a_name(tmp_path: Path) -> None:
    """A comment moves everything down: the files differ, the answers do not."""
    before, after = described(tmp_path), described(tmp_path, "# a comment\n" + POLICY)
    assert not after.same(before)
    assert after.since(before).lines == ["no name is answered differently"]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("www.", "shop.", ["1 name added: shop.example.com", "1 name removed: www.example.com"]),
        ("A: 192.0.2.2}", "A: 192.0.2.9}", ["1 name changed: api.example.com"]),
        ("[{to: aws/us-east-1}]", "[{to: aws/us-east-1}], ttl: 9", ["1 name changed: www.example.com"]),
        ("192.0.2.25", "192.0.2.26", ["1 name changed: mail.example.com"]),
        ("[192.0.2.53]", "[192.0.2.54]", ["1 name changed: ns1.example.com"]),
        ("nameservers: {", "ns_ttl: 77\n  nameservers: {", ["1 name changed: example.com"]),
        ("nameservers: {", "soa: {minimum: 77}\n  nameservers: {", ["1 zone changed: example.com"]),
    ],
)  # fmt: skip
def test_a_name_has_changed_when_its_answers_may_have(
    tmp_path: Path, old: str, new: str, lines: list[str]
) -> None:
    """Its rules, the sites of its rules and no others, or its fixed records."""
    assert changes(tmp_path, POLICY, POLICY.replace(old, new, 1)).lines == lines


def test_zones_come_and_go_with_their_names(tmp_path: Path) -> None:
    """Both are told, and of many names the first few."""
    other = POLICY.replace("example.com", "example.net")
    found = described(tmp_path, POLICY, other).since(described(tmp_path, POLICY))
    assert found.zones == Difference((1, ("example.net",)), (0, ()), (0, ()))
    count, some = found.names.added
    assert (count, len(some)) == (6, MAX_SHOWN_NAMES)
    assert found.lines[1].startswith("6 names added: ")
    assert found.lines[1].endswith(", …")
    gone = described(tmp_path, POLICY).since(described(tmp_path, POLICY, other))
    assert gone.zones.removed == (1, ("example.net",))


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_what_is_added_one_way_is_removed_the_other(one: set[int], other: set[int]) -> None:
    """The comparison is the same from both sides."""
    a, b = (
        Description("", b"", {}, {bytes((2, 110, 48 + n, 0)): b"" for n in names})
        for names in (one, other)
    )
    assert a.since(b).names.added == b.since(a).names.removed
    assert a.since(b).names.added[0] == len(one - other)


def test_measurements_that_age_are_another_world(tmp_path: Path) -> None:
    """As long as a row is fresh nothing has changed; when it is too old it has."""
    text = (
        "key,site,p50_ms,samples,observed_at\n"
        f"DE,aws/us-east-1,90,100,{(AT - timedelta(hours=23)).isoformat()}\n"
    )
    table, problems = parse_latency(text, Path("latency.csv"), AT)
    assert problems == []
    before = described(tmp_path, latency=table)
    assert described(tmp_path, latency=table, at=AT + timedelta(minutes=30)).same(before)
    later = described(tmp_path, latency=table, at=AT + timedelta(hours=2))
    assert not later.same(before)
    assert later.since(before).lines == ["geography or measurements are new"]
    assert later.same(described(tmp_path))


def test_where_a_capacity_is_written_is_no_change(tmp_path: Path) -> None:
    """Only what it says."""
    said = POLICY.replace("sites:\n", "defaults: {headroom: 50%}\nsites:\n")
    moved = said.replace("defaults:", "# a line more\ndefaults:")
    assert changes(tmp_path, said, moved) == Changes(NOTHING, NOTHING, world=False)
    other = changes(tmp_path, said, said.replace("50%", "60%"))
    assert other.names.changed[0] == 2
