"""``gslb reload``: have a running server read its policies again, and say what came of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gslb.cli.asking import ask_supervisor
from gslb.cli.options import add_place_options, given_settings
from gslb.cli.status import contents
from gslb.node.configuration import read_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

RELOAD_SECONDS = 600.0  # the largest policies compile in some ten seconds, on a slow machine


def add_parser(commands: Commands) -> None:
    """Add ``reload`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "reload",
        help="have a running server read its policies again",
        description="Have a running server read its policies again. Policies with an error change"
        " nothing: the errors are printed, and the exit code is 1.",
    )
    parser.add_argument(
        "--confirm",
        action="store_true",
        help="serve them although they move much of all answers (hold_shifts in the settings)",
    )
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the outcome. Return 1 if the policies were refused."""
    settings = read_settings(options.config, given_settings(options))
    answer = ask_supervisor(settings, {"do": "reload", "confirm": options.confirm}, RELOAD_SECONDS)
    if options.json:
        print(json.dumps(answer))
    elif not answer.get("ok"):
        for line in answer.get("problems", []):
            print(line, file=sys.stderr)
        reason = answer.get("error", "the policies are refused")
        print(f"gslb: not reloaded: {reason}; what was served stays", file=sys.stderr)
    else:
        for line in answer["new_warnings"]:
            print(line, file=sys.stderr)
        print(*describe(answer), sep="\n")
    return 0 if answer.get("ok") else 1


def describe(answer: dict[str, Any]) -> Iterator[str]:
    """Yield what came of a reload, as lines for people."""
    what = f"{contents(answer)}, policy {answer['policy']}"
    if answer["unchanged"]:
        yield f"nothing has changed: generation {answer['generation']} stays, {what}"
    else:
        yield (
            f"generation {answer['generation']} is served: {what},"
            f" compiled in {answer['seconds']:.1f} s"
        )
    yield from map("  {}".format, answer["changes"])
    old = answer["warnings"] - len(answer["new_warnings"])
    if old > 0:
        yield f"  {old} warning{'' if old == 1 else 's'} as before; gslb check shows all"
