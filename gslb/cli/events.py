"""``gslb events``: what happens on a running server, as it happens."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from gslb.cli.calling import node_of
from gslb.cli.following import follow
from gslb.cli.options import add_place_options
from gslb.errors import GslbError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

MAX_DIGITS = 18  # of the number of an event


def add_parser(commands: Commands) -> None:
    """Add ``events`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "events",
        help="show what happens, as it happens",
        description="Show transitions of health, drains and other events of a running server as"
        " they happen, until you stop it. When the server is replaced or restarted, the command"
        " connects again by itself, says so on stderr, and misses nothing.",
    )
    parser.add_argument(
        "--since",
        type=_sequence,
        metavar="NUMBER",
        help="begin after this event; 0: with the oldest that is kept (default: now)",
    )
    parser.add_argument("--count", type=_count, metavar="N", help="stop after so many")
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.set_defaults(run=run)


def _sequence(text: str) -> int:
    """Return the number of an event that *text* is, for the parser."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise argparse.ArgumentTypeError(f'"{text}" is not the number of an event')
    return int(text)


def _count(text: str) -> int:
    """Return how many events *text* means, for the parser."""
    if (count := _sequence(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def run(options: argparse.Namespace) -> int:
    """Print events, one a line. Raises GslbError."""
    node, shown = node_of(options), 0
    newest: int = node.call("GET", "/status")["last_event"]  # says, too, if nobody is there
    after = newest if options.since is None else options.since
    if after > newest:
        raise GslbError(f"--since: there is no event {after} yet; the newest is {newest}")
    for event in follow(node, after, lambda text: print(f"gslb: {text}", file=sys.stderr)):
        if "sequence" not in event:
            print("gslb: older events are no longer kept", file=sys.stderr)
            continue
        print(json.dumps(event) if options.json else line(event), flush=True)
        shown += 1
        if options.count is not None and shown >= options.count:
            break
    return 0


def line(event: dict[str, Any]) -> str:
    """Return an event as one line for people."""
    detail = event["detail"]
    words = [detail[key] for key in ("reason", "detail", "why") if detail.get(key)]
    who = f" by {detail['author']}" if detail.get("author") else ""
    about = f": {words[0]}" if words else ""
    return f"{event['at']}  {event['sequence']}  {event['kind']}  {event['subject']}{who}{about}"
