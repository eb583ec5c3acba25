"""The verifier under damage: whatever it accepts, the compiled reader reads without a step outside."""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import struct
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from gslb.answers.verify import verify
from tests.fuzz.mutate import Mutant
from tests.fuzz.run import Finding
from tests.fuzz.tables import tables

CONTENTS = 24  # random tables of one round
MUTANTS = 60  # of each table in a round
_VALUES = re.compile(r"""b(['"]).*\1|\d+""")  # in what the verifier says


@dataclass
class Judged:
    """How much was tried."""

    tables: int = 0
    accepted: int = 0  # and read
    answers: int = 0
    refusals: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.tables} damaged tables, {self.accepted} accepted and asked {self.answers} times,"
            f" {len(self.refusals)} kinds of refusals"
        )


class Reader:
    """The compiled reader in a process of its own, under the address sanitizer."""

    def __init__(self, program: Path, log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )

    def read(self, table: bytes | bytearray) -> int:
        """Return how many queries were answered from *table*. Raises Finding."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(struct.pack("=I", len(table)) + table)
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise Finding(self._log.read_text(errors="replace")[-8000:])
        return int(line)

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError), self._process as process:
            assert process.stdin is not None
            process.stdin.close()


def judge(program: Path, folder: Path, seconds: float, number: int = 1) -> Judged:
    """Damage tables for so many *seconds*; another *number*, other damage. Raises Finding.

    The table of a finding stays in *folder*.
    """
    judged = Judged()
    reader = Reader(program, folder / "reader.log")
    end = time.monotonic() + seconds
    try:
        for turn in itertools.count(number):
            for name, base in tables(CONTENTS, turn):
                chance = random.Random(f"{turn} {name}")
                reader.read(base)
                for _ in range(MUTANTS):
                    _one(Mutant(base, chance).mutate(), reader, folder, judged)
                if time.monotonic() > end:
                    return judged
        raise AssertionError("the turns do not end")
    finally:
        reader.close()


def _one(table: bytearray, reader: Reader, folder: Path, judged: Judged) -> None:
    judged.tables += 1
    try:
        problems = verify(table)
        if problems:
            judged.refusals[_VALUES.sub("…", problems[0])] += 1
            return
        judged.accepted += 1
        judged.answers += reader.read(table)
    except Exception:
        (folder / "verifier-finding").write_bytes(table)
        raise
