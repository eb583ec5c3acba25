"""``gslb drains``: what operators and policy files hold out of the answers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gslb.cli.calling import node_of
from gslb.cli.options import add_place_options
from gslb.steering.wording import percent

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``drains`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "drains",
        help="list what is drained",
        description="List what operators' calls and lines of policy files hold out of the answers.",
    )
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print both kinds."""
    node = node_of(options)
    calls = node.call("GET", "/drains")["drains"]
    files = list(in_files(node.call("GET", "/locations")["clouds"]))
    if options.json:
        print(json.dumps({"drains": calls, "files": files}, indent=2))
    else:
        print("\n".join(lines(calls, files)) or "nothing is drained")
    return 0


def in_files(
    locations: Iterable[Mapping[str, Any]], above: Mapping[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the drains of policy files, each once: where it begins."""
    for one in locations:
        drain = one["file_drain"]
        if drain is not None and drain != above:
            yield {"location": one["path"], **drain}
        yield from in_files(one["children"], drain)


def lines(calls: Iterable[Mapping[str, Any]], files: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield both kinds of drain side by side, a line each."""
    for one in calls:
        words = [f"{one['kind']} {one['id']}", one["location"]]
        if one["share"] and one["kind"] == "drain":
            words.append(f"at {percent(one['share'])}, off at {one['dns_off_at']}")
        words.append(f"until {one['expires']}" if one["expires"] else "until undrained")
        if one["forced"]:
            words.append("forced")
        yield f"{'  '.join(words)}  {one['author']}: {one['reason']}"
    for one in files:
        until = f"until {one['until']}" if one["until"] else "no end"
        yield f"file  {one['location']}  {until}  {one['where']}: {one['why']}"
