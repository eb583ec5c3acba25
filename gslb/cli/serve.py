"""``gslb serve``: answer queries until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gslb import logs
from gslb.configuration import read_settings
from gslb.settings import DEFAULT_CONFIG
from gslb.supervisor import PoliciesRefusedError, Supervisor

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``serve`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "serve",
        help="answer queries",
        description="Answer queries. What is given here wins over GSLB_… variables of the"
        " environment, and those over the settings file.",
    )
    add_settings_options(parser)
    parser.set_defaults(run=run)


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Add what tells where a node lives: all that a command needs to talk to it."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"the node's settings (default: {DEFAULT_CONFIG}, if it exists)",
    )
    parser.add_argument("--state-directory", metavar="FOLDER", help="where tables are kept")


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Add what may be said of a node's settings on the command line."""
    add_place_options(parser)
    parser.add_argument(
        "--policies",
        action="append",
        metavar="PATH",
        help="policy file or folder; may be repeated",
    )
    parser.add_argument(
        "--listen",
        action="append",
        metavar="ADDRESS:PORT",
        help="where to answer, over UDP and TCP; may be repeated (default: 0.0.0.0:53, [::]:53)",
    )
    parser.add_argument("--workers", metavar="N", help="worker processes (default: one a core)")
    parser.add_argument("--dataplane", metavar="auto|python", help="which loop answers")
    parser.add_argument("--nsid", metavar="TEXT", help="the node's name in answers (RFC 5001)")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")
    parser.add_argument("--log-format", metavar="FORM", help="auto, human, logfmt or json")


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line says about the settings, in the settings' own shape."""
    flat = {
        name: value
        for name in ("policies", "listen", "state_directory", "workers", "dataplane", "nsid")
        if (value := getattr(options, name, None)) is not None
    }
    log = {key: getattr(options, f"log_{key}", None) for key in ("level", "format")}
    if given := {key: value for key, value in log.items() if value is not None}:
        flat["log"] = given
    return flat


def run(options: argparse.Namespace) -> int:
    """Serve. Return 0 after an orderly stop. Raises GslbError if the start fails."""
    settings = read_settings(options.config, given_settings(options))
    logs.set_up(settings.log.level, settings.log.format, "supervisor")
    logging.captureWarnings(capture=True)
    try:
        asyncio.run(Supervisor(settings).run())
    except PoliciesRefusedError as refused:
        print(*refused.problems, sep="\n", file=sys.stderr)
        print(f"gslb: {refused}", file=sys.stderr)
        return 1
    return 0
