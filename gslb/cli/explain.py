"""``gslb explain``: say what a client is answered, and why, without asking a server."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gslb.cli.options import add_place_options, given_settings, known_policies
from gslb.errors import GslbError
from gslb.node.configuration import read_settings
from gslb.node.surroundings import look_around
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan
from gslb.policy.problems import PolicyError, Severity
from gslb.steering.existence import Outcome
from gslb.steering.explain_text import explain_text
from gslb.steering.explanation import Explanation
from gslb.steering.reading import read_type
from gslb.steering.situation import Situation
from gslb.steering.whatif import explain_supposing

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_NOT_SERVED = 3  # no such name here
EXIT_LAST_RESORT = 4


def add_parser(commands: Commands) -> None:
    """Add ``explain`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "explain",
        help="say what a client is answered, and why",
        description="Say what a client is answered, and why. Health is unknown here, and unknown"
        " is served like up; --what-if supposes otherwise.",
        epilog=f"Exit codes: 0 answered, 1 the policies or a word here have errors,"
        f" {EXIT_NOT_SERVED} no such name here, {EXIT_LAST_RESORT} the last resort is answered.",
    )
    parser.add_argument("name", help="the name asked for")
    parser.add_argument(
        "client", help="a prefix (as a resolver passes it on) or an address that asks itself"
    )
    parser.add_argument("--type", default="A", metavar="TYPE", help="record type (default: A)")
    parser.add_argument(
        "--policies",
        action="append",
        metavar="PATH",
        help="policy file or folder; may be repeated (default: those of the node's settings)",
    )
    add_place_options(parser)
    parser.add_argument("--resolver", metavar="ADDRESS", help="the resolver that asks for CLIENT")
    parser.add_argument(
        "--what-if",
        action="append",
        default=[],
        metavar="WHAT:LOCATION",
        help="suppose down:, up: or drain: of cloud/region/zone, with wildcards; may be repeated",
    )
    parser.add_argument(
        "--at", metavar="TIME", help="when (ISO 8601, default: now); drains end by it"
    )
    parser.add_argument("--json", action="store_true", help="print the explanation as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the explanation. Return an exit code as the help tells. Raises GslbError."""
    at = read_time(options.at)
    rtype = read_type(options.type)
    settings = read_settings(options.config, given_settings(options))
    plan = _plan(known_policies(settings, "say where policies are: --policies PATH"))
    around = look_around(settings.geo, settings.state_directory, at)
    for alarm in around.alarms:
        print(f"gslb: geography: {alarm}", file=sys.stderr)
    story = explain_supposing(
        plan,
        around.world,
        Situation(at),
        options.name,
        options.client,
        rtype,
        options.resolver,
        options.what_if,
    )
    if options.json:
        print(json.dumps(story.to_json(), indent=2, ensure_ascii=False))
    else:
        print(explain_text(story))
    return exit_code(story)


def _plan(paths: list[Path]) -> Plan:
    plan, problems = compile_policies(paths)
    if plan is None:
        errors = [one for one in sorted(problems) if one.severity is Severity.ERROR]
        raise PolicyError(errors)
    return plan


def read_time(text: str | None) -> datetime:
    """Return the time that *text* says, UTC if it names no zone; now if there is none.

    Raises:
        GslbError: no time as in ISO 8601.
    """
    if text is None:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise GslbError(f'"{text}" is no time such as 2026-12-01T06:00Z') from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def exit_code(story: Explanation) -> int:
    """Return what the process is to end with."""
    if story.outcome in {Outcome.OUTSIDE, Outcome.NXDOMAIN}:
        return EXIT_NOT_SERVED
    return EXIT_LAST_RESORT if story.last_resort else 0
