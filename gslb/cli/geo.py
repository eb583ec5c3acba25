"""``gslb geo``: build a geo table, say what is in one, and where an address is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from ipaddress import ip_network
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gslb.geo import sources
from gslb.geo.build import Inputs, build_table
from gslb.geo.file import read_table, write_table
from gslb.geo.load import embedded_table
from gslb.geo.lookup import Location, locate
from gslb.geo.settings import DEFAULT_SUBDIVIDE
from gslb.geo.table import GeoTable
from gslb.geo.world import countries

LICENCE_WIDTH = 100  # characters of a licence on one line; --json has it whole


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``geo`` to the ``gslb`` command."""
    parser = commands.add_parser("geo", help="build, describe or ask a geo table")
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    _add_build(actions)
    info = actions.add_parser("info", help="say where a geo table came from and what it knows")
    info.add_argument("table", nargs="?", type=Path, metavar="TABLE", help="default: the embedded")
    lookup = actions.add_parser("lookup", help="say where addresses or prefixes are")
    lookup.add_argument("addresses", nargs="+", metavar="ADDRESS")
    lookup.add_argument("--table", type=Path, metavar="TABLE", help="default: the embedded one")
    for action in (info, lookup):
        action.add_argument("--json", action="store_true", help="for programs")


def _add_build(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    build = actions.add_parser("build", help="make a geo table from MMDB or CSV files")
    for name, help_ in (
        ("--country", "databases of countries"),
        ("--asn", "databases of origin AS numbers"),
        ("--city", "databases with subdivisions"),
    ):
        build.add_argument(name, nargs="+", type=Path, metavar="FILE", default=[], help=help_)
    build.add_argument(
        "--subdivide",
        type=_country_list,
        metavar="CC,CC",
        default=DEFAULT_SUBDIVIDE,
        help=f"countries whose subdivisions to keep (default {','.join(DEFAULT_SUBDIVIDE)})",
    )
    build.add_argument(
        "--fill",
        action="store_true",
        help="take what no file says anything of (AS numbers, IPv6) from the embedded table",
    )
    build.add_argument("--licence", default="", help="terms (default: licence files beside each)")
    build.add_argument(
        "--date",
        type=_day,
        metavar="YYYY-MM-DD",
        help="day of the data (default: as each file says)",
    )
    build.add_argument("-o", "--output", type=Path, required=True, metavar="TABLE")


def run(arguments: argparse.Namespace) -> int:
    """Do the action; raise `GeoError` if it cannot be done. Return 0; 1 if a part of it could not."""
    return {"build": _build, "info": _info, "lookup": _lookup}[arguments.action](arguments)


def _country_list(text: str) -> tuple[str, ...]:
    codes = tuple(code.strip() for code in text.split(",") if code.strip())
    for code in codes:
        if code not in countries():
            raise argparse.ArgumentTypeError(f'"{code}" is no country code')
    return codes


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is no day (YYYY-MM-DD)') from None


def _build(arguments: argparse.Namespace) -> int:
    inputs = Inputs(
        country=tuple(arguments.country),
        asn=tuple(arguments.asn),
        city=tuple(arguments.city),
        subdivide=tuple(arguments.subdivide),
        licence=arguments.licence,
        dated=arguments.date,
    )
    base = embedded_table() if arguments.fill else None
    with _progress() as progress:
        table = build_table(inputs, base, progress)
    write_table(table, arguments.output)
    _print_table(table, arguments.output)
    return 0


@contextmanager
def _progress() -> Iterator[sources.Progress]:
    """Give a bar on a terminal; nothing where standard error goes to a file."""
    if not sys.stderr.isatty():
        yield sources.no_progress
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def report(label: str, done: float) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=1.0)
            bars.update(tasks[label], completed=done)

        yield report


def _open(path: Path | None) -> GeoTable:
    return read_table(path) if path is not None else embedded_table()


def _info(arguments: argparse.Namespace) -> int:
    table = _open(arguments.table)
    if arguments.json:
        print(json.dumps(dict(table.manifest), indent=2, ensure_ascii=False))
    else:
        _print_table(table, arguments.table or Path("embedded"))
    return 0


def _print_table(table: GeoTable, path: Path) -> None:
    manifest = table.manifest
    print(f"{path}  data of {manifest.get('date', 'unknown day')}")
    counts = manifest.get("counts")
    for name, value in counts.items() if isinstance(counts, Mapping) else ():
        print(f"  {name:<13}{value:>11,}")
    listed = manifest.get("sources")
    for source in listed if isinstance(listed, list) else ():
        print(f"{source['kind']:<8} {source['file']}  {source['form']}, {source['date']}")
        print(f"  sha256   {source['sha256']}")
        print(f"  licence  {_shortened(source['licence']) or 'not stated beside the file'}")
    unmatched = manifest.get("unmatched")
    if isinstance(unmatched, list) and unmatched:
        lands = [name for name in unmatched if " " not in name]
        parts = [name for name in unmatched if " " in name]
        if lands:
            print(f"codes in the sources that ISO 3166-1 does not have: {', '.join(lands)}")
            print("  addresses of such a code alone are of unknown place")
        if parts:
            print(f"subdivisions in the sources that ISO 3166-2 does not have: {', '.join(parts)}")
            print("  their addresses are known by country only")


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LICENCE_WIDTH else line[: LICENCE_WIDTH - 1] + "…"


def _lookup(arguments: argparse.Namespace) -> int:
    """Print what is known of each address, or of the first one of a prefix. Return 1 if one is none."""
    table = _open(arguments.table)
    found: list[tuple[str, Location, bool]] = []
    refused = []
    for text in arguments.addresses:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            refused.append(f'gslb: "{text}" is neither an address nor a prefix')
            continue
        location = locate(table, network[0])
        found.append((text, location, locate(table, network[-1]).first == location.first))
    if arguments.json:
        rows = [{"address": text, "whole": whole, **asdict(one)} for text, one, whole in found]
        print(json.dumps(rows, indent=2))
    else:
        for text, location, whole in found:
            print(_line(text, location) + ("" if whole else "  (its first address; others differ)"))
    for line in refused:
        print(line, file=sys.stderr)
    return 1 if refused else 0


def _line(address: str, location: Location) -> str:
    land = countries().get(location.country)
    where = f"{location.area} {land.name}" if land else "unknown place"
    origin = f"AS{location.asn}" if location.asn else "unknown AS"
    around = f"{location.prefix} in {location.first} – {location.last}"
    return f"{address}  {where} (precision: {location.precision})  {origin}  {around}"
