"""Workers whose supervisor has died, ended without starting another."""

from __future__ import annotations

from pathlib import Path

from gslb.node.ledger import Ledger
from gslb.node.takeover import find_orphans, retire


def send_home(directory: Path) -> tuple[int, int]:
    """End the workers of a dead supervisor of *directory*: how many obeyed, how many did not.

    They finish the connections that they have. Only for the holder of the directory's lock.
    """
    orphans = find_orphans(directory)
    ledger = Ledger(directory)
    for orphan in orphans:
        ledger.adopt(orphan.counters)
        for one in orphan.sockets:
            one.sock.close()
    left = retire(orphans)
    ledger.close()
    return len(orphans) - len(left), len(left)
