"""Workers whose supervisor has died: found, asked for their sockets, and sent home at the end.

They go on answering until somebody who holds the state directory's lock and serves with workers
of its own tells them to finish. Until then each keeps a socket file in the state directory.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from gslb import control
from gslb.control import ControlError, Message, NobodyThereError
from gslb.errors import GslbError
from gslb.listen import Listen, parse_listen
from gslb.logs import Log
from gslb.node.sockets import TYPES, Kind, OpenSocket, claim, open_shared, without_missing_ipv6

ASK_SECONDS = 5.0
MAX_ORPHANS = 1024  # socket files that are looked at

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A worker that has outlived its supervisor."""

    path: Path  # of its control socket
    sockets: tuple[OpenSocket, ...]
    counters: tuple[int, ...] = ()  # descriptors of the blocks that it counts in


def find_orphans(directory: Path) -> list[Orphan]:
    """Return the workers of an earlier supervisor of *directory*, with copies of their sockets.

    Only for the holder of the directory's lock: a worker with a living supervisor looks the same.
    """
    orphans = []
    for path in _worker_sockets(directory):
        # Its name goes to a worker of ours; inodes are unique, so it never hides another orphan.
        kept = path.rename(directory / f"orphan-{path.stat().st_ino}.sock")
        try:
            answer, descriptors = control.ask_passing(kept, {"do": "sockets"}, ASK_SECONDS)
        except NobodyThereError:
            kept.unlink(missing_ok=True)  # left by a worker that is gone
        except ControlError as error:  # it may come back to its senses: `retire` tries again
            _log.error("worker without supervisor hangs", reason=str(error))
            orphans.append(Orphan(kept, ()))
        else:
            named = answer["sockets"]
            sockets = tuple(adopt(named, descriptors[: len(named)]))
            orphans.append(Orphan(kept, sockets, tuple(descriptors[len(named) :])))
            _log.warning("worker without supervisor found", worker_pid=answer["pid"])
    return orphans


def workers_of(directory: Path, supervisor: int) -> list[Orphan]:
    """Return the workers of the supervisor with this pid, which is gone or about to go."""
    paths = sorted(directory.glob(f"worker-{supervisor}-*.sock"))[:MAX_ORPHANS]
    return [Orphan(path, ()) for path in paths]


def counters_of(orphans: Iterable[Orphan]) -> list[int]:
    """Return descriptors of the blocks that each of *orphans* that answers counts in."""
    found: list[int] = []
    for orphan in orphans:
        with contextlib.suppress(ControlError):
            said, passed = control.ask_passing(orphan.path, {"do": "sockets"}, ASK_SECONDS)
            count = len(said["sockets"])
            found += passed[count:]
            for descriptor in passed[:count]:
                os.close(descriptor)
    return found


def look_for_workers(directory: Path) -> list[Message]:
    """Return what each worker that answers in *directory* says of itself; nothing is touched."""
    found: list[Message] = []
    for path in _worker_sockets(directory):
        with contextlib.suppress(ControlError):
            found.append(control.ask(path, {"do": "status"}, ASK_SECONDS))
    return found


def _worker_sockets(directory: Path) -> list[Path]:
    paths = [*directory.glob("worker-*.sock"), *directory.glob("orphan-*.sock")]
    return sorted(paths)[:MAX_ORPHANS]


def adopt(named: Sequence[Sequence[str]], descriptors: Sequence[int]) -> Iterable[OpenSocket]:
    """Yield sockets that came as *descriptors*, and with them kind and address of each."""
    for (kind, text), descriptor in zip(named, descriptors, strict=True):
        sock = socket.socket(fileno=descriptor)
        yield OpenSocket("udp" if kind == "udp" else "tcp", parse_listen(text), sock)


def retire(orphans: Iterable[Orphan]) -> list[Orphan]:
    """Tell *orphans* to finish the connections that they have, and end. Return who does not obey."""
    left = []
    for orphan in orphans:
        try:
            control.ask(orphan.path, {"do": "retire"}, ASK_SECONDS)
        except NobodyThereError:
            _log.info("worker without supervisor is gone")
        except ControlError as error:  # its file stays, so that the next supervisor finds it
            _log.error("worker without supervisor does not retire", reason=str(error))
            left.append(orphan)
            continue
        orphan.path.unlink(missing_ok=True)
        _log.info("worker without supervisor retired")
    return left


def gather_sockets(
    listen: Sequence[Listen], workers: int, held: Iterable[OpenSocket]
) -> list[list[OpenSocket]]:
    """Return each worker's sockets: those *held* where they fit, new ones elsewhere.

    Held ones of the same address are all used, however many workers there are: to close one would
    lose what the kernel has queued in it. Those of addresses that are not wanted any more are
    closed here. Raises GslbError with every address that cannot be had, one a line; then nothing
    has been closed.
    """
    pool: dict[tuple[Kind, Listen], dict[int, OpenSocket]] = {}
    for one in held:
        same = pool.setdefault((one.kind, one.listen), {})
        inode = os.fstat(one.sock.fileno()).st_ino  # two orphans may hold one and the same socket
        if inode in same:
            one.sock.close()
        else:
            same[inode] = one
    wanted = check_addresses(listen, (one for same in pool.values() for one in same.values()))
    sets = [_take(wanted, pool) for _ in range(workers)]
    turn = cycle(sets)
    for (_, address), rest in pool.items():
        for one in rest.values():
            if address in wanted:
                next(turn).append(one)
            else:
                one.sock.close()
    return sets


def check_addresses(listen: Sequence[Listen], held: Iterable[OpenSocket]) -> list[Listen]:
    """Return those of *listen* that can be had: there are sockets *held*, or nobody has them.

    A default that this machine cannot have is left out. Raises GslbError with every other one, one
    a line.
    """
    known = {one.listen for one in held}
    usable, troubles = claim(a for a in listen if a not in known)
    if troubles := without_missing_ipv6(troubles):
        raise GslbError("\n".join(map(str, troubles)))
    return [a for a in listen if a in known or a in usable]


def _take(
    wanted: Sequence[Listen], pool: dict[tuple[Kind, Listen], dict[int, OpenSocket]]
) -> list[OpenSocket]:
    """Return one worker's sockets for *wanted*, out of *pool* first."""
    result = []
    for listen in wanted:
        for kind in TYPES:
            held = pool.get((kind, listen))
            result.append(held.popitem()[1] if held else open_shared(kind, listen))
    return result
