"""``gslb check``: say whether policies could be served, and change nothing."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from gslb.cli.options import add_place_options, given_settings, known_policies
from gslb.fallback.messages import copy_ids
from gslb.node.configuration import read_settings
from gslb.node.surroundings import look_around
from gslb.policy.compile import compile_policies
from gslb.policy.plain import plain_plan
from gslb.policy.plan import Plan
from gslb.policy.problems import Problem, Severity
from gslb.policy.quote import Quoter
from gslb.policy.schema import SCHEMA_FILE
from gslb.push.ignoring import ignored_problems
from gslb.settings import PushSection
from gslb.steering.lint import lint_plan
from gslb.steering.world import World

EXIT_ERRORS = 1
EXIT_WARNINGS = 2  # with --strict
NO_COPIES = PushSection()
WHICH = "which policies? Name files or folders, or - for standard input"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``check`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "check",
        help="find the problems in policy files",
        description="Print every problem with its place. Exit 0: usable; 1: errors; 2: warnings, with --strict.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="file, folder, or - for standard input (default: those of the node's settings)",
    )
    parser.add_argument("--strict", action="store_true", help="let warnings fail too")
    parser.add_argument(
        "--notes", action="store_true", help="print notes too: how something was read"
    )
    parser.add_argument("--json", action="store_true", help="print the problems as a JSON list")
    parser.add_argument(
        "--print",
        action="store_true",
        dest="whole",
        help="print the plan as JSON, all defaults filled in; problems go to standard error",
    )
    parser.add_argument(
        "--schema",
        action="store_true",
        help="print the JSON Schema of the policy language, for editors, and check nothing",
    )
    add_place_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the problems, then how many there are, and the plan if that is wanted."""
    if arguments.schema:
        print(SCHEMA_FILE.read_text(encoding="utf-8"), end="")
        return 0
    settings = read_settings(arguments.config, given_settings(arguments))
    paths = arguments.paths or known_policies(settings, WHICH)

    def look() -> World:
        return look_around(settings.geo, settings.state_directory, datetime.now(UTC)).world

    plan, problems = find_problems(paths, look, settings.push)
    if not arguments.notes:
        problems = [problem for problem in problems if problem.severity is not Severity.NOTE]
    counts = Counter(problem.severity for problem in problems)
    _print_problems(problems, as_json=arguments.json, beside=arguments.whole)
    if arguments.whole:
        print(json.dumps(plain_plan(plan) if plan is not None else None, indent=2))
    if not arguments.json:
        print(_summary(plan, counts), file=sys.stderr)
    if counts[Severity.ERROR]:
        return EXIT_ERRORS
    return EXIT_WARNINGS if arguments.strict and counts[Severity.WARNING] else 0


def _print_problems(problems: list[Problem], *, as_json: bool, beside: bool) -> None:
    """Print *problems* on standard output, or *beside* what is printed there."""
    file = sys.stderr if beside else sys.stdout
    if as_json:
        print(json.dumps([problem_json(problem) for problem in problems], indent=2), file=file)
        return
    console = Console(file=file, highlight=False, soft_wrap=True)
    for block in Quoter().format(problems):
        console.print(block)


def find_problems(
    paths: list[Path], look: Callable[[], World], push: PushSection = NO_COPIES
) -> tuple[Plan | None, list[Problem]]:
    """Return the plan, unless there are errors, and all problems: of the files, then of who gets what.

    *look* gives the world of the node; it is called only if the files can be read. *push* tells
    which zones are copied, and what is left alone there.
    """
    plan, problems = compile_policies(paths)
    if plan is not None:
        zones = {one.zone for one in copy_ids(push)}
        ignored = ignored_problems(plan, zones, push.ignore)
        problems = sorted({*problems, *lint_plan(plan, look()), *ignored})
        if any(problem.severity is Severity.ERROR for problem in problems):
            plan = None
    return plan, problems


def problem_json(problem: Problem) -> dict[str, object]:
    """Return *problem* as JSON values."""
    where = problem.where
    return {
        "file": str(where.path),
        "line": where.line,
        "column": where.column,
        "severity": problem.severity.value,
        "code": problem.code,
        "text": problem.text,
        "hint": problem.hint,
    }


def _summary(plan: Plan | None, counts: Counter[Severity]) -> str:
    found = ", ".join(
        f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}"
        for severity in (Severity.ERROR, Severity.WARNING)
    )
    if plan is None:
        return found
    names = sum(len(zone.names) for zone in plan.zones)
    zones = len(plan.zones)
    return f"{found}; {zones} zone{'' if zones == 1 else 's'}, {names} steered name{'' if names == 1 else 's'}"
