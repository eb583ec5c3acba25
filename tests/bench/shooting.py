"""The load generator, and what everything runs on."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gslb import __version__

HERE = Path(__file__).parent
CPUS = sorted(os.sched_getaffinity(0))
Found = dict[str, Any]  # what the load generator prints


def machine() -> str:
    """Return one line on what everything below ran on."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(
            (line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu
        )
    return (
        f"gslb {__version__}, {time.strftime('%Y-%m-%d')}, {len(CPUS)} cores of {cpu}, "
        f"Linux {platform.release()}, Python {platform.python_version()}"
    )


def build_dnsblast(folder: Path) -> Path:
    """Compile the load generator into *folder*."""
    blast = folder / "dnsblast"
    subprocess.run(["gcc", "-O2", "-o", str(blast), str(HERE / "dnsblast.c")], check=True)
    return blast


def shoot(blast: Path, port: int, load: list[str], pid: int, seconds: float) -> Found:
    """Run the load generator from the last core."""
    pin = ["taskset", "-c", str(CPUS[-1])] if shutil.which("taskset") else []
    command = [*pin, str(blast), "-p", str(port), *load, "-P", str(pid), "-t", str(seconds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: Found = json.loads(done.stdout)
    return found


def pin(pid: int, core: int = CPUS[0]) -> None:
    """Keep a process, with all its threads, on one core: the first, if none is said."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


@contextlib.contextmanager
def beside_the_generator() -> Iterator[None]:
    """Leave the load generator its core: whatever starts meanwhile runs on the other ones."""
    os.sched_setaffinity(0, CPUS[:-1] or CPUS)
    try:
        yield
    finally:
        os.sched_setaffinity(0, CPUS)
