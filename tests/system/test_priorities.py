"""Whole servers: which process goes first where the processor is short."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from gslb.priority import BEHIND
from tests.system.nodes import Node, children, until

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority here"),
]


def nice(pid: int) -> int:
    """Return the step of `nice` of a process's first thread."""
    return os.getpriority(os.PRIO_PROCESS, pid)


def workers(node: Node) -> set[int]:
    """Return the process ids of the workers that serve."""
    return {int(worker["pid"]) for worker in node.status()["workers"] if worker["serving"]}


def test_a_worker_checks_tables_behind_its_answers(usual: Node) -> None:
    """In a thread of its own."""
    node = usual
    node.write_policy("192.0.2.2")
    assert node.reload()[0] == 0
    for pid in workers(node):
        threads = {nice(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()}
        assert threads == {nice(0), min(nice(0) + BEHIND, 19)}


def test_only_workers_keep_the_priority_that_the_program_has(node: Node) -> None:
    """From the start on, after a reload, after a death, and behind a replacement."""
    behind = min(nice(0) + BEHIND, 19)

    def look(supervisor: int) -> None:
        serving = workers(node)
        others = children(supervisor) - serving
        assert len(serving) == 2
        assert {nice(pid) for pid in serving} == {nice(0)}
        assert others
        assert {nice(pid) for pid in (supervisor, *others)} == {behind}

    process = node.start()
    node.write_policy("192.0.2.2")
    assert node.reload()[0] == 0
    look(process.pid)
    victim = min(workers(node))
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(workers(node) - {victim}) == 2, "another worker serves")
    look(process.pid)
    assert node.replace()[0] == 0
    successor = node.status()["pid"]
    assert successor != process.pid
    until(lambda: node.reload()[0] == 0, "the new one has compiled")
    look(successor)
