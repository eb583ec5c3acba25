"""HTTP on loopback for a double: one thread a connection, all of them ended with it."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import socket
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, Self

MAX_BODY = 16 << 20  # octets; more than either provider takes


@dataclasses.dataclass(frozen=True)
class Request:
    """One request as it came: *path* still quoted, *headers* by lower-case name."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes


@dataclasses.dataclass(frozen=True)
class Reply:
    """What goes back."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Call:
    """One line of the double's log. *status* 0: the connection was cut; *at*: monotonic seconds."""

    operation: str
    method: str
    path: str
    status: int
    code: str  # the error's, "" for success
    at: float = 0.0


class Serving:
    """A listener at 127.0.0.1 on a free port; *handle* gives the reply, or None to cut."""

    def __init__(self, handle: Callable[[Request], Reply | None]) -> None:
        self._server = _Server(handle)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.end()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    request_queue_size = 64

    def __init__(self, handle: Callable[[Request], Reply | None]) -> None:
        self.handle_one = handle
        self._guard = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; what a double raises itself is a 500."""

    def end(self) -> None:
        """Close the connections that clients keep, then wait for their threads."""
        with self._guard:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            self.send_error(413)
            return
        path, _, query = self.path.partition("?")
        reply = self.server.handle_one(
            Request(
                method=self.command,
                path=path,
                query=tuple(urllib.parse.parse_qsl(query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )
        )
        if reply is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.status != 204:  # RFC 9110 §8.6: no length where there is no content
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 (names of http.server)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (name of http.server)
        """Say nothing; the double keeps a log of calls."""
