"""Which TCP connections may stay: limits by number and by time, without sockets or clocks.

When all places are taken, the connection that has been idle longest gives way, so that a newcomer
is served at least once (RFC 7766 §6.2.2, §10; RFC 9210 §4.5).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gslb.dataplane.settings import TcpSettings

# While draining, silence after which a client has nothing on its way to us:
LEAVE_SECONDS = 0.5  # where it was told to leave, with an answer since the draining began
UNTOLD_SECONDS = 2.0  # where it was not
LONGEST_LEAVE_SECONDS = 4.0  # for clients that are never silent, or do not read; then all must go

C = TypeVar("C", bound=Hashable)


@dataclass(slots=True)
class _State:
    """One connection's times, in monotonic seconds."""

    client: int
    since: float  # when it was opened, or a message of it was last answered
    begun: float | None = None  # when the first octet came of a message that is not complete yet
    served: bool = False  # at least one message came


class Connections(Generic[C]):
    """The open connections of a server. A connection is any hashable thing."""

    def __init__(self, settings: TcpSettings) -> None:
        """Start with no connections."""
        self._settings = settings
        self._states: dict[C, _State] = {}  # the longest idle first
        self._clients: dict[int, int] = {}  # open connections by client
        self._drains_since: float | None = None  # None: it does not

    def __len__(self) -> int:
        """Return how many connections are open."""
        return len(self._states)

    @property
    def draining(self) -> bool:
        """Whether all are to leave."""
        return self._drains_since is not None

    def drain(self, now: float) -> None:
        """Have all leave: each once it has been silent for a moment, so that no query is cut off."""
        if self._drains_since is None:
            self._drains_since = now

    def all(self) -> list[C]:
        """Return the open connections, the longest idle first."""
        return list(self._states)

    def admit(self, connection: C, client: int, now: float) -> tuple[bool, C | None]:
        """Take *connection* in, of the prefix *client*, if it may come.

        Returns:
            Whether it may; and the connection that has to be closed to make room, if any.
        """
        if self._clients.get(client, 0) >= self._settings.max_per_client:
            return False, None
        evicted = None
        if len(self._states) >= self._settings.max_connections:
            evicted = next(iter(self._states))
            self.remove(evicted)
        self._states[connection] = _State(client, now)
        self._clients[client] = self._clients.get(client, 0) + 1
        return True, evicted

    def remove(self, connection: C) -> None:
        """Forget *connection*; one that is not known is no error."""
        state = self._states.pop(connection, None)
        if state is None:
            return
        left = self._clients[state.client] - 1
        if left:
            self._clients[state.client] = left
        else:
            del self._clients[state.client]

    def received(self, connection: C, messages: int, partial: bool, now: float) -> None:
        """Note that octets came: *messages* became complete, and whether one has begun (*partial*)."""
        state = self._states.get(connection)
        if state is None:
            return
        if messages:
            state.served = True
            state.since = now
            state.begun = None
            self._states[connection] = self._states.pop(connection)  # to the end: the most recent
        if not partial:
            state.begun = None
        elif state.begun is None:
            state.begun = now

    def expired(self, now: float) -> list[C]:
        """Return the connections whose time is over (RFC 7766 §6.2.3)."""
        settings = self._settings
        pressed = len(self._states) > settings.max_connections * settings.pressed_share
        most = settings.pressed_seconds if pressed else float("inf")
        found = []
        for connection, state in self._states.items():
            if state.begun is not None:
                deadline = state.begun + min(most, settings.message_seconds)
                # A message that trickles in does not earn more time than silence does.
                if not state.served:
                    deadline = min(deadline, state.since + settings.first_seconds)
            elif state.served:
                deadline = state.since + min(most, settings.idle_seconds)
            else:
                deadline = state.since + min(most, settings.first_seconds)
            if self._drains_since is not None:
                if state.begun is None:
                    told = state.served and state.since > self._drains_since
                    silent = max(state.since, self._drains_since)
                    deadline = min(deadline, silent + (LEAVE_SECONDS if told else UNTOLD_SECONDS))
                deadline = min(deadline, self._drains_since + LONGEST_LEAVE_SECONDS)
            if now >= deadline:
                found.append(connection)
        return found
