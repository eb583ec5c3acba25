"""``gslb serve``: answer queries until told to stop.

Workers answer first, from the newest table on disk, and what else there is is loaded then: the
settings too, where what is needed of them is known from the last start. So the order of things here
is that of `run`, and the supervisor is imported in the middle of it.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from gslb.cli.options import add_settings_options, given_settings
from gslb.node.beginning import Beginning, EarlySignals

if TYPE_CHECKING:
    from gslb.node.outset import Outset

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

REPLACE = "--replace"
MAX_RECRUITS = 8  # workers started before the settings are known


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
    signals = EarlySignals()
    beginning = Beginning(expected_workers(options.workers), signals)
    try:
        return _serve(options, beginning)
    finally:
        beginning.give_up()


def expected_workers(given: str | None) -> int:
    """Return how many workers to start ahead: as *given*, else one a core; the file may say others."""
    said = given or os.environ.get("GSLB_WORKERS", "")
    count = int(said[:4]) if said.isascii() and said.isdecimal() else len(os.sched_getaffinity(0))
    return min(count, MAX_RECRUITS)


def _serve(options: argparse.Namespace, beginning: Beginning) -> int:
    # Each of these loads what the next steps need; the workers load theirs at the same time.
    from gslb.node.inputs import Inputs  # noqa: PLC0415

    given = given_settings(options)
    outset = beginning.recall(Inputs.of(options.config, given))
    if outset is not None:
        _begin(options, beginning, outset)

    import logging  # noqa: PLC0415

    from gslb.node.configuration import read_settings  # noqa: PLC0415
    from gslb.node.outset import outset_of  # noqa: PLC0415

    settings = read_settings(options.config, given)
    logging.captureWarnings(capture=True)
    _begin(options, beginning, outset_of(settings))

    import asyncio  # noqa: PLC0415

    from gslb.node.compilation import PoliciesRefusedError  # noqa: PLC0415
    from gslb.supervisor import Supervisor  # noqa: PLC0415

    supervisor = Supervisor(
        settings, replace=options.replace, successor=successor(), beginning=beginning
    )
    try:
        asyncio.run(supervisor.run())
    except PoliciesRefusedError as refused:
        print(*refused.problems, sep="\n", file=sys.stderr)
        print(f"gslb: {refused}", file=sys.stderr)
        return 1
    return 0


def _begin(options: argparse.Namespace, beginning: Beginning, outset: Outset) -> None:
    """Begin, unless somebody else runs whose place we are to take."""
    from gslb import logs  # noqa: PLC0415
    from gslb.node.statedir import LockedError  # noqa: PLC0415

    logs.set_up(outset.template.log_level, outset.template.log_format, "supervisor")
    try:
        beginning.begin(outset)
    except LockedError:
        if not options.replace:
            raise
    beginning.let_workers_go_first()


def successor() -> list[str]:
    """Return the command that starts the program that is installed in our place, to replace us."""
    words = [sys.executable, *sys.orig_argv[1:]]
    return words if REPLACE in words else [*words, REPLACE]
