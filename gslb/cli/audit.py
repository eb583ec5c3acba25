"""``gslb audit``: tell whether the audit log of a node is whole."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gslb.cli.options import add_place_options, given_settings
from gslb.errors import GslbError
from gslb.node.configuration import read_settings
from gslb.state.audit import FILE_NAME, Head, entries, verify

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


def add_parser(commands: Commands) -> None:
    """Add ``audit`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "audit", help="verify the audit log", description="The audit log of a node."
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser(
        "verify",
        help="find lines that were changed, lost or moved",
        description="Find lines of the audit log that were changed, lost or moved. Exit codes:"
        " 0 it is whole, 1 it is not. That lines were cut off at the end shows only with --head.",
    )
    add_place_options(check)
    check.add_argument("--file", type=Path, help="another log than that of the state directory")
    check.add_argument(
        "--head", metavar="NUMBER:HASH", help="an end of the log that was kept elsewhere"
    )
    check.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is wrong. Return 1 if anything is."""
    path = options.file
    if path is None:
        settings = read_settings(options.config, given_settings(options))
        path = settings.state_directory / FILE_NAME
    problems = verify(path, _head(options.head))
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return 1
    last = entries(path, 1)
    end = f"{last[0]['seq']}:{last[0]['hash']}" if last else "none"
    print(f"{path}: whole; its end, to be kept elsewhere: {end}")
    return 0


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    found = _HEAD.fullmatch(text)
    if found is None:
        raise GslbError(f'"{text}" is no end of a log: NUMBER:HASH, as gslb audit verify prints it')
    return Head(int(found[1]), found[2])
