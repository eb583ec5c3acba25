"""``gslb undrain``: end drains of a running server."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from gslb.cli.calling import CallError, by_option, node_of
from gslb.cli.drain import EXIT_PENDING, WAIT_SECONDS, add_wait_option, waiting
from gslb.cli.options import add_place_options
from gslb.cli.push import copy_lines

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``undrain`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "undrain",
        help="end a drain",
        description="End drains (or forces) of a running server; gslb drains lists them. What is"
        " drained in a policy file is not ended by this.",
        epilog=f"Exit codes: 0 all have ended, 1 an error, {EXIT_PENDING} they have ended and the"
        " answers do not follow yet.",
    )
    parser.add_argument("id", nargs="+", type=_number, help="the number of a drain")
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason, for the audit log")
    add_wait_option(parser)
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print the answers as JSON")
    parser.set_defaults(run=run)


def _number(text: str) -> int:
    """Return the id that *text* is, for the parser."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(
            f'"{text}" is not the number of a drain; gslb drains shows the numbers'
        )
    return int(text)


def run(options: argparse.Namespace) -> int:
    """End each of the drains, in order; the first that cannot be ended ends the command."""
    node = node_of(options)
    query = {**({"reason": options.why} if options.why else {}), **waiting(options)}
    code = 0
    for number in options.id:
        try:
            answer = node.call("DELETE", f"/drains/{number}", query=query, seconds=WAIT_SECONDS)
        except CallError as error:
            raise by_option(error, {"query.reason": "--why"}) from None
        drain = answer["drain"]
        if options.json:
            print(json.dumps(answer))
        else:
            print(f"{drain['kind']} {number} of {drain['location']} has ended")
            print(*copy_lines(answer["copies"]), sep="\n", end="\n" if answer["copies"] else "")
        if answer["pending"]:
            print(f"gslb: {answer['pending']}", file=sys.stderr)
            code = EXIT_PENDING
    return code
