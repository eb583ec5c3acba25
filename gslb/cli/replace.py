"""``gslb replace``: have a running server give way to the version that is installed now."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from gslb import control
from gslb.cli.asking import ask_supervisor
from gslb.cli.options import add_place_options, given_settings
from gslb.cli.status import STATUS_SECONDS, contents
from gslb.control import ControlError, NobodyThereError
from gslb.node.configuration import read_settings
from gslb.node.handover import OWNING_SECONDS
from gslb.node.succession import LIMIT_SECONDS, MAX_LIMIT_SECONDS
from gslb.settings import Settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

GRACE_SECONDS = 30.0  # beyond all limits, for the answer
LOOK_SECONDS = 30.0  # for somebody to serve, where the old version has died meanwhile
LOOK_AGAIN_SECONDS = 0.2


def add_parser(commands: Commands) -> None:
    """Add ``replace`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "replace",
        help="replace a running server by the version that is installed now",
        description="Replace a running server by the version that is installed now, at the same"
        " path and with the same options; its settings file and the policies are read again. The"
        " new version gets the very sockets of the old one, which lets go only when everything is"
        " compiled and checked, so that no query is lost; TCP connections are finished by the old"
        " one. Drains, health and counters carry over. If anything goes wrong the old version goes"
        " on, the reason is printed, and the exit code is 1.",
    )
    add_place_options(parser)
    parser.add_argument(
        "--limit",
        type=float,
        default=LIMIT_SECONDS,
        metavar="SECONDS",
        help=f"give up when the new version is not ready by then (default: {LIMIT_SECONDS:g},"
        f" at most {MAX_LIMIT_SECONDS:g})",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the outcome. Return 1 if the old version goes on."""
    settings = read_settings(options.config, given_settings(options))
    before = ask_supervisor(settings, {"do": "status"}, STATUS_SECONDS)
    request = {"do": "replace", "limit": options.limit}
    seconds = min(options.limit, MAX_LIMIT_SECONDS) + OWNING_SECONDS + GRACE_SECONDS
    path = settings.state_directory / control.SUPERVISOR_SOCKET
    try:
        answer = control.ask(path, request, seconds)
    except ControlError as error:
        answer = _look(settings, before, str(error))
    if options.json:
        print(json.dumps(answer))
    elif answer.get("ok"):
        print(describe(answer))
    else:
        for line in answer.get("problems", []):
            print(line, file=sys.stderr)
        who = f"gslb {before['version']}, pid {before['pid']}"
        why = answer.get("error", "no reason was given")
        print(f"gslb: not replaced: {why}; {who}, goes on", file=sys.stderr)
    return 0 if answer.get("ok") else 1


def _look(settings: Settings, before: dict[str, Any], why: str) -> dict[str, Any]:
    """Return who serves, where the old version has ended without an answer. Raises ControlError."""
    path = settings.state_directory / control.SUPERVISOR_SOCKET
    until = time.monotonic() + LOOK_SECONDS
    while True:
        try:
            now = control.ask(path, {"do": "status"}, STATUS_SECONDS)
        except NobodyThereError:
            if time.monotonic() > until:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
            continue
        if now["pid"] == before["pid"]:
            return {"ok": False, "error": why}
        return {
            **now,
            "old_pid": before["pid"],
            "old_version": before["version"],
            "seconds": now["uptime_seconds"],
        }


def describe(answer: dict[str, Any]) -> str:
    """Return what came of it, in a line for people."""
    return (
        f"gslb {answer['version']} (pid {answer['pid']}) serves in place of"
        f" {answer['old_version']} (pid {answer['old_pid']}): generation {answer['generation']},"
        f" {contents(answer)}, after {answer['seconds']:.1f} s"
    )
