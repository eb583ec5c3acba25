"""``gslb undrain``: end drains of a running server."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from gslb.cli.calling import node_of
from gslb.cli.options import add_place_options

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``undrain`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "undrain",
        help="end a drain",
        description="End drains (or forces) of a running server; gslb drains lists them. What is"
        " drained in a policy file is not ended by this.",
    )
    parser.add_argument("id", nargs="+", type=int, help="the number of a drain")
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason, for the audit log")
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print the answers as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """End each of the drains, in order; the first that cannot be ended ends the command."""
    node = node_of(options)
    query = {"reason": options.why} if options.why else None
    for number in options.id:
        answer = node.call("DELETE", f"/drains/{number}", query=query)
        drain = answer["drain"]
        if options.json:
            print(json.dumps(answer))
        else:
            print(f"{drain['kind']} {number} of {drain['location']} has ended")
    return 0
