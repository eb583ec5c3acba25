"""``gslb import octodns``: turn octoDNS zone files into policies."""

from __future__ import annotations

import argparse
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from gslb.cli.exchange import EXIT_ERRORS, EXIT_LOSSES, add_output_options, finish
from gslb.errors import GslbError
from gslb.policy.problems import Problem
from gslb.policy.yamltext import MAX_OCTETS
from gslb.push.octodns.convert import policy_of

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``import`` to the ``gslb`` command."""
    parser = commands.add_parser("import", help="turn an octoDNS zone file into a policy")
    kinds = parser.add_subparsers(title="formats", metavar="FORMAT", required=True)
    octodns = kinds.add_parser(
        "octodns",
        help="zone files of octoDNS, with dynamic records",
        description="Pools become sites, rules stay rules, fallbacks become `then`, the record's own"
        " values the last resort. What cannot be carried over is named with its place.",
        epilog=f"Exit codes: 0 done, {EXIT_ERRORS} a file has errors: nothing is written,"
        f" {EXIT_LOSSES} something is lost, with --strict.",
    )
    octodns.add_argument("files", nargs="+", type=Path, metavar="FILE")
    octodns.add_argument(
        "--zone", help="the zone of the file (default: the file's name without .yaml)"
    )
    octodns.add_argument(
        "--nameserver",
        action="append",
        default=[],
        metavar="NAME[=ADDRESS,…]",
        help="one of the name servers that are to serve it; may be repeated"
        " (default: the NS records of the apex)",
    )
    add_output_options(octodns)
    octodns.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read every file, then write all policies or none."""
    if options.zone is not None and len(options.files) > 1:
        raise GslbError("--zone is the zone of one file")
    servers = dict(map(_server, options.nameserver))
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for file in options.files:
        zone = (options.zone or file.name.removesuffix(".yaml")).rstrip(".").lower()
        if zone in texts:
            raise GslbError(f"two files of {zone}")
        text, found = policy_of(file, _read(file), zone, servers)
        problems += found
        if text is not None:
            texts[zone] = text
    return finish(options, texts, problems)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_OCTETS + 1)
    except OSError as error:
        raise GslbError(f"{file} cannot be read: {error.strerror or error}") from None


def _server(text: str) -> tuple[str, list[str]]:
    name, _, addresses = text.partition("=")
    found = [one for one in addresses.split(",") if one]
    try:
        return name.rstrip("."), [str(ip_address(one)) for one in found]
    except ValueError:
        raise GslbError(f'--nameserver "{text}": NAME=ADDRESS,ADDRESS is wanted') from None
