"""The door of remote checkers: each shows a token of its own, is told what to run, and is heard.

A stranger gets no word, and costs one short line and a few seconds. Beyond loopback it is TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from datetime import datetime

from gslb.api.access import Scope
from gslb.api.tokens import Token, TokenError, TokenFile
from gslb.logs import Log
from gslb.node.panel import Panel
from healthcheck.hello import MAX_HELLO, Hello, read_hello
from healthcheck.messages import MAX_LINE, MessageError

MAX_STRANGERS = 16  # that have not said who they are; each may fill a buffer of 2 MiB
HELLO_SECONDS = 5.0  # to say it, TLS included
LOOK_EVERY = 2.0  # seconds between two looks whether a token is still valid
TELL_EVERY = 10.0  # seconds between two lines of the log about strangers

_log = Log(__name__)


class AgentDoor:
    """One socket that remote checkers come to."""

    def __init__(self, panel: Panel, tokens: TokenFile, now: Callable[[], datetime]) -> None:
        """Open nothing yet. *now* is wall time, aware."""
        self._panel = panel
        self._tokens = tokens
        self._now = now
        self._server: asyncio.Server | None = None
        self._visits: set[asyncio.Task[None]] = set()
        self._strangers = 0  # now
        self._turned_away = 0
        self._told_at = -TELL_EVERY

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Let agents in at *sock*, a bound stream socket that becomes ours; over *tls* if given."""
        self._server = await asyncio.start_server(
            self._visit,
            sock=sock,
            limit=MAX_LINE + 1,
            ssl=tls,
            ssl_handshake_timeout=HELLO_SECONDS if tls is not None else None,
        )
        self._panel.expected = self._names

    def pause(self) -> None:
        """Let nobody in any more. Who is in has to come again, to whoever has the socket then."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for visit in self._visits:
            visit.cancel()

    async def stop(self) -> None:
        """Let nobody in any more, and end every conversation."""
        self.pause()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            await self._receive(reader, writer)
        except (asyncio.CancelledError, OSError):  # we are closing, or the peer has gone
            pass
        finally:
            self._visits.discard(task)
            writer.transport.abort()  # what it has not read by now it need not know

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._strangers >= MAX_STRANGERS:
            self._turn_away("too many have come at once")
            return
        self._strangers += 1
        try:
            who = await self._greet(reader)
        finally:
            self._strangers -= 1
        if isinstance(who, str):
            self._turn_away(who)
            return
        talk = self._panel.join(who.name)
        if talk is None:
            self._turn_away(f"there is no seat for {who.name}")
            return
        cause, revoked = "", False
        works = {
            asyncio.create_task(talk.tell(writer)),
            asyncio.create_task(talk.listen(reader)),
            asyncio.create_task(self._until_revoked(who)),
        }
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            cause = next(iter(done)).result()
            revoked = not self._may_stay(who)
        finally:
            self._panel.leave(who.name, talk, cause, for_good=revoked)
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _greet(self, reader: asyncio.StreamReader) -> Token | str:
        """Return the token of whoever has come, or why it may not come in."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                line = await _short_line(reader)
            hello = read_hello(line)
        except TimeoutError:
            return "it says nothing"
        except MessageError as error:
            return f"it is no agent ({error})"
        try:
            return self._admit(hello)
        except TokenError as error:
            return str(error)

    def _admit(self, hello: Hello) -> Token | str:
        token = self._tokens.find(hello.token, self._now())
        if token is None or Scope.AGENT not in token.scopes or token.name != hello.name:
            return "its token is not one of an agent of this name"
        return token

    def _names(self) -> frozenset[str]:
        """Return every agent that has a valid token."""
        try:
            tokens = self._tokens.tokens()
        except TokenError:
            return frozenset()
        now = self._now()
        return frozenset(t.name for t in tokens if Scope.AGENT in t.scopes and t.expires > now)

    def _may_stay(self, token: Token) -> bool:
        with contextlib.suppress(TokenError):  # that nothing can be read is no revocation
            return self._tokens.valid(token.id, self._now())
        return True

    async def _until_revoked(self, token: Token) -> str:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if not self._may_stay(token):
                return "its token is no longer valid"

    def _turn_away(self, why: str) -> None:
        """Tell the log of it, not more often than somebody would read it."""
        self._turned_away += 1
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            _log.warning("agent turned away", reason=why, so_far=self._turned_away)


async def _short_line(reader: asyncio.StreamReader) -> bytes:
    """Return the first line; of one that is too long for a hello, what says so."""
    line = bytearray()
    while len(line) <= MAX_HELLO and not line.endswith(b"\n"):
        octet = await reader.read(1)
        if not octet:
            break
        line += octet
    return bytes(line)
