"""Following a node's events through replacements and restarts, so that none is missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from gslb.cli.calling import CallError
from gslb.control import ControlError

AGAIN_SECONDS = 1.0  # between two tries to reach a node that is gone
PATIENCE_SECONDS = 300.0  # for it to come back: a restart with large policies takes less
_LATER = 503  # the node is starting, stopping, or has too many readers


class Events(Protocol):
    """A node, as far as it tells what happens (`gslb.cli.calling.Node`)."""

    def events(self, after: int, opened: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """Yield what happens after an event, until the node ends that."""
        ...


def follow(
    node: Events,
    after: int,
    tell: Callable[[str], None],
    *,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[dict[str, Any]]:
    """Yield what happens after event number *after*, each event once, until the node stays away.

    Args:
        node: whom to ask.
        after: the number of an event.
        tell: takes a line about the stream itself: that it broke, that it goes on.
        wait: returns after so many seconds.
        clock: monotonic seconds.

    A gap is an event without a number, as in `Node.events`.

    Raises:
        CallError: the node says no, for good.
        ControlError: it did not come back within `PATIENCE_SECONDS`.
    """
    gone_since: float | None = None

    def opened() -> None:
        nonlocal gone_since
        if gone_since is not None:
            tell(f"connected again; events go on after {after}")
        gone_since = None

    while True:
        why: ControlError | CallError | None = None
        try:
            for event in node.events(after, opened):
                after = max(after, event.get("sequence", 0))
                yield event
        except ControlError as error:
            why = error
        except CallError as error:
            if error.status != _LATER:
                raise
            why = error
        if gone_since is None:
            gone_since = clock()
            tell("the stream ended: the server is replaced, restarted or stopped; connecting again")
        elif clock() - gone_since > PATIENCE_SECONDS:
            raise why or ControlError("the stream ends again and again")
        wait(AGAIN_SECONDS)
