"""``gslb push delegate``: which side answers a zone, switched in its parent, or told to who can."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gslb.cli.options import given_settings
from gslb.errors import GslbError
from gslb.fallback.messages import copy_ids
from gslb.listen import Listen, parse_listen
from gslb.node.configuration import read_settings
from gslb.settings import Settings

if TYPE_CHECKING:
    from gslb.fallback.delegating import Delegated

EXIT_BY_HAND = 2  # there is something to be set that is not ours to set
DELEGATE_CODES = (
    f"Exit codes: 0 the parent says so, 1 an error, {EXIT_BY_HAND} somebody has to set it there."
)
SIDES = ("route53", "clouddns", "own")


def add_delegate_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``delegate`` takes beside settings."""
    parser.add_argument("--to", required=True, choices=SIDES, help="who is to answer")
    parser.add_argument("--zone", metavar="ZONE", help="of ours; needed if there are several")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="what the copy held, as `plan --direct --save` wrote it, if it cannot be read now",
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        type=_server,
        metavar="ADDRESS[:PORT]",
        help="a server of the parent to ask, where the parent is not ours to change; may be repeated",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be changed")
    parser.add_argument("--force", action="store_true", help="although something stands in the way")


def run_delegate(options: argparse.Namespace) -> int:
    """Switch a delegation. Return 0 if the parent has it, 2 if somebody has to set it, else 1."""
    from gslb.fallback.delegating import Wanted, delegate  # noqa: PLC0415 - slow to import

    settings = read_settings(options.config, given_settings(options))
    wanted = Wanted(
        zone=_zone(settings, options.zone),
        to=options.to,
        state=options.state,
        at=tuple((one.address, one.port) for one in options.at),
        dry=options.dry_run,
        force=options.force,
    )
    done = delegate(settings, wanted)
    if options.json:
        print(json.dumps({**asdict(done), "records": done.wanted.records()}, indent=2))
    else:
        print("\n".join(delegated_lines(done, wanted.to)))
    if not done.done:
        return 0 if options.dry_run and done.parent else EXIT_BY_HAND
    return 0 if done.insync else 1


def _zone(settings: Settings, given: str | None) -> str:
    """Return the zone that is meant. Raises GslbError."""
    if given:
        return f"{given.lower().rstrip('.')}."
    zones = sorted({one.zone for one in copy_ids(settings.push)})
    if len(zones) != 1:
        raise GslbError(f"which zone? --zone; there are copies of {', '.join(zones) or 'none'}")
    return zones[0]


def _server(text: str) -> Listen:
    """Return address and port of ``192.0.2.1``, ``192.0.2.1:53`` or ``[2001:db8::1]:53``."""
    try:
        return parse_listen(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def delegated_lines(done: Delegated, to: str) -> Iterator[str]:
    """Yield what has become of a delegation."""
    zone, servers = done.wanted.zone, ", ".join(done.wanted.servers)
    before = ", ".join(done.before) or "nobody"
    if done.parent and done.change:
        how = "insync" if done.insync else "not yet on all name servers of the parent"
        yield f"{zone}  delegated to {to}: {servers}"
        yield f"    in {done.parent}, TTL {done.wanted.ttl} s, change {done.change}, {how}"
        yield f"    before: {before}"
        if done.follow is not None:
            yield f"    resolvers follow within {done.follow} s, and the TTL of the records"
    elif done.done:
        yield f"{zone}  is delegated to {to} already: {servers}"
    elif done.parent:
        yield f"{zone}  would be delegated to {to} in {done.parent}: {servers}"
        yield f"    now: {before}"
    else:
        yield f"{zone}  no parent of it is in push.parent; to be set there by who can:"
        yield from (f"    {line}" for line in done.wanted.records())
        if done.before or done.follow is not None:
            yield f"    the parent says now: {before}"
        if done.follow is not None:
            yield f"    resolvers keep that for up to {done.follow} s once it is changed"
    yield from (f"    {note}" for note in done.notes)
