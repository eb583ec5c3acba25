"""Some seconds of the fuzz targets: no sanitizer and no assertion has anything to say.

A minute each with ``--long``. Longer still, and with what was reached kept: ``python -m tests.fuzz --seconds 600 --keep FOLDER``.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from tests.conformance.conftest import build_content
from tests.fuzz import build, run, verifier
from tests.fuzz.mutate import Mutant
from tests.fuzz.tables import small, tables

SHORT, LONG = 8, 60  # seconds of each target
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("fuzz"),
    pytest.mark.skipif(bool(build.why_not()), reason=build.why_not() or "-"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("fuzz")
    run.prepare(made)
    return made


@pytest.fixture(scope="module")
def programs(folder: Path) -> dict[str, Path]:
    return build.build(folder)


@pytest.mark.parametrize("target", build.FUZZED)
def test_no_octets_lead_astray(
    programs: dict[str, Path], folder: Path, target: str, long: bool
) -> None:
    ran = run.fuzz(programs[target], folder, LONG if long else SHORT)
    assert ran.executions > 10_000
    print(target, ran)


def test_what_the_verifier_accepts_is_read_within_bounds(
    programs: dict[str, Path], folder: Path, long: bool
) -> None:
    judged = verifier.judge(programs["reader"], folder, LONG if long else SHORT)
    assert judged.accepted > 50
    assert len(judged.refusals) > 30
    print(judged)


def test_the_reader_does_notice(programs: dict[str, Path], folder: Path) -> None:
    """A table that no verifier has seen leads it out of bounds: or the test above would prove nothing."""
    reader = verifier.Reader(programs["reader"], folder / "reader.log")
    table = small(build_content())
    mutant = Mutant(table, random.Random(1))
    at = mutant.head["zones_offset"]
    mutant.put(at, 4, len(table) - 1)  # the apex of a zone
    for number in range(mutant.head["nodes_octets"] // 16):
        mutant.put(mutant.head["nodes_offset"] + 16 * number, 4, len(table) - 1)
    with pytest.raises(run.Finding, match="AddressSanitizer"):
        reader.read(mutant.octets)
    reader.close()


def test_a_target_does_notice(programs: dict[str, Path], folder: Path) -> None:
    """The same for an assertion: a body whose counts do not fit its octets."""
    other = folder / "wrong"
    (other / "tables").mkdir(parents=True)
    (_, table), *_ = tables(1)
    at = int.from_bytes(table[104:108], "little") + 8
    negative = int.from_bytes(table[at : at + 4], "little")
    table[negative + 6 : negative + 8] = b"\x02\0"  # authority
    (other / "tables" / "real").write_bytes(table)
    done = subprocess.run(
        [programs["answer"], "-runs=0", f"-artifact_prefix={other}/", folder / "answer-seeds"],
        env={"GSLB_FUZZ_TABLES": str(other / "tables")},
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    assert done.returncode
    assert "does not hold" in done.stderr
