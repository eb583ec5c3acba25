"""Who holds a port, as far as /proc lets us see: a gslb, and on which state directory it runs."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_PROCESSES = 65_536  # that are looked at; nobody waits for more
MAX_LINES = 65_536  # of a table of sockets
WORKER = b"gslb.dataplane.worker"
_LISTENING = "0A"  # state of a TCP socket, in /proc/net/tcp
_TABLE = re.compile(r"(/\S.*)/table-\d+\.gslb( \(deleted\))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Holder:
    """A gslb worker that has a port."""

    pid: int
    state_directory: str  # "": it cannot be told
    supervised: bool  # whether another process, its supervisor, holds the same socket

    def __str__(self) -> str:
        """Say who has the port, and what to do."""
        where = self.state_directory or "FOLDER"
        known = f", state directory {where}" if self.state_directory else ""
        if self.supervised:
            return f"a gslb that runs already has the port (worker pid {self.pid}{known})"
        return (
            f"a gslb worker without supervisor has the port (pid {self.pid}{known}):"
            f" serve with --state-directory {where} to take it over,"
            f" or end it with: gslb stop --state-directory {where}"
        )


def holder_of(port: int, proc: Path = Path("/proc")) -> Holder | None:
    """Return the gslb worker that has *port*; None: nobody, another program, or not ours to see."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(proc, port)}
    if not wanted:
        return None
    holders = [(pid, held) for pid in _processes(proc) if (held := wanted & _links(pid))]
    for pid, held in holders:
        if not _is_worker(pid):
            continue
        others = [other for other, also in holders if other != pid and held & also]
        supervised = any(not _is_worker(other) for other in others)
        return Holder(int(pid.name), _state_directory(pid), supervised)
    return None


def _inodes(proc: Path, port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that wait at *port*, over UDP and TCP, proc(5)."""
    for name in ("udp", "udp6", "tcp", "tcp6"):
        with contextlib.suppress(OSError, IndexError):
            lines = (proc / "net" / name).read_text().splitlines()
            for line in lines[1:MAX_LINES]:
                fields = line.split()
                at_port = fields[1].endswith(f":{port:04X}")
                if at_port and (name.startswith("udp") or fields[3] == _LISTENING):
                    yield fields[9]


def _processes(proc: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        found = [path for path in proc.iterdir() if path.name.isdecimal()]
        return sorted(found, key=lambda path: int(path.name))[:MAX_PROCESSES]
    return []


def _links(process: Path) -> set[str]:
    """Return what the descriptors of *process* stand for; nothing where we may not look."""
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                found.add(str(descriptor.readlink()))
    return found


def _is_worker(process: Path) -> bool:
    with contextlib.suppress(OSError):
        return WORKER in (process / "cmdline").read_bytes().split(b"\0")
    return False


def _state_directory(process: Path) -> str:
    """Return the folder of the answer table that *process* has mapped."""
    with contextlib.suppress(OSError):
        if found := _TABLE.search((process / "maps").read_text(errors="replace")):
            return os.path.normpath(found[1])
    return ""
