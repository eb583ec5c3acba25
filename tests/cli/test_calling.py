"""A call whose connection breaks is made once more, and never done twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.api.listener import SOCKET_NAME
from gslb.cli.calling import Node
from gslb.control import ControlError

REPLY = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Breaking:
    """A server that drops the first *drops* connections when the request has come."""

    def __init__(self, folder: Path) -> None:
        self.node = Node(folder)
        self.asked: list[bytes] = []
        self.drops = 1
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / SOCKET_NAME))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(65536))
                if len(self.asked) > self.drops:
                    connection.sendall(REPLY)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Breaking]:
    made = Breaking(tmp_path)
    yield made
    made.close()


def keys(requests: list[bytes]) -> set[bytes]:
    lines = [line for one in requests for line in one.split(b"\r\n")]
    return {line for line in lines if line.startswith(b"Idempotency-Key: ")}


def test_a_change_is_asked_for_again_with_the_same_key(server: Breaking) -> None:
    assert server.node.call("POST", "/drains") == {}
    assert len(server.asked) == 2
    assert len(keys(server.asked)) == 1


def test_it_is_given_up_after_the_second_time(server: Breaking) -> None:
    server.drops = 9
    with pytest.raises(ControlError, match="no answer"):
        server.node.call("GET", "/status")
    assert len(server.asked) == 2


def test_what_would_be_answered_otherwise_is_not_repeated(server: Breaking) -> None:
    with pytest.raises(ControlError, match="no answer"):
        server.node.call("DELETE", "/drains/7")
    assert len(server.asked) == 1
