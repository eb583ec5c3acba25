"""How much of the machine others use while something is measured."""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

TICKS = os.sysconf("SC_CLK_TCK")  # a second
MAX_OTHERS = 0.1  # cores; above that a measurement says more about others than about us
MAX_TRIES = 4  # for a quiet one
_Value = TypeVar("_Value")


def quietly(measure: Callable[[], _Value]) -> tuple[_Value, float]:
    """Measure until others keep still meanwhile, `MAX_TRIES` times at most.

    Returns:
        the quietest measurement, and how many cores others used during it.
    """
    tries: list[tuple[float, int, _Value]] = []
    while len(tries) < MAX_TRIES:
        busy, ours, start = _busy(), _ours(), time.monotonic()
        found = measure()
        used = (_busy() - busy) - (_ours() - ours)
        tries.append((max(used, 0.0) / (time.monotonic() - start), len(tries), found))
        if tries[-1][0] <= MAX_OTHERS:
            break
    others, _, found = min(tries, key=lambda one: one[:2])
    return found, others


def _busy() -> float:
    """Return the processor seconds that all processes of the machine have used."""
    user, nice, system = Path("/proc/stat").read_text().split(maxsplit=4)[1:4]
    return (int(user) + int(nice) + int(system)) / TICKS


def _ours() -> float:
    """Return those of this process and its descendants, ended ones too where their parent lives."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    used: dict[int, int] = {}
    for pid, fields in _processes():
        children[int(fields[1])].append(pid)
        used[pid] = sum(map(int, fields[11:15]))
    tree = [os.getpid()]
    for pid in tree:
        tree += children[pid]
    return sum(used[pid] for pid in tree) / TICKS


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Yield each process's id and what its ``stat`` says behind its name, from the state on."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                yield int(folder.name), (folder / "stat").read_text().rpartition(") ")[2].split()
