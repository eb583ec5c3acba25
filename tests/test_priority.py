"""Threads step back by themselves, and what starts workers does not. Whole nodes: tests/system."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from gslb.priority import BEHIND, step_back

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority here")

LAST = 19
PROGRAM = """\
import os, subprocess, sys
from gslb.priority import FRONT, let_workers_go_first
let_workers_go_first()
ask = [sys.executable, "-c", "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"]
print(os.getpriority(os.PRIO_PROCESS, 0), flush=True)
subprocess.run(ask, check=True)
FRONT.submit(subprocess.run, ask, check=True).result()
"""


def nice() -> int:
    """Return the step of `nice` of the thread that calls."""
    return os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.parametrize("steps", [1, BEHIND, LAST, 2 * LAST])
def test_a_thread_steps_back_alone(steps: int) -> None:
    """As far as there are steps; the thread beside it stays where it was."""
    before = nice()
    with ThreadPoolExecutor(1, initializer=step_back, initargs=(steps,)) as behind:
        assert behind.submit(nice).result() == min(before + steps, LAST)
    assert nice() == before


def test_what_is_started_in_front_stays_there() -> None:
    """The program, what it starts by itself, and what it starts in front."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    behind = min(nice() + BEHIND, LAST)
    assert list(map(int, done.stdout.split())) == [behind, behind, nice()]
