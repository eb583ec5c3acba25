"""The corpus of mistakes: each file is found out, at the place of its mistake, in a person's words.

The first lines of a file in ``mistakes/`` say what `gslb check` must find, one problem a line:
``# expect: LINE:COLUMN CODE the beginning of its text``, with ``part.yaml:`` before the line where
the problem is in an included file. Errors that are not listed fail; so do other warnings of the
codes that are listed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gslb.cli import check
from gslb.geo.load import load_world_geo
from gslb.policy.codes import CODES
from gslb.policy.problems import Problem, Severity
from gslb.steering.world import World, make_world

FOLDER = Path(__file__).with_name("mistakes")
FILES = sorted(FOLDER.glob("*.yaml"), key=lambda file: int(file.name.split("-")[0]))
EXPECT = re.compile(r"# expect: (?:([^ :]+):)?(\d+):(\d+) ([EWN]\d{3}) (.+)")


@dataclass(frozen=True)
class Expected:
    """One line of a file's head."""

    place: tuple[str, int, int]
    code: str
    text: str

    def is_met_by(self, problem: Problem) -> bool:
        return (
            self.place == place(problem)
            and self.code == problem.code
            and problem.text.replace(f"{FOLDER}/", "").startswith(self.text)
        )


def place(problem: Problem) -> tuple[str, int, int]:
    where = problem.where
    return where.path.relative_to(FOLDER).as_posix(), where.line, where.column


def expected_of(file: Path) -> list[Expected]:
    found = []
    for line in file.read_text("latin-1").splitlines():
        if not line.startswith("# expect:"):
            break
        match = EXPECT.fullmatch(line)
        assert match, line
        where = match[1] or file.name, int(match[2]), int(match[3])
        found.append(Expected(where, match[4], match[5].encode("latin-1").decode()))
    return found


@functools.cache
def world() -> World:
    return make_world(load_world_geo().table, datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_found_where_it_is_and_nothing_else(file: Path) -> None:
    expected = expected_of(file)
    assert expected
    _, problems = check.find_problems([file], world)
    told = "\n".join(map(str, problems))
    codes = {one.code for one in expected}
    for one in expected:
        assert any(one.is_met_by(problem) for problem in problems), f"{one}\n{told}"
    for problem in problems:
        if problem.severity is Severity.ERROR or problem.code in codes:
            assert any(one.is_met_by(problem) for one in expected), problem


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_with_an_error_gives_no_plan(file: Path) -> None:
    plan, problems = check.find_problems([file], world)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    assert (plan is None) is bool(errors)
    assert bool(errors) is any(one.code.startswith("E") for one in expected_of(file))
    assert problems == sorted(set(problems))


TRAPS = [
    ("when: {area: asia}", "when: {area: [NO, no, CH, DE]}"),
    ("name: asia", "name: off"),
    ("name: rest", "name: 2026-12-01"),
    ("name: rest", "name: 010"),
    ("name: rest", "name: ON"),
    ("when: {area: asia}", "when: {asn: [2914, AS3320, '5511']}"),
    ("  static: |\n    mail A 192.0.2.25\n", '  static: "mail A 192.0.2.25\\n@ TXT no"\n'),
    ("      a: {A: 192.0.2.11,", "      1a: {A: 192.0.2.11,"),
    ("      a: {A: 192.0.2.11,", "      007: {A: 192.0.2.11,"),
    ("      a: {A: 192.0.2.11,", "      on: {A: 192.0.2.11,"),
    (
        "      b: {A: 192.0.2.12,",
        "      b: {drained: {why: no, until: 2099-12-01T06:00Z}, A: 192.0.2.12,",
    ),
    ("      b: {A: 192.0.2.12,", "      b: {drained: {why: Straße#4 🚧}, A: 192.0.2.12,"),
    ("  www.example.com:", "  '*.example.com':"),
    ("  www.example.com:", "  WWW.Example.COM.:"),
    ("path: /healthz}", "path: /healthz, expect: 200, every: 5, timeout: 1.5, quorum: 1/1}"),
    ("ttl: 30", "ttl: 30, headroom: 0.5, panic: {below: 0}"),
    ("ttl: 30", "ttl: 1m, protect: {damping: off, slow_start: off, removal: off}"),
    ("check: https}", "check: false}"),
    ("        to: gcp/asia-east1", "        to: {gcp/asia-east1: 1}"),
    ("version: 1\n", "%YAML 1.2\n---\nversion: 1\n"),
    ("version: 1\n", "\ufeffversion: 1\n"),
    ("\n", "\r\n"),
]


@pytest.mark.parametrize(("written", "trap"), TRAPS)
def test_what_only_looks_like_a_mistake_is_none(
    break_sound: Callable[..., Any], written: str, trap: str
) -> None:
    found = break_sound((written, trap))
    assert [p for p in found.problems if p.severity is Severity.ERROR] == []
    assert found.plan is not None


def test_the_example_of_the_specification_has_no_error() -> None:
    plan, problems = check.find_problems([FOLDER.with_name("data") / "example.com.yaml"], world)
    assert plan is not None
    assert {problem.severity for problem in problems} <= {Severity.WARNING, Severity.NOTE}


def test_the_corpus_has_many_kinds_of_mistakes() -> None:
    heads = {tuple((one.code, one.text) for one in expected_of(file)) for file in FILES}
    assert len(heads) == len(FILES)
    assert len({head[0][0] for head in heads}) >= 66
    assert {code for head in heads for code, _ in head} <= CODES.keys()


def test_texts_are_for_people() -> None:
    """No jargon of the libraries behind, no file of ours, one line, no full stop at the end."""
    for file in FILES:
        for problem in check.find_problems([file], world)[1]:
            for text in (problem.text, problem.hint):
                assert "\n" not in text
                assert not text.endswith("."), problem
                assert not re.search(r"pydantic|Value error|Traceback|NoneType|\bdict\b", text)
                assert len(text) <= 240, problem
