"""A sound policy to break, one change at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan, ZonePlan
from gslb.policy.problems import Problem
from tests.policytext import HEAD

SOUND = (
    HEAD
    + """\
  static: |
    mail A 192.0.2.25
defaults: {ttl: 30, check: https}
checks:
  https: {type: https, path: /healthz}
sites:
  aws/us-east-1:
    zones:
      a: {A: 192.0.2.11, AAAA: "2001:db8::11"}
      b: {A: 192.0.2.12, AAAA: "2001:db8::12"}
  gcp/asia-east1:
    zones:
      a: {A: 203.0.113.31, AAAA: "2001:db8::31"}
      b: {A: 203.0.113.32, AAAA: "2001:db8::32"}
records:
  www.example.com:
    rules:
      - name: asia
        when: {area: asia}
        to: gcp/asia-east1
        then: [aws/us-east-1]
      - name: rest
        to: [aws/us-east-1, gcp/asia-east1]
"""
)


@dataclass(frozen=True)
class Compiled:
    """What became of a text: the plan, its problems, and the lines that they point to."""

    plan: Plan | None
    problems: list[Problem]
    text: str

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    @property
    def zone(self) -> ZonePlan:
        assert self.plan is not None, self.problems
        (zone,) = self.plan.zones
        return zone

    def only(self, code: str) -> Problem:
        assert self.codes == [code], [str(problem) for problem in self.problems]
        return self.problems[0]

    def line(self, problem: Problem) -> str:
        return self.text.split("\n")[problem.where.line - 1].strip()

    def at(self, problem: Problem) -> str:
        return self.text.split("\n")[problem.where.line - 1][problem.where.column - 1 :]


CompileText = Callable[[str], Compiled]
Break = Callable[..., Compiled]


@pytest.fixture
def compile_text(tmp_path: Path) -> CompileText:
    """Compile a text as example.com.yaml in a folder of its own."""

    def compiled(text: str) -> Compiled:
        file = tmp_path / "example.com.yaml"
        file.write_text(text)
        plan, problems = compile_policies([file])
        return Compiled(plan, problems, text)

    return compiled


@pytest.fixture
def break_sound(compile_text: CompileText) -> Break:
    """Compile the sound policy with pairs of (old, new) text put in."""

    def broken(*changes: tuple[str, str]) -> Compiled:
        text = SOUND
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        return compile_text(text)

    return broken
