"""Runs of the fuzz targets, and what they found."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import corpus
from tests.fuzz.tables import tables

RANDOM_TABLES = 24
MAX_OCTETS = {"decode": 1500, "answer": 1520}  # of an input; some are grown to 4096 by hand
TIMEOUT_SECONDS = 5  # for one input: a search that never ends is a finding


class Finding(Exception):  # noqa: N818 - what is looked for, not a failure of the search
    """A sanitizer, or an assertion of a target, has something to say."""


@dataclass(frozen=True, slots=True)
class Run:
    """How much was tried."""

    executions: int
    seconds: int
    new: int  # inputs that reached something new

    def __str__(self) -> str:
        return f"{self.executions} executions in {self.seconds} s, {self.new} new inputs"


def prepare(folder: Path) -> None:
    """Write seeds and tables into *folder*."""
    corpus.write_decode(folder / "decode-seeds")
    corpus.write_answer(folder / "answer-seeds")
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name, octets in tables(RANDOM_TABLES):
        (folder / "tables" / name).write_bytes(octets)


def fuzz(program: Path, folder: Path, seconds: int) -> Run:
    """Run a libFuzzer target for so many *seconds* on what `prepare` wrote. Raises Finding.

    New inputs stay in *folder*, and so does the input of a finding.
    """
    target = program.name
    grown = folder / f"{target}-corpus"
    grown.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            program, grown, folder / f"{target}-seeds", f"-max_total_time={seconds}",
            f"-max_len={MAX_OCTETS[target]}", f"-timeout={TIMEOUT_SECONDS}", "-print_final_stats=1",
            f"-artifact_prefix={folder}/{target}-",
        ],
        env={**os.environ, "GSLB_FUZZ_TABLES": str(folder / "tables")},
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode:
        raise Finding(done.stderr[-8000:])
    stats = dict(re.findall(r"^stat::(\w+):\s+(\d+)$", done.stderr, re.MULTILINE))
    return Run(int(stats["number_of_executed_units"]), seconds, int(stats["new_units_added"]))
