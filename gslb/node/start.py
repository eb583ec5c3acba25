"""The beginning of a node: what has to be there before a worker can answer, and nothing else.

The state directory is locked, the sockets are opened (or taken over from workers that outlived an
earlier supervisor, or from the service manager), and workers are given the newest table on disk. The
rest of the program (policies, checks, API, state) is loaded and started while they answer already.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from gslb.dataplane.orders import Orders
from gslb.errors import GslbError
from gslb.node import takeover
from gslb.node.child import Child, launch, make_children, socket_path
from gslb.node.fdstore import take_stored
from gslb.node.memory import make_blocks
from gslb.node.outset import Outset
from gslb.node.recruits import Recruits
from gslb.node.sockets import OpenSocket
from gslb.node.statedir import StateDirectory
from gslb.node.takeover import Orphan
from gslb.state.tables import Newest, ServedTable, TableStore

END_SECONDS = 8.0  # for a worker to end; its own limit for open TCP connections is 5 s


@dataclass(slots=True)
class Start:
    """What a node begins with."""

    state: StateDirectory
    template: Orders
    sockets: Sequence[list[OpenSocket]]  # by worker
    orphans: Sequence[Orphan]  # which answer until they are retired
    counted: Sequence[int]  # descriptors of the blocks that they count in
    newest: Newest = field(default_factory=Newest)  # table on disk
    children: list[Child] = field(default_factory=list)  # who were given it
    blocks: dict[int, list[int]] = field(default_factory=dict)  # that they count in, by number

    def give_up(self) -> None:
        """End the workers that were started; those of an earlier supervisor go on."""
        processes = [child.process for child in self.children if child.process is not None]
        for process in processes:
            process.terminate()  # it finishes what its clients have begun
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            process.kill()
            process.wait()
        for child in self.children:
            child.listener.close()
            socket_path(self.state.path, child.number).unlink(missing_ok=True)
        self.children.clear()


def begin(outset: Outset, recruits: Recruits) -> Start:
    """Begin to answer, if there is a table on disk.

    Args:
        outset: what is known of its settings.
        recruits: become the workers; those who are not needed end.

    Raises:
        LockedError: another supervisor runs on the state directory.
        GslbError: the node cannot run.
    """
    directory = outset.state_directory
    state = StateDirectory(directory)
    template = outset.orders(state.cookie_secrets())
    held = take_stored()
    orphans = takeover.find_orphans(directory)
    held += (one for orphan in orphans for one in orphan.sockets)
    sockets = takeover.gather_sockets(outset.listen, outset.workers, held)
    newest = TableStore(directory).newest_valid()
    counted = [one for orphan in orphans for one in orphan.counters]
    start = Start(state, template, sockets, orphans, counted, newest)
    try:
        _have_served(start, recruits)
    except GslbError:
        start.give_up()
        raise
    return start


def _have_served(start: Start, recruits: Recruits) -> None:
    """Have workers serve the newest table on disk, if there is one. Raises GslbError."""
    newest = start.newest
    if newest.path is None or newest.table is None:
        return
    table = ServedTable(newest.path, newest.table.generation)
    start.children = make_children(start.state.path, start.sockets)
    for child in start.children:
        blocks = make_blocks(newest.table, table.generation, child.number)
        start.blocks[child.number] = blocks
        launch(child, recruits.take(), start.template, table, blocks)
    recruits.dismiss()
