"""``gslb export octodns``: write policies as octoDNS zone files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gslb.cli.exchange import EXIT_ERRORS, EXIT_LOSSES, add_output_options, finish
from gslb.cli.options import add_place_options, given_settings, known_policies
from gslb.node.configuration import read_settings
from gslb.policy.compile import compile_policies
from gslb.policy.names import name_text
from gslb.policy.problems import PolicyError, Problem, Severity
from gslb.push.octodns.exporting import export_zone
from gslb.push.octodns.text import dump

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``export`` to the ``gslb`` command."""
    parser = commands.add_parser("export", help="write policies as octoDNS zone files")
    kinds = parser.add_subparsers(title="formats", metavar="FORMAT", required=True)
    octodns = kinds.add_parser(
        "octodns",
        help="zone files that octoDNS loads strictly",
        description="Rules and sites become rules and pools of dynamic records, drains in the files"
        " `status: down`. What octoDNS cannot say is named with the place in the policy.",
        epilog=f"Exit codes: 0 done, {EXIT_ERRORS} the policies have errors: nothing is written,"
        f" {EXIT_LOSSES} something is lost, with --strict.",
    )
    octodns.add_argument(
        "policies",
        nargs="*",
        type=Path,
        metavar="POLICY",
        help="file or folder (default: those of the node's settings)",
    )
    add_output_options(octodns)
    add_place_options(octodns)
    octodns.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compile the policies and write a zone file for each."""
    paths = options.policies
    if not paths:
        given = {key: value for key, value in given_settings(options).items() if key != "policies"}
        settings = read_settings(options.config, given)
        paths = known_policies(settings, "name files or folders")
    plan, problems = compile_policies([Path(path) for path in paths])
    if plan is None:
        raise PolicyError([one for one in problems if one.severity is Severity.ERROR])
    texts: dict[str, str] = {}
    losses: list[Problem] = []
    for zone in plan.zones:
        records, found = export_zone(zone)
        texts[name_text(zone.apex)] = f"---\n{dump(records)}"
        losses += found
    return finish(options, texts, losses)
