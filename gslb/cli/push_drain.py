"""``gslb push drain`` and ``undrain``: an endpoint out of the copies while our servers are away."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gslb.cli.options import given_settings
from gslb.errors import GslbError
from gslb.fallback.messages import Which
from gslb.node.configuration import read_settings

if TYPE_CHECKING:
    from gslb.fallback.rescue import Taken

DRAIN_CODES = "Exit codes: 0 it is out of all of them, 1 it is not, or an error."
UNDRAIN_CODES = "Exit codes: 0 it is back in all of them, 1 it is not, or an error."
THEN = (
    "Our servers hold their pushes when they are back, until it is drained there too (gslb drain),"
    " or a push is forced."
)
BACK = (
    "Our servers push again by their own drains when they are back: end this one there, too, if it"
    " was made (gslb undrain)."
)


def add_drain_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``drain`` takes beside copies and settings."""
    parser.add_argument(
        "endpoint",
        metavar="ENDPOINT",
        help="an address, a host name with its final dot, or a location: aws/us-east-1/use1-az1",
    )
    parser.add_argument(
        "--from-state",
        action="store_true",
        help="needed: go by what the copies hold, with credentials from here; while our servers"
        " answer, `gslb drain` and `gslb undrain` are what you want",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be changed")


def which_of(options: argparse.Namespace) -> Which:
    """Return the copies that --provider and --zone name."""
    zone = (options.zone or "").lower()
    return Which(options.provider or "", f"{zone.rstrip('.')}." if zone else "")


def run_drain(options: argparse.Namespace) -> int:
    """Take an endpoint out of the copies. Return 0 if all of them are in sync without it."""
    from gslb.fallback.rescue import drain_directly  # noqa: PLC0415 - slow to import

    _want_from_state(options, "`gslb drain` takes it out of their answers and of the copies")
    settings = read_settings(options.config, given_settings(options))
    taken = drain_directly(settings, which_of(options), options.endpoint, dry=options.dry_run)
    return _show(taken, options, "NOT DRAINED", THEN)


def run_undrain(options: argparse.Namespace) -> int:
    """Put an endpoint back into the copies. Return 0 if all of them are in sync with it."""
    from gslb.fallback.rescue import undrain_directly  # noqa: PLC0415 - slow to import

    _want_from_state(options, "`gslb undrain` puts it back into their answers and into the copies")
    settings = read_settings(options.config, given_settings(options))
    taken = undrain_directly(settings, which_of(options), options.endpoint, dry=options.dry_run)
    return _show(taken, options, "NOT UNDRAINED", BACK)


def _want_from_state(options: argparse.Namespace, usual: str) -> None:
    if not options.from_state:
        raise GslbError(
            f"while our servers answer, {usual};"
            " with our servers gone, the same command with --from-state goes by what the copies hold"
        )


def _show(taken: list[Taken], options: argparse.Namespace, failed: str, then: str) -> int:
    if options.json:
        print(json.dumps([taken_json(one) for one in taken], indent=2))
    else:
        lines = [x for one in taken for x in taken_lines(one, failed, dry=options.dry_run)]
        print("\n".join(lines))
        if any(one.changed for one in taken) and not options.dry_run:
            print(then)
    return 0 if all(not one.error and (one.insync or options.dry_run) for one in taken) else 1


def taken_json(one: Taken) -> dict[str, Any]:
    """Return what has become of a drain at one copy as JSON values."""
    said = asdict(one)
    return {**said.pop("copy"), **said}


def taken_lines(one: Taken, failed: str, *, dry: bool) -> Iterator[str]:
    """Yield what has become of a drain, or of its end, at one copy; *failed*: the word if nothing."""
    whose = f"{one.copy.provider} {one.copy.zone} ({one.copy.place})"
    if one.error:
        yield f"{whose}  {failed}: {one.error}"
        return
    if dry:
        yield f"{whose}  {one.changed} record sets would be changed"
    elif one.changed:
        how = "insync" if one.insync else "not yet on all name servers"
        yield f"{whose}  {one.changed} record sets changed, change {one.change}, {how}"
    else:
        yield f"{whose}  nothing to change: it was done before"
    yield f"    out of it past our servers: {', '.join(one.drained) or 'nothing'}"
    yield from (f"    {note}" for note in one.notes)
