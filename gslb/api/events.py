"""``/events``: what happens, as it happens: server-sent events over a bounded history."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator

from aiohttp import web

from gslb.api.access import Access, Scope
from gslb.api.models import Event as EventModel
from gslb.api.problems import ApiProblem
from gslb.api.routes import Answer, Call, Route
from gslb.api.services import UnavailableError
from gslb.state.history import Event

MEDIA_TYPE = "text/event-stream"
LAST_EVENT = "Last-Event-ID"
MAX_READERS = 16  # streams at one time: a quarter of all connections
MAX_WAITING = 256  # events that a reader may lag behind
PAGE = 500  # events of the history read at once
HEARTBEAT_SECONDS = 5.0  # a revoked token ends its streams within this (ASVS 8.3.2)
WRITE_SECONDS = 10.0  # for a reader to take one piece
RETRY_MILLISECONDS = 2000  # before a browser comes back

_ID = re.compile(r"[0-9]{1,18}")


class Reader:
    """One stream's share of the events: a queue that ends when it cannot hold more."""

    def __init__(self) -> None:
        self.ended = False
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(MAX_WAITING)

    def offer(self, event: Event | None) -> None:
        """Append *event*; None ends the stream, and so does a queue that is full."""
        if event is None:
            self.ended = True
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.ended = True

    async def next(self) -> Event | None:
        """Return the next event; None: the stream is over."""
        return None if self.ended else await self._queue.get()


class EventHub:
    """Hands each event to every reader; waits for none of them."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._closed = False

    def publish(self, event: Event) -> None:
        """Tell every reader. Call it after the event is in the history, in order."""
        for reader in self._readers:
            reader.offer(event)

    def close(self) -> None:
        """End every stream, and let none begin."""
        self._closed = True
        for reader in self._readers:
            reader.offer(None)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reader]:
        """Be one of the readers for a while. Raises UnavailableError."""
        if self._closed or len(self._readers) >= MAX_READERS:
            raise UnavailableError(f"{MAX_READERS} streams are open, or the node is stopping.")
        reader = Reader()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)


HUB = web.AppKey("hub", EventHub)
ACCESS = web.AppKey("access", Access)


def encode(event: Event) -> bytes:
    """Return *event* in the stream's format: JSON has no line breaks, so one data line is enough."""
    data = EventModel.of(event).model_dump_json()
    return f"id: {event.sequence}\nevent: {event.kind}\ndata: {data}\n\n".encode()


GAP = b"event: gap\ndata: {}\n\n"  # events that the reader missed are gone: it has to look again


async def stream(call: Call) -> web.StreamResponse:
    """Send what the reader missed, then what happens, until it or we go."""
    after = _last_event(call.request)
    with call.request.app[HUB].reading() as reader:
        # The reader listens before the history is read, so nothing falls between the two.
        sent = call.services.newest_event()
        gone = after is not None and (await call.services.history(after, 1)).gap
        response = web.StreamResponse(headers={"Content-Type": MEDIA_TYPE})
        await response.prepare(call.request)
        writing = _Writing(call, response)
        with contextlib.suppress(ConnectionError):
            await writing.send(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
            if gone:
                await writing.send(GAP)
            if after is not None:
                sent = await writing.missed(min(after, sent))
            await writing.live(reader, sent)
    return response


class _Writing:
    """The sending side of one stream."""

    def __init__(self, call: Call, response: web.StreamResponse) -> None:
        self._call = call
        self._response = response

    async def send(self, octets: bytes) -> None:
        """Send *octets*; who does not take them in time is cut off. Raises ConnectionError."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._response.write(octets)
        except TimeoutError:
            if self._call.request.transport is not None:
                self._call.request.transport.abort()
            raise ConnectionError("the reader is too slow") from None

    async def missed(self, after: int) -> int:
        """Send the history behind *after*, and return the last sequence number sent."""
        while True:
            page = await self._call.services.history(after, PAGE)
            if not page.events:
                return after
            await self.send(b"".join(map(encode, page.events)))
            after = page.events[-1].sequence

    async def live(self, reader: Reader, sent: int) -> None:
        """Send what happens until the stream ends."""
        access = self._call.request.app[ACCESS]
        while access.still(self._call.caller):
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    event = await reader.next()
            except TimeoutError:
                await self.send(b": nothing new\n\n")
                continue
            if event is None:
                return
            if event.sequence > sent:
                await self.send(encode(event))
                sent = event.sequence


def _last_event(request: web.Request) -> int | None:
    given = request.headers.getall(LAST_EVENT, [])
    if not given or given == [""]:
        return None
    if len(given) > 1 or _ID.fullmatch(given[0]) is None:
        raise ApiProblem(400, f"{LAST_EVENT} is the id of an event: a number.")
    return int(given[0])


ROUTES = (
    Route(
        "GET",
        "/events",
        "streamEvents",
        Scope.READ,
        "Transitions, drains, reloads, as they happen",
        stream,
        (Answer(200, "Server-sent events; `data` is an Event.", EventModel, MEDIA_TYPE),),
        headers=((LAST_EVENT, "where to go on; without it the stream begins now"),),
        streams=True,
    ),
)
