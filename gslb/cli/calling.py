"""Calling a node's API over the Unix socket of its state directory; file permissions say who may."""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gslb import control
from gslb.api.events import LAST_EVENT
from gslb.api.idempotency import HEADER
from gslb.api.listener import SOCKET_NAME
from gslb.api.routes import ROOT
from gslb.cli.asking import nobody_there
from gslb.cli.options import given_settings
from gslb.control import NobodyThereError
from gslb.errors import GslbError
from gslb.node.configuration import read_settings

CALL_SECONDS = 30.0
MAX_ANSWER = 64 << 20  # octets; the tree of a hundred thousand endpoints
MAX_LINE = 1 << 20  # octets of one event
_REPEATABLE = {"GET", "POST"}  # a DELETE again would say that there is nothing


class CallError(GslbError):
    """The node says no. `problem` is what it says (RFC 9457)."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        """Take the problem document."""
        self.problem = problem
        self.status = int(problem.get("status", 0))
        parts = [str(problem.get("detail") or problem.get("title", "the node says no"))]
        faults: list[Mapping[str, str]] = list(problem.get("errors", ()))
        parts += [f"{fault['where']}: {fault['text']}" for fault in faults]
        super().__init__("; ".join(parts))


def by_option(error: CallError, options: Mapping[str, str]) -> GslbError:
    """Return *error* as the command line has it: `--why: …` instead of `body.reason: …`.

    *options* has the option that each part of a request comes from. What none is found for is told
    as the node said it.
    """
    faults: list[Mapping[str, str]] = list(error.problem.get("errors", ()))
    if not faults:
        return error
    told = [(options.get(one["where"], one["where"]), one["text"]) for one in faults]
    return GslbError("; ".join(f"{where}: {text}" if where else text for where, text in told))


class _LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket. Raises ControlError."""
        self.sock: socket.socket = control.connect(self._path, CALL_SECONDS)
        self.sock.settimeout(self.timeout)


class Node:
    """The API of one node."""

    def __init__(self, state_directory: Path) -> None:
        """Call the node of *state_directory*."""
        self._path = state_directory / SOCKET_NAME

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
    ) -> dict[str, Any]:
        """Return what the node answers within *seconds*.

        A connection that breaks before an answer, as when another version takes over just then, is
        made once more: the key of a POST sees to it that nothing is done twice.

        Raises:
            CallError: it says no.
            ControlError: nobody is there, or the answer does not come.
        """
        headers = {HEADER: uuid.uuid4().hex} if method == "POST" else {}
        try:
            try:
                status, said = self._call(method, path, body, query, seconds, headers)
            except ConnectionError:
                if method not in _REPEATABLE:
                    raise
                status, said = self._call(method, path, body, query, seconds, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise control.ControlError(f"{self._path}: no answer ({error})") from None
        if status >= 400:
            raise CallError(said)
        return said

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        seconds: float,
        headers: Mapping[str, str],
    ) -> tuple[int, dict[str, Any]]:
        connection = _LocalConnection(self._path, seconds)
        try:
            response = self._ask(connection, method, path, body, query, headers)
            octets = response.read(MAX_ANSWER + 1)
        finally:
            connection.close()
        if len(octets) > MAX_ANSWER:
            raise control.ControlError(f"an answer of more than {MAX_ANSWER >> 20} MiB")
        return response.status, json.loads(octets)

    def events(self, after: int, opened: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """Yield what happens, after the event with number *after*, until the node ends that.

        A gap (events that are gone) is one without a number. *opened* is called once the node
        answers.

        Raises:
            CallError: it says no.
            ControlError: nobody is there, or the stream breaks.
        """
        connection = _LocalConnection(self._path, None)
        try:
            headers = {LAST_EVENT: str(after)}
            response = self._ask(connection, "GET", "/events", None, None, headers)
            if response.status >= 400:
                raise CallError(json.loads(response.read(MAX_ANSWER)))
            opened()
            kind = ""
            while line := response.readline(MAX_LINE):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield {"kind": kind, **json.loads(value)}
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise control.ControlError(f"{self._path}: the stream broke ({error})") from None
        finally:
            connection.close()

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        target = ROOT + path + (f"?{urlencode(query)}" if query else "")
        content = None if body is None else json.dumps(body).encode()
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if content else {})}
        try:
            connection.request(method, target, content, sent)
        except NobodyThereError as nobody:
            raise nobody_there(nobody) from None
        return connection.getresponse()


def node_of(options: argparse.Namespace) -> Node:
    """Return the node that *options* name."""
    return Node(read_settings(options.config, given_settings(options)).state_directory)
