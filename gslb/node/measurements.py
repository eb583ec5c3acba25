"""Measured latency on disk: the file in the state directory that `gslb latency import` puts there."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gslb.errors import GslbError
from gslb.policy.problems import Problem
from gslb.steering.latency import LatencyTable, parse_latency

FILE_NAME = "latency.csv"
MAX_OCTETS = 64 << 20  # four times what the rows that are read of a file take


def measurements_path(state_directory: Path) -> Path:
    """Return where the measurements in use are."""
    return state_directory / FILE_NAME


def read_measurements(path: Path, now: datetime) -> tuple[LatencyTable, list[Problem]]:
    """Read the file at *path* as of *now* (aware): its right rows, and what is wrong with others.

    Raises:
        GslbError: the file cannot be read at all.
    """
    return parse_latency(_text(path), path, now)


def measurements_in_use(
    state_directory: Path, now: datetime
) -> tuple[LatencyTable | None, list[str]]:
    """Return the measurements to steer by, or None, and what is wrong with them for a log.

    Never raises: without measurements latency is modelled.
    """
    path = measurements_path(state_directory)
    if not path.exists():
        return None, []
    try:
        table, problems = read_measurements(path, now)
    except GslbError as error:
        return None, [str(error)]
    return table, [str(problem) for problem in problems]


def put_in_use(source: Path, target: Path) -> None:
    """Copy *source* to *target*, whole or not at all. Raises GslbError."""
    text = _text(source)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = target.with_name(target.name + ".new")
        beside.write_text(text, "utf-8")
        beside.replace(target)
    except OSError as error:
        raise GslbError(f"cannot write {target}: {error.strerror}") from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise GslbError(f"{path}: more than {MAX_OCTETS >> 20} MiB")
        return path.read_text("utf-8")
    except OSError as error:
        raise GslbError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GslbError(f"{path}: not UTF-8 text") from None
