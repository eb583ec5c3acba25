"""One worker of ours: what it is started with, and how. Whether it serves then, `children` sees."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gslb import control
from gslb.dataplane.orders import Orders, Passed, give
from gslb.node.recruits import Recruit
from gslb.node.sockets import OpenSocket
from gslb.state.tables import ServedTable

if TYPE_CHECKING:
    from gslb.conversation import Conversation  # loads asyncio, which a start does not wait for

SHORT_LIFE_SECONDS = 10.0  # a worker that dies younger than this died at its start
FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS = 0.1, 5.0


@dataclass(slots=True)
class Restarts:
    """When a worker that died is started again. Sans-IO: the caller passes the time."""

    count: int = 0
    _short_lives: int = 0

    def died(self, lived_seconds: float) -> float:
        """Count a death and return the seconds to wait: none, unless it keeps dying at its start."""
        self.count += 1
        if lived_seconds >= SHORT_LIFE_SECONDS:
            self._short_lives = 0
            return 0.0
        self._short_lives += 1
        if self._short_lives == 1:  # killed from outside, most likely: answer again at once
            return 0.0
        delay: float = FIRST_DELAY_SECONDS * 2.0 ** min(self._short_lives - 2, 16)
        return min(delay, MAX_DELAY_SECONDS)


@dataclass(slots=True)
class Child:
    """One worker of ours and all that we hold to start it again."""

    number: int
    sockets: list[OpenSocket]
    listener: socket.socket  # where it takes requests; inherited, so it survives a restart
    restarts: Restarts = field(default_factory=Restarts)
    process: subprocess.Popen[bytes] | None = None
    conversation: Conversation | None = None
    generation: int = 0  # that it has acknowledged
    dataplane: str = ""  # what it says that it answers with: fast, python
    born: float = 0.0  # monotonic


def socket_path(directory: Path, number: int) -> Path:
    """Return where worker *number* takes requests: not where one of another supervisor does."""
    return directory / f"worker-{os.getpid()}-{number}.sock"


def make_children(directory: Path, sockets: Sequence[list[OpenSocket]]) -> list[Child]:
    """Return a child for each list of *sockets*, none of them started. Raises ControlError."""
    return [
        Child(number, own, control.listen_at(socket_path(directory, number)))
        for number, own in enumerate(sockets)
    ]


def launch(
    child: Child,
    recruit: Recruit,
    template: Orders,
    table: ServedTable,
    counters: Sequence[int],
) -> None:
    """Have *recruit* be this *child*.

    Args:
        child: that has no process, or a dead one.
        recruit: a process without orders.
        template: what is the same for each worker.
        table: what to serve.
        counters: descriptors of blocks, UDP's and TCP's.
    """
    child.process, child.born = recruit.process, recruit.born
    orders = replace(
        template,
        number=child.number,
        table=str(table.path),
        generation=table.generation,
        control=child.listener.fileno(),
        counters=tuple(counters),
        sockets=tuple(
            Passed(own.kind, str(own.listen), own.sock.fileno()) for own in child.sockets
        ),
    )
    with contextlib.suppress(OSError):  # it died already; that shows when it is greeted
        give(recruit.channel, orders)
