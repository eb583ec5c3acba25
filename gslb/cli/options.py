"""Options that several commands share: where a node lives, and what may be said of its settings."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gslb.defaults import DEFAULT_CONFIG, DEFAULT_POLICIES
from gslb.errors import GslbError

if TYPE_CHECKING:
    from gslb.settings import Settings


def program() -> str:
    """Return how the one who called us can call this very program again from their shell."""
    import shlex  # noqa: PLC0415 - a start would wait for what only hints for people need
    import shutil  # noqa: PLC0415

    started = sys.argv[0]
    if Path(started).name == "__main__.py":  # python -m gslb
        return f"{shlex.quote(sys.executable)} -m gslb"
    found = shutil.which("gslb")
    if found is not None and os.path.realpath(found) == os.path.realpath(started):
        return "gslb"
    return shlex.quote(started)


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
    parser.add_argument("--dataplane", metavar="auto|fast|python", help="which loop answers")
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


def known_policies(settings: Settings, ask: str) -> list[Path]:
    """Return where the policies of the settings are.

    Raises:
        GslbError: nobody said where, and none are in the usual place; *ask* says how to tell.
    """
    paths = list(settings.policies)
    if paths == [DEFAULT_POLICIES] and not DEFAULT_POLICIES.exists():
        raise GslbError(f"there is no {DEFAULT_POLICIES}; {ask}")
    return paths
