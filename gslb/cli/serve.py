"""``gslb serve``: answer queries until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from typing import TYPE_CHECKING

from gslb import logs
from gslb.cli.options import add_settings_options, given_settings
from gslb.node.configuration import read_settings
from gslb.supervisor import PoliciesRefusedError, Supervisor

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

REPLACE = "--replace"


def add_parser(commands: Commands) -> None:
    """Add ``serve`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "serve",
        help="answer queries",
        description="Answer queries. What is given here wins over GSLB_… variables of the"
        " environment, and those over the settings file.",
    )
    add_settings_options(parser)
    parser.add_argument(
        REPLACE,
        action="store_true",
        help="take the place of the server that runs on the state directory, if there is one,"
        " without losing a query; if that fails, it goes on",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve. Return 0 after an orderly stop. Raises GslbError if the start fails."""
    settings = read_settings(options.config, given_settings(options))
    logs.set_up(settings.log.level, settings.log.format, "supervisor")
    logging.captureWarnings(capture=True)
    try:
        supervisor = Supervisor(settings, replace=options.replace, successor=successor())
        asyncio.run(supervisor.run())
    except PoliciesRefusedError as refused:
        print(*refused.problems, sep="\n", file=sys.stderr)
        print(f"gslb: {refused}", file=sys.stderr)
        return 1
    return 0


def successor() -> list[str]:
    """Return the command that starts the program that is installed in our place, to replace us."""
    words = [sys.executable, *sys.orig_argv[1:]]
    return words if REPLACE in words else [*words, REPLACE]
