"""``gslb init``: write a small policy to start from."""

from __future__ import annotations

import argparse
import re
import sys
from importlib import resources
from pathlib import Path

from gslb.errors import GslbError
from gslb.policy.names import read_name
from gslb.policy.schema import SCHEMA_FILE

ZONE = "example.com"  # the zone of the starter
# The form that editors read (yaml-language-server); a relative path starts at the file's folder.
MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE.name}\n"
_MAX_ZONE = 200  # characters: the starter's names below the zone need room too
_ZONE = re.compile(r"[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)+")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``init`` to the ``gslb`` command."""
    parser = commands.add_parser("init", help="write a small policy to start from")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="where to; - for standard output (default: the zone's name and .yaml)",
    )
    parser.add_argument("--zone", default=ZONE, help="the zone to serve (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the starter for the zone. Raises GslbError where a file is in the way."""
    zone = arguments.zone.rstrip(".").lower()
    text = starter(zone)
    file = arguments.file if arguments.file is not None else Path(f"{zone}.yaml")
    if file == Path("-"):
        print(text, end="")
        return 0
    try:
        if not file.parent.exists():
            file.parent.mkdir(parents=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise GslbError(f"{file} exists and is left as it is; name another file") from None
    except OSError as error:
        raise GslbError(f"{file} cannot be written: {error.strerror or error}") from None
    _write_schema(file.with_name(SCHEMA_FILE.name))
    print(f"{file} written. Next: gslb check {file}", file=sys.stderr)
    return 0


def _write_schema(file: Path) -> None:
    """Put the schema that the starter's first line names beside it, unless one is there.

    Editors do without it, so that a failure here is only said.
    """
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(SCHEMA_FILE.read_text(encoding="utf-8"))
    except FileExistsError:
        return
    except OSError as error:
        print(f"{file} cannot be written: {error.strerror or error}", file=sys.stderr)


def starter(zone: str) -> str:
    """Return the starter for *zone*, a name of at least two labels.

    Raises:
        GslbError: *zone* is no name that a zone can have.
    """
    if len(zone) > _MAX_ZONE or not _ZONE.fullmatch(zone):
        raise GslbError(f'"{zone}" is not the name of a zone such as {ZONE}')
    read_name(zone)
    text = resources.files("gslb.cli").joinpath("starter.yaml").read_text(encoding="utf-8")
    return MODELINE + text.replace(ZONE, zone)
