"""``gslb reload``: have a running server read its policies again, and say what came of it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from gslb import control
from gslb.cli.options import add_place_options, given_settings
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
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the outcome. Return 1 if the policies were refused."""
    settings = read_settings(options.config, given_settings(options))
    answer = control.ask(
        settings.state_directory / control.SUPERVISOR_SOCKET, {"do": "reload"}, RELOAD_SECONDS
    )
    if options.json:
        print(json.dumps(answer))
    elif not answer.get("ok"):
        print(*answer.get("problems", []), sep="\n", file=sys.stderr)
        reason = answer.get("error", "the policies are refused")
        print(f"gslb: not reloaded: {reason}; what was served stays", file=sys.stderr)
    else:
        print(
            *answer["warnings"], sep="\n", end="\n" if answer["warnings"] else "", file=sys.stderr
        )
        zones = ", ".join(answer["zones"])
        print(
            f"generation {answer['generation']} is served: {answer['names']} names in {zones},"
            f" policy {answer['policy']}, compiled in {answer['seconds']:.1f} s"
        )
    return 0 if answer.get("ok") else 1
