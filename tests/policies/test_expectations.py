"""The example policies do what the files beside them say; the format is in policies/README.md."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import dns.rdatatype
import pytest
import yaml

from gslb.geo.load import embedded_table
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan
from gslb.policy.problems import Severity
from gslb.steering.explain import explain
from gslb.steering.explanation import Explanation
from gslb.steering.lint import lint_plan
from gslb.steering.situation import Situation
from gslb.steering.whatif import suppose
from gslb.steering.world import World, make_world

FOLDER = Path(__file__).parents[2] / "policies"
FILES = sorted(p for p in FOLDER.glob("*.yaml") if not p.name.endswith(".expect.yaml"))
AT = datetime(2026, 11, 1, tzinfo=UTC)  # before any drain in the examples ends
KEYS = {
    "name", "type", "client", "resolver", "at", "what_if", "sites", "shares", "addresses", "rcode", "why",
}  # fmt: skip
NOT_STRICT = {"example.com"}  # the specification's own example has warnings to show


@cache
def the_world() -> World:
    return make_world(embedded_table(), AT)


@cache
def plan_of(file: Path) -> Plan:
    plan, problems = compile_policies([file])
    assert plan is not None, [str(problem) for problem in problems]
    return plan


def questions(file: Path) -> list[dict[str, Any]]:
    loaded = yaml.safe_load(file.with_name(f"{file.stem}.expect.yaml").read_text())
    assert isinstance(loaded, list)
    for question in loaded:
        assert {"name", "client", "why"} <= set(question) <= KEYS, question
        assert set(question.get("what_if", {})) <= {"down", "drained"}, question
    return loaded


def ask(file: Path, question: dict[str, Any]) -> Explanation:
    plan = plan_of(file)
    at = datetime.fromisoformat(question["at"]) if "at" in question else AT
    words = {"down": "down", "drained": "drain"}
    supposed = [
        f"{words[key]}:{location}"
        for key, locations in question.get("what_if", {}).items()
        for location in locations
    ]
    return explain(
        plan,
        the_world(),
        suppose(plan, Situation(at), supposed),
        question["name"],
        question["client"],
        int(dns.rdatatype.from_text(question.get("type", "A"))),
        question.get("resolver"),
    )


ALL = [
    pytest.param(file, question, id=f"{file.stem}: {question['why']}")
    for file in FILES
    for question in questions(file)
]


def test_there_are_examples() -> None:
    assert len(FILES) >= 7


@pytest.mark.parametrize(("file", "question"), ALL)
def test_a_client_gets_what_the_file_says(file: Path, question: dict[str, Any]) -> None:
    story = ask(file, question)
    assert story.rcode == question.get("rcode", "NOERROR")
    shares = {line.site: line.share for line in story.sites if line.share > 0}
    if "sites" in question:
        assert set(shares) == set(question["sites"])
    if "shares" in question:
        wanted = {site: float(text.rstrip("%")) / 100 for site, text in question["shares"].items()}
        assert shares == pytest.approx(wanted)
    if "addresses" in question:
        served = {record for answer in story.answers for record in answer.records}
        assert served == set(question["addresses"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_sound(file: Path) -> None:
    plan, problems = compile_policies([file])
    assert plan is not None
    found = [*problems, *lint_plan(plan, the_world())]
    allowed = {Severity.NOTE, Severity.WARNING} if file.stem in NOT_STRICT else {Severity.NOTE}
    assert [str(problem) for problem in found if problem.severity not in allowed] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_rule_of_an_example_decides_some_question(file: Path) -> None:
    decided: dict[str, set[str]] = defaultdict(set)
    for question in questions(file):
        story = ask(file, question)
        decided[story.policy] |= {rule.name for rule in story.rules if rule.decides}
    for zone in plan_of(file).zones:
        for policy in zone.policies:
            missing = {rule.name for rule in policy.rules} - decided[policy.name]
            assert missing <= {"telecom-south-trial"}, policy.name  # needs provinces


def test_all_examples_can_be_served_together() -> None:
    plan, problems = compile_policies([FOLDER])
    assert plan is not None, [str(p) for p in problems if p.severity is Severity.ERROR]
    assert len(plan.zones) == len(FILES)
