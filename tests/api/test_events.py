"""The event stream: nothing is lost, nothing comes twice, nobody is waited for."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta, timezone

import aiohttp
import pytest

from gslb.api import events
from gslb.api.access import Scope
from gslb.api.events import GAP, MAX_READERS, MAX_WAITING, EventHub, encode
from gslb.api.models import Event as EventModel
from gslb.api.routes import ROOT
from gslb.api.services import UnavailableError
from gslb.state.history import Event, Page
from tests.patience import PATIENCE_SECONDS

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


@contextlib.asynccontextmanager
async def streaming(node, last: str | None = None):
    headers = node.auth(Scope.READ)
    if last is not None:
        headers["Last-Event-ID"] = last
    async with node.http.get(f"{node.url}{ROOT}/events", headers=headers) as response:
        yield response


async def blocks(response, count: int) -> list[dict[str, str]]:
    """Return the next *count* blocks of the stream as their fields."""
    found: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < count:
            line = (await response.content.readline()).decode()
            assert line, "the stream ended early"
            if line == "\n":
                found.append(fields)
                fields = {}
            else:
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
    return found


async def test_a_stream_begins_now_and_tells_what_happens(node) -> None:
    node.services.happened(node.hub, 1)
    async with streaming(node) as response:
        assert response.content_type == "text/event-stream"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert await blocks(response, 1) == [{"retry": "2000"}]
        node.services.happened(node.hub, 2, "line\nbreak")
        (block,) = await blocks(response, 1)
    assert (block["id"], block["event"]) == ("2", "endpoint.down")
    assert EventModel.model_validate_json(block["data"]).detail["text"] == "line\nbreak"


async def test_a_reader_that_comes_back_misses_nothing_and_gets_nothing_twice(node) -> None:
    for number in range(1, 1301):  # more than two pages of history
        node.services.happened(node.hub, number)
    async with streaming(node, "7") as response:
        first = await blocks(response, 1294)
        node.services.happened(node.hub, 1301)
        more = await blocks(response, 1)
    assert [block["id"] for block in first[1:] + more] == [str(n) for n in range(8, 1302)]


async def test_events_between_history_and_stream_come_once(node) -> None:
    """While the history is being read an event happens: it is in both."""
    node.services.happened(node.hub, 1)
    history = node.services.history
    asked = []

    async def meanwhile(after: int, limit: int):
        asked.append(after)
        if len(asked) == 2:
            node.services.happened(node.hub, 2)
        return await history(after, limit)

    node.services.history = meanwhile
    async with streaming(node, "0") as response:
        ids = [block.get("id") for block in await blocks(response, 3)]
        node.services.happened(node.hub, 3)
        ids += [block.get("id") for block in await blocks(response, 1)]
    assert ids == [None, "1", "2", "3"]


async def test_a_reader_whose_place_is_gone_is_told_to_look_again(node) -> None:
    for number in (10, 11):
        node.services.happened(node.hub, number)
    async with streaming(node, "3") as response:
        assert await blocks(response, 2) == [
            {"retry": "2000"},
            {"event": "gap", "data": "{}"},
        ]
        assert [block["id"] for block in await blocks(response, 2)] == ["10", "11"]
    async with streaming(node, "999") as response:  # of a history that is no more
        assert (await blocks(response, 2))[1]["event"] == "gap"
        node.services.happened(node.hub, 12)
        assert [block["id"] for block in await blocks(response, 1)] == ["12"]
    async with streaming(node, "9") as response:  # the next one is the oldest: nothing is lost
        assert [block.get("id") for block in await blocks(response, 2)] == [None, "10"]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 19, "\u0661"])
async def test_a_last_event_that_is_no_number_gets_400(node, last) -> None:
    async with streaming(node, last) as response:
        assert response.status == 400


async def test_a_slow_reader_is_dropped_and_nobody_else_notices(node) -> None:
    async with streaming(node) as slow:
        await blocks(slow, 1)
        for number in range(1, MAX_WAITING + 2):  # without a pause, so that it cannot keep up
            node.services.happened(node.hub, number)
        async with asyncio.timeout(PATIENCE_SECONDS):
            rest = await slow.content.read()
    assert rest.count(b"id: ") < MAX_WAITING
    async with streaming(node, "0") as response:
        assert len(await blocks(response, MAX_WAITING + 2)) == MAX_WAITING + 2


async def test_there_is_a_limit_to_streams_and_a_way_back(node) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MAX_READERS):
            await blocks(await stack.enter_async_context(streaming(node)), 1)
        async with streaming(node) as response:
            assert response.status == 503
    node.hub.publish(Event(1, NOW, "x", "", {}))


async def test_a_revoked_token_ends_its_stream(node) -> None:
    async with streaming(node) as response:
        await blocks(response, 1)
        token = next(one for one in node.file.tokens() if one.name == "read")
        node.services.happened(node.hub, 1)
        await blocks(response, 1)
        node.file.revoke(token.id)
        node.services.happened(node.hub, 2)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await response.content.read()).count(b"id: ") <= 1
    async with streaming(node) as response:
        assert response.status == 401


async def test_a_quiet_stream_shows_life_and_sees_a_revoked_token(node, monkeypatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.01)
    async with streaming(node) as response:
        await blocks(response, 1)
        assert await blocks(response, 1) == [{"": "nothing new"}]
        token = next(one for one in node.file.tokens() if one.name == "read")
        node.file.revoke(token.id)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await response.content.read()


async def test_a_history_that_breaks_ends_the_stream_and_adds_nothing_to_it(node) -> None:
    node.services.happened(node.hub, 1)
    whole = node.services.history
    pages = iter([Page((), False)])

    async def broken(after: int, limit: int) -> Page:
        page = next(pages, None)
        if page is None:
            raise UnavailableError("the disk is gone")
        return page

    node.services.history = broken
    async with streaming(node, "0") as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await response.content.read()
    node.services.history = whole
    async with streaming(node, "0") as response:
        assert [block.get("id") for block in await blocks(response, 2)] == [None, "1"]


async def test_streams_end_when_the_node_stops(node) -> None:
    async with streaming(node) as response:
        await blocks(response, 1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await node.listener.stop()
            assert await response.content.read() == b""


def test_a_closed_hub_lets_nobody_in() -> None:
    hub = EventHub()
    hub.close()
    with pytest.raises(UnavailableError), hub.reading():
        pass


def test_a_block_is_one_data_line_whatever_the_text() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=2)))
    event = Event(4, east, "drain.created", "a", {"x\n": "x\r\ndata: y"})
    assert encode(event).count(b"\n") == 4
    assert b"\r" not in encode(event)
    assert b'"at":"2026-12-01T06:00:00Z"' in encode(event)
    assert GAP.endswith(b"\n\n")
