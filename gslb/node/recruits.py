"""Worker processes without orders: started before anybody knows what they are to serve.

To load its program takes a worker a tenth of a second, in which the supervisor reads its settings.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Self

from gslb.errors import GslbError


@dataclass(frozen=True, slots=True)
class Recruit:
    """A worker that waits for its orders; at the end of `channel` it ends itself."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    born: float  # monotonic seconds

    @classmethod
    def start(cls) -> Self:
        """Start one. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Not asyncio's, which would kill the workers when the supervisor fails.
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "gslb.dataplane.worker"],  # -P: no code from here
                stdin=theirs.fileno(),
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours, time.monotonic())


@dataclass(frozen=True, slots=True)
class Recruits:
    """Those who wait."""

    _waiting: list[Recruit] = field(default_factory=list)

    @classmethod
    def start(cls, count: int) -> Self:
        """Start *count* of them, or fewer: whether that matters shows when one is needed."""
        found: list[Recruit] = []
        with contextlib.suppress(OSError):
            found.extend(Recruit.start() for _ in range(count))  # keeps those before one that fails
        return cls(found)

    def take(self) -> Recruit:
        """Return one of them, or else a new one. Raises GslbError."""
        while self._waiting:
            recruit = self._waiting.pop(0)
            if recruit.process.poll() is None:
                return recruit
            recruit.channel.close()
        from gslb.priority import FRONT  # noqa: PLC0415 - the first recruits do not wait for it

        try:
            return FRONT.submit(Recruit.start).result()  # it takes a millisecond
        except OSError as error:
            raise GslbError(f"a worker cannot be started: {error.strerror}") from None

    def dismiss(self) -> None:
        """End those who wait: nobody needs them."""
        for recruit in self._waiting:
            recruit.channel.close()
            recruit.process.kill()  # it has begun nothing, and so has nothing to end
            recruit.process.wait()
        self._waiting.clear()
