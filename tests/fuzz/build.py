"""The fuzz targets, built: the C of the data plane made anew by Cython, then clang over one file each."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from gslb.dataplane.client import BLOCKS4, BLOCKS6
from tests.dataplane.planes import SECRET

HERE = Path(__file__).parent
DATAPLANE = HERE.parents[1] / "gslb" / "dataplane"
UNDEFINED = ("undefined", "integer-divide-by-zero", "float-cast-overflow")
FUZZED = ("decode", "answer")  # by libFuzzer; the reader is fed by `verifier`
TARGETS = (*FUZZED, "reader")
# What guides the fuzzer: not the other 9 of 10 branches, which only an interpreter reaches.
GUIDES = "src:*\nfun:__pyx_f_4gslb_9dataplane_5_fast_*\n"


class CannotBuild(Exception):  # noqa: N818 - a reason to skip here, not a fault
    """Something that the targets are built with is not installed."""


@functools.cache
def why_not() -> str:
    """Return what keeps the targets from being built here; nothing where they can be."""
    if shutil.which("clang") is None:
        return "clang is not installed"
    probe = subprocess.run(
        ["clang", "-fsanitize=fuzzer,address", "-xc", "-", "-o", "/dev/null"],
        input="int LLVMFuzzerTestOneInput(const char *o, long n) { return o && n < 0; }",
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    return "clang has no libFuzzer or sanitizers here" if probe.returncode else ""


def make_c(folder: Path) -> None:
    """Write `_fast.c`, and what a test has to know besides, into *folder*."""
    subprocess.run(
        [sys.executable, "-m", "cython", "-3", DATAPLANE / "_fast.pyx", "-o", folder / "_fast.c"],
        check=True,
    )
    lines = ["#include <stdint.h>"]
    for family, (starts, lengths) in (("4", BLOCKS4), ("6", BLOCKS6)):
        numbers = ", ".join(f"{start}u" for start in starts[:-1])  # the last is the end of all
        lines.append(f"static const uint64_t world_starts{family}[] = {{{numbers}}};")
        prefixes = ", ".join(map(str, lengths[:-1]))
        lines.append(f"static const uint8_t world_lengths{family}[] = {{{prefixes}}};")
    for half, key in enumerate((SECRET[:8], SECRET[8:])):
        lines.append(f"#define WORLD_K{half} {int.from_bytes(key, 'little')}u")
    (folder / "world.h").write_text("\n".join(lines) + "\n")


def build(
    folder: Path, targets: Iterable[str] = TARGETS, sanitizers: str = "address"
) -> dict[str, Path]:
    """Build *targets* into *folder* and return the programs by name. Raises CannotBuild.

    *sanitizers* are those of memory: "address", or "memory" for what is read before it is written.
    """
    if reason := why_not():
        raise CannotBuild(reason)
    folder.mkdir(parents=True, exist_ok=True)
    make_c(folder)
    undefined = ",".join(UNDEFINED)
    (folder / "guides").write_text(GUIDES)
    programs, running = {}, []
    for target in targets:
        programs[target] = folder / target
        engine = "fuzzer," if target in FUZZED else ""
        guided = [f"-fsanitize-coverage-allowlist={folder}/guides"] if engine else []
        command = [
            "clang", "-std=gnu11", "-g1", "-O1", "-fno-omit-frame-pointer", "-Wall", "-Wextra", "-Werror",
            "-Wno-unused-function", "-Wno-deprecated-declarations",
            f"-fsanitize={engine}{sanitizers},{undefined}", f"-fno-sanitize-recover={undefined}",
            *guided, f"-I{folder}", f"-I{DATAPLANE}", f"-I{sysconfig.get_paths()['include']}", str(HERE / f"{target}.c"),
            "-o", str(programs[target]),
        ]  # fmt: skip
        running.append(subprocess.Popen(command))
    failed = [process for process in running if process.wait()]
    if failed:
        raise subprocess.CalledProcessError(1, "clang")
    return programs
