"""``gslb stop``: end workers that go on answering after their supervisor has died."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gslb import logs
from gslb.cli.options import add_place_options, given_settings
from gslb.errors import GslbError
from gslb.node.configuration import read_settings
from gslb.node.sendhome import send_home
from gslb.node.statedir import LockedError, StateDirectory

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``stop`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "stop",
        help="end workers whose supervisor has died",
        description="End workers that go on answering after their supervisor has died. A running"
        " server is not touched: Ctrl-C, SIGTERM or the service manager ends that.",
    )
    add_place_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Retire the workers. Raises GslbError if a supervisor runs, or a worker does not obey."""
    directory = read_settings(options.config, given_settings(options)).state_directory
    if not directory.is_dir():
        raise GslbError(f"{directory}: no such state directory (--state-directory names another)")
    logs.set_up("error", "human", "stop")
    try:
        state = StateDirectory(directory)
    except LockedError as running:
        raise GslbError(
            f"{running}: its workers are its own; Ctrl-C, SIGTERM or the service manager ends it"
        ) from None
    try:
        gone, left = send_home(directory)
    finally:
        state.close()
    if left:
        raise GslbError(f"{left} of {gone + left} workers did not obey; `gslb status` shows them")
    print(
        {0: "no worker was left", 1: "1 worker has ended"}.get(gone, f"{gone} workers have ended")
    )
    return 0
