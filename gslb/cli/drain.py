"""``gslb drain``: take a part of the tree out of the answers of a running server."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from gslb.cli.calling import CallError, by_option, node_of
from gslb.cli.explain import read_time
from gslb.cli.options import add_place_options
from gslb.cli.push import copy_lines
from gslb.errors import GslbError
from gslb.state.overrides import MAX_LASTS
from gslb.steering.wording import percent

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_REFUSED = 3  # by the guard
EXIT_PENDING = 4  # done, and the answers do not follow yet
WAIT_SECONDS = 80.0  # for an answer that may wait for copies
OPTIONS = {  # that the parts of a request come from
    "body": "",
    "body.location": "LOCATION",
    "body.reason": "--why",
    "body.seconds": "--for",
    "body.until": "--until",
    "body.gradual": "--gradual",
}
SHOWN = 10  # lines of a list, for people; --json has more
_SPAN = re.compile(r"(\d+)(s|min|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def add_parser(commands: Commands) -> None:
    """Add ``drain`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "drain",
        help="take a cloud, region or zone out of the answers",
        description="Take a part of the cloud/region/zone tree out of the answers of a running"
        " server. It is planned first, and refused where a name would keep too little.",
        epilog=f"Exit codes: 0 it holds (or would), 1 an error, {EXIT_REFUSED} refused by the"
        f" guard (what is printed then says what would be left), {EXIT_PENDING} it holds and the"
        " answers do not follow yet.",
    )
    parser.add_argument(
        "location",
        metavar="LOCATION",
        help='cloud[/region[/zone]], with wildcards: "aws/*/use1-az2" (in quotes)',
    )
    parser.add_argument("more", nargs="*", help=argparse.SUPPRESS)  # refused in words of ours
    parser.add_argument("--why", required=True, metavar="TEXT", help="the reason, for everybody")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--for", dest="span", metavar="4h", help="how long: 90s, 30min, 4h, 2d")
    end.add_argument("--until", metavar="TIME", help="its end, such as 2026-12-01T06:00Z")
    end.add_argument(
        "--no-expiry", action="store_true", help="until gslb undrain (default: it ends after 4 h)"
    )
    parser.add_argument(
        "--kind",
        choices=("drain", "force-up", "force-down"),
        default="drain",
        help="force-up and force-down stand in for health checks",
    )
    parser.add_argument("--gradual", action="store_true", help="50, 25, 0 %%, one TTL each")
    parser.add_argument("--dry-run", action="store_true", help="plan it, change nothing")
    parser.add_argument("--force", action="store_true", help="do it although the guard refuses")
    add_wait_option(parser)
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask for the drain and print what came of it. Return 3 if the guard refuses."""
    node, asked = node_of(options), request(options)
    try:
        answer = node.call("POST", "/drains", asked, waiting(options), WAIT_SECONDS)
    except CallError as error:
        if error.status != 409 or "plan" not in error.problem:
            raise by_option(error, OPTIONS) from None
        if options.json:
            print(json.dumps(error.problem, indent=2))
        print(*refused(error.problem["plan"], options.location), sep="\n", file=sys.stderr)
        return EXIT_REFUSED
    if options.json:
        print(json.dumps(answer, indent=2))
    elif options.dry_run:
        print(*planned(answer["plan"], "would take out"), sep="\n")
        print(*guard(answer["plan"]), sep="\n")
        print("nothing was changed (--dry-run)")
    else:
        print(*holds(answer), sep="\n")
    if not options.dry_run and answer["pending"]:
        print(f"gslb: {answer['pending']}", file=sys.stderr)
        return EXIT_PENDING
    doubtful = options.dry_run and answer["plan"]["refusals"] and not options.force
    return EXIT_REFUSED if doubtful else 0


def request(options: argparse.Namespace) -> dict[str, Any]:
    """Return the body of the request. Raises GslbError."""
    asked: dict[str, Any] = {
        "location": options.location,
        "reason": options.why,
        "kind": options.kind,
        "gradual": options.gradual,
        "dry_run": options.dry_run,
        "force": options.force,
        "without_end": options.no_expiry,
    }
    if options.more:
        raise GslbError(
            f'one location at a time, or one pattern in quotes, such as "aws/*": {options.location}'
            f" was understood, {' '.join(options.more)} was not (a shell takes a pattern without"
            " quotes for files); nothing was changed"
        )
    if options.span is not None:
        asked["seconds"] = span_of(options.span)
    if options.until is not None:
        asked["until"] = _until(options.until)
    return asked


def _until(text: str) -> str:
    try:
        return read_time(text).isoformat()
    except GslbError as error:
        raise GslbError(f"--until: {error} (how long, such as 90s or 4h: --for)") from None


def add_wait_option(parser: argparse.ArgumentParser) -> None:
    """Add the wish to wait for copies at other services."""
    parser.add_argument(
        "--wait-push",
        action="store_true",
        help="return when the copies at other services follow, or after a minute",
    )


def waiting(options: argparse.Namespace) -> dict[str, str]:
    """Return the part of a query that `add_wait_option` is for."""
    return {"wait": "push"} if options.wait_push else {}


def span_of(text: str) -> int:
    """Return the seconds of a span that a drain may have. Raises GslbError."""
    try:
        seconds = seconds_of(text)
    except GslbError as error:
        raise GslbError(f"--for: {error}") from None
    if not 1 <= seconds <= MAX_LASTS.total_seconds():
        longest = f"{MAX_LASTS.total_seconds() / 3600:g}h"
        raise GslbError(
            "--for: at least 1s"
            if seconds < 1
            else f"--for: at most {longest} (or --no-expiry: until gslb undrain)"
        )
    return seconds


def seconds_of(text: str) -> int:
    """Return the seconds of a span such as 90s, 30min, 4h, 1h30m. Raises GslbError."""
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise GslbError(f'"{text}" is no span of time such as 90s, 30min, 4h or 2d')
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def holds(answer: dict[str, Any]) -> Iterator[str]:
    """Yield what is true now, as lines for people."""
    drain = answer["drain"]
    end = drain["expires"] or "never by itself"
    yield f"{drain['kind']} {drain['id']} of {drain['location']} holds; it ends: {end}"
    yield from planned(answer["plan"], "takes out")
    if drain["forced"]:
        yield "forced, although:"
        yield from _listed(answer["plan"]["refusals"])
    if drain["dns_off_at"]:
        yield f"out of the answers at {drain['dns_off_at']}"
        yield from arriving(answer["plan"])
        yield f"safe to stop at        {drain['safe_to_stop_at']} (resolvers keep answers that long)"
    yield from copy_lines(answer["copies"])
    yield f"to bring it back: gslb undrain {drain['id']}"


def planned(plan: dict[str, Any], takes: str) -> Iterator[str]:
    """Yield what a drain does, as lines for people."""
    count = len(plan["endpoints"])
    yield f"  {takes} {count} endpoint{'' if count == 1 else 's'}"
    if plan["already"]:
        yield f"  {len(plan['already'])} at this location drained already"
    if not count:
        yield "  so no answer changes: there is nothing more to take out"
        return
    names, moves = plan["names_touched"], bool(plan["moves"])
    moved = f"{percent(plan['moved'])} of their answers move:" if moves else "no answer moves"
    yield f"  {names} name{'' if names == 1 else 's'} touched, TTL up to {plan['ttl']} s; {moved}"
    if not moves and not names:
        yield "  no name uses what is there"
    yield from _listed(
        f"{percent(move['share']):>6}  {move['source']} → {move['to'] or 'nowhere'}"
        for move in plan["moves"]
    )
    if plan["unheeded"]:
        yield (
            f"  {percent(plan['unheeded'])} of their answers go to drained endpoints all the same:"
            " nothing else would be left, and nobody gets an empty answer"
        )
    yield from (f"  {reason}" for reason in plan["reasons"])
    if plan["names"]:
        yield "  capacity left, least first:"
    yield from _listed(
        f"{percent(one['after']):>6}  {one['name']} {one['rtype']}"
        f" ({one['endpoints']} endpoint{'' if one['endpoints'] == 1 else 's'};"
        f" now {percent(one['before'])})"
        for one in plan["names"]
    )


def arriving(plan: dict[str, Any]) -> Iterator[str]:
    """Yield what still arrives after that, as resolvers forget."""
    later = [one for one in plan["arriving"] if one["seconds"]]
    if later and not plan["unheeded"]:
        parts = (f"{percent(one['share'])} after {one['seconds']} s" for one in later)
        yield f"still arrives, about:  {', '.join(parts)}"


def guard(plan: dict[str, Any]) -> Iterator[str]:
    """Yield what the guard would say of a drain that was only planned."""
    if plan["refusals"]:
        yield "the guard would refuse it without --force:"
        yield from _listed(plan["refusals"])
    else:
        yield "the guard has nothing against it"


def refused(plan: dict[str, Any], location: str) -> Iterator[str]:
    """Yield why nothing was done, and how it could be."""
    yield f"gslb: the drain of {location} is refused; nothing was changed:"
    yield from _listed(plan["refusals"])
    yield from planned(plan, "would take out")
    yield "gslb: to do it all the same: the same command with --force"


def _listed(lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    yield from (f"    {line}" for line in found[:SHOWN])
    if len(found) > SHOWN:
        yield f"    … and {len(found) - SHOWN} more (--json shows them)"
