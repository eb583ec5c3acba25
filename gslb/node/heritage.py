"""What a new version has in its hands when the one before has let go of the node."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node import takeover
from gslb.node.fdstore import take_stored
from gslb.node.outset import Outset
from gslb.node.predecessor import Predecessor
from gslb.node.prepared import Prepared, prepare
from gslb.node.records import try_records
from gslb.node.start import Start
from gslb.node.statedir import StateDirectory
from gslb.settings import Settings

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Heritage:
    """All of it, and from whom."""

    predecessor: Predecessor
    state: StateDirectory
    prepared: Prepared
    said: Mapping[str, Any] = field(default_factory=dict)  # empty: it died before it let go
    since: float = 0.0  # monotonic seconds; when it let go

    def start(self, outset: Outset) -> Start:
        """Return what we begin with: its sockets and its workers, which go on until they are retired.

        Raises GslbError.
        """
        workers = takeover.workers_of(self.state.path, self.predecessor.pid)
        held = [*take_stored(), *self.predecessor.sockets]
        sockets = takeover.gather_sockets(outset.listen, outset.workers, held)
        template = outset.orders(self.state.cookie_secrets())
        return Start(self.state, template, sockets, workers, takeover.counters_of(workers))

    def fail(self, error: BaseException) -> None:
        """Tell the one before, if it lives, why it has to go on."""
        with contextlib.suppress(GslbError):
            self.predecessor.fail(reasons_of(error))


async def inherit(settings: Settings, predecessor: Predecessor, at: datetime) -> Heritage:
    """Prepare everything that may fail, and only then have *predecessor* let go.

    Args:
        settings: the node's, as they are now.
        predecessor: who runs; it is told of every failure.
        at: now, aware.

    Raises:
        GslbError: it goes on, and nothing has changed.
    """
    prepared: Prepared | None = None
    try:
        predecessor.fetch_sockets()
        takeover.check_addresses(settings.listen, predecessor.sockets)
        try_records(settings.state_directory)
        _log.info("preparing to take over", old_pid=predecessor.pid, policies="compiling")
        prepared = await prepare(settings, predecessor.generation, predecessor.serial, at)
        since = time.monotonic()
        said = await predecessor.let_go()
        state = StateDirectory.adopt(settings.state_directory, predecessor.lock)
    except BaseException as error:
        if prepared is not None:
            await prepared.compiler.close()
        await asyncio.to_thread(predecessor.fail, reasons_of(error))
        raise
    if said is None:
        _log.warning("the version before has died; this one goes on", old_pid=predecessor.pid)
    return Heritage(predecessor, state, prepared, said or {}, since)


def reasons_of(error: BaseException) -> list[str]:
    """Return why something failed, the summary last."""
    if isinstance(error, asyncio.CancelledError):
        return ["the new one was told to stop"]
    if not isinstance(error, GslbError):
        return [f"{type(error).__name__}: {error}"]
    summary = str(error)
    problems = [str(one) for one in getattr(error, "problems", ())]
    return [*problems, summary] if problems != [summary] else problems
