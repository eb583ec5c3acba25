"""The compiled data plane under libFuzzer with address and undefined-behaviour sanitizers.

GSLB_FUZZ_SECONDS runs it that long, instead of a number of times.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from gslb.answers.pack import pack
from gslb.dataplane import fast
from tests.conformance.conftest import NOW, build_content
from tests.conformance.test_sweeps import real_queries

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("clang") is None, reason="clang with libFuzzer is not here"),
]
HERE = Path(__file__).parent
SOURCE = Path(fast.__file__).parent
SHORT_RUNS = 200_000  # some seconds


def build(folder: Path) -> Path:
    """Compile the generated C and the harness with sanitizers; no interpreter is linked."""
    pytest.importorskip("Cython")
    generated, program = folder / "_fast.c", folder / "fuzz"
    pyx = str(SOURCE / "_fast.pyx")
    subprocess.run([sys.executable, "-m", "cython", "-3", pyx, "-o", str(generated)], check=True)
    command = [
        *("clang", "-g", "-O1", "-w", "-fwrapv"),
        *("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined"),
        *("-I", sysconfig.get_paths()["include"], "-I", str(SOURCE)),
        *(str(generated), str(HERE / "dataplane.c"), "-o", str(program)),
        *("-no-pie", "-Wl,--unresolved-symbols=ignore-all"),
    ]
    subprocess.run(command, check=True)
    return program


def test_no_octets_lead_astray(tmp_path: Path) -> None:
    """From real queries on: no read or write out of bounds, no undefined behaviour, no endless loop."""
    program = build(tmp_path)
    table, corpus = tmp_path / "table", tmp_path / "corpus"
    table.write_bytes(pack(build_content(), 1, NOW))
    corpus.mkdir()
    for number, query in enumerate(real_queries()):
        (corpus / f"{number}").write_bytes(struct.pack("B", number % 8) + query)
    seconds = os.environ.get("GSLB_FUZZ_SECONDS")
    limit = f"-max_total_time={seconds}" if seconds else f"-runs={SHORT_RUNS}"
    done = subprocess.run(
        [str(program), str(corpus), limit, "-max_len=1500", "-timeout=5", "-print_final_stats=1"],
        env={**os.environ, "GSLB_FUZZ_TABLE": str(table)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-4000:]
