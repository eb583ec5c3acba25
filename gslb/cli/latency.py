"""``gslb latency``: take in measured latency, or say what has been taken in."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gslb.cli.options import add_place_options, given_settings
from gslb.node.configuration import read_settings
from gslb.node.measurements import (
    measurements_path,
    put_in_use,
    read_measurements,
)
from gslb.node.surroundings import look_around
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Pick, Plan
from gslb.policy.problems import PolicyError, Severity
from gslb.policy.types import record_types
from gslb.settings import Settings
from gslb.steering.classes import compile_classes
from gslb.steering.latency import (
    FIELDS,
    MIN_SAMPLES,
    Cell,
    LatencyTable,
)
from gslb.steering.shift import shifted

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


MAX_MOVES = 10  # lines for each policy


def add_parser(commands: Commands) -> None:
    """Add ``latency`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "latency",
        help="import or show latency measurements",
        description=f"Measurements are CSV or JSON lines with {','.join(FIELDS)};"
        " a key is one of CIDR, AS123, AS123/BR, BR-SP, BR.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    taking = actions.add_parser("import", help="check a file and use it from the next reload on")
    taking.add_argument("file", type=Path, metavar="FILE")
    taking.add_argument("--dry-run", action="store_true", help="check and summarise only")
    taking.add_argument(
        "--policies",
        action="append",
        type=Path,
        metavar="PATH",
        help="say too which decisions of these policies change; may be repeated",
    )
    taking.set_defaults(run=run_import)
    showing = actions.add_parser("show", help="summarise a file, or what is in use")
    showing.add_argument("file", type=Path, metavar="FILE", nargs="?", help="default: in use")
    showing.set_defaults(run=run_show)
    for action in (taking, showing):
        action.add_argument("--json", action="store_true", help="print the summary as JSON")
        add_place_options(action)


def run_import(options: argparse.Namespace) -> int:
    """Check the file and put it in use. Raises PolicyError with every wrong row: nothing changes."""
    now = datetime.now(UTC)
    table, problems = read_measurements(options.file, now)
    if problems:
        raise PolicyError(problems)
    _print(table, now, options.json)
    if options.policies:
        plan = _plan(options.policies)
        for line in strangers(plan, table):
            print(line, file=sys.stderr)
        lines = changes(options, plan, table, now)
        print(*lines, sep="\n", file=sys.stderr if options.json else None)
    if not options.dry_run:
        target = _in_use(options)
        put_in_use(options.file, target)
        print(f"written to {target}; in use from the next gslb reload on", file=sys.stderr)
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Print the summary of a file. Raises PolicyError if rows of it are wrong."""
    now = datetime.now(UTC)
    table, problems = read_measurements(options.file or _in_use(options), now)
    _print(table, now, options.json)
    if problems:
        raise PolicyError(problems)
    return 0


def _in_use(options: argparse.Namespace) -> Path:
    return measurements_path(_settings(options).state_directory)


def _settings(options: argparse.Namespace) -> Settings:
    given = {key: value for key, value in given_settings(options).items() if key != "policies"}
    return read_settings(options.config, given)


def _plan(paths: list[Path]) -> Plan:
    plan, problems = compile_policies(paths)
    if plan is None:
        raise PolicyError([one for one in problems if one.severity is Severity.ERROR])
    return plan


def strangers(plan: Plan, table: LatencyTable) -> Iterator[str]:
    """Yield a warning for each site that *table* has samples of and *plan* does not have."""
    known = sorted({name for zone in plan.zones for name in zone.sites})
    rows = Counter(cell.site for cell in table.cells)
    for site in sorted(rows.keys() - set(known)):
        near = get_close_matches(site, known, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        yield f"warning: no policy has the site {site} of {_count(rows[site], 'row')}{meant}"


def changes(
    options: argparse.Namespace, plan: Plan, table: LatencyTable, now: datetime
) -> Iterator[str]:
    """Yield a line for each move between sites of *plan* that *table* would bring."""
    settings = _settings(options)
    world = look_around(settings.geo, settings.state_directory, now).world
    worlds = world, replace(world, latency=table)
    for zone in plan.zones:
        for policy in zone.policies:
            if not any(rule.pick is Pick.LATENCY for rule in policy.rules):
                continue
            rtype = record_types(policy, zone.sites)[0]
            before, after = (compile_classes(policy, zone.sites, rtype, w) for w in worlds)
            moves = shifted(before, after, worlds[0])
            yield f"{policy.name}: {sum(moves.values()):.1%} of routed IPv4 gets another best site"
            for (one, other), share in list(moves.items())[:MAX_MOVES]:
                yield f"  {share:>6.1%}  {one} → {other}"


def summary(table: LatencyTable, now: datetime) -> dict[str, Any]:
    """Return what is in *table* as plain values: counts by level, and each site's samples."""
    usable = set(table.usable(now))
    return {
        "rows": len(table.cells),
        "usable": len(usable),
        "stale": sum(not cell.fresh(now) for cell in table.cells),
        "thin": sum(cell.samples < MIN_SAMPLES for cell in table.cells),
        "levels": {level.lower(): count for level, count in sorted(_levels(table.cells).items())},
        "sites": {
            site: _of_site([c for c in table.cells if c.site == site], now)
            for site in sorted({cell.site for cell in table.cells})
        },
        "sources": dict(sorted(Counter(cell.source for cell in table.cells).items())),
    }


def _levels(cells: Iterable[Cell]) -> Counter[str]:
    return Counter(cell.key.level.name for cell in cells)


def _of_site(cells: list[Cell], now: datetime) -> dict[str, Any]:
    newest = max(cell.observed_at for cell in cells)
    return {
        "rows": len(cells),
        "samples": sum(cell.samples for cell in cells),
        "p50_ms": [min(cell.p50_ms for cell in cells), max(cell.p50_ms for cell in cells)],
        "newest": newest.isoformat(),
        "fresh": any(cell.fresh(now) for cell in cells),
    }


def _print(table: LatencyTable, now: datetime, as_json: bool) -> None:
    found = summary(table, now)
    print(json.dumps(found, indent=2) if as_json else "\n".join(describe(found)))


def describe(found: dict[str, Any]) -> list[str]:
    """Return a `summary` as lines for people."""
    levels = ", ".join(f"{count:,} {level}" for level, count in found["levels"].items())
    lines = [
        f"{_count(found['rows'], 'row')}: {levels or 'none'}",
        f"{found['usable']:,} usable, {found['stale']:,} older than a day",
        f"{found['thin']:,} with fewer than {MIN_SAMPLES} samples",
    ]
    for site, of_site in found["sites"].items():
        low, high = of_site["p50_ms"]
        stale = "" if of_site["fresh"] else "   STALE: rules with this site go by the model"
        lines.append(
            f"  {site:<24} {_count(of_site['rows'], 'row'):>13} {_count(of_site['samples'], 'sample'):>20}"
            f"   {low:g} to {high:g} ms   newest {of_site['newest']}{stale}"
        )
    return lines


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
