"""What ``gslb import`` and ``gslb export`` share: files of a folder, problems, the exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from gslb.cli.check import problem_json
from gslb.errors import GslbError
from gslb.policy.problems import Problem, Severity
from gslb.policy.quote import Quoter

EXIT_ERRORS = 1
EXIT_LOSSES = 2  # with --strict


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add where the files go, and how what is lost is told."""
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="write ZONE.yaml there, and never over a file (default: to standard output)",
    )
    parser.add_argument("--strict", action="store_true", help="exit 2 if anything is lost")
    parser.add_argument(
        "--json", action="store_true", help="print the files' texts and the losses as JSON"
    )


def finish(
    options: argparse.Namespace, texts: Mapping[str, str], problems: Sequence[Problem]
) -> int:
    """Print or write *texts* (by zone), tell the problems, and return the exit code.

    With an error among the problems there are no files.
    """
    failed = any(one.severity is Severity.ERROR for one in problems)
    if len(texts) > 1 and options.to is None and not options.json:
        raise GslbError(f"{len(texts)} zones: name a folder with --to")
    if not options.json:
        console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        for block in Quoter().format(problems):
            console.print(block)
    if not failed and options.to is not None:
        for zone, text in texts.items():
            _write(options.to / f"{zone}.yaml", text)
    if options.json:
        files = {} if failed else dict(texts)
        print(json.dumps({"files": files, "problems": list(map(problem_json, problems))}, indent=2))
    elif not failed and options.to is None:
        print(*texts.values(), sep="", end="")
    if failed:
        return EXIT_ERRORS
    lost = any(one.severity is Severity.WARNING for one in problems)
    return EXIT_LOSSES if lost and options.strict else 0


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise GslbError(f"{file} exists and is left as it is") from None
    except OSError as error:
        raise GslbError(f"{file} cannot be written: {error.strerror or error}") from None
    print(f"{file} written", file=sys.stderr)
