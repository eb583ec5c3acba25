"""Sockets that the service manager keeps: sent to it, and taken from it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gslb.listen import Listen
from gslb.node import fdstore
from gslb.node.fdstore import NAME, store, take_stored
from gslb.node.sockets import OpenSocket
from tests.patience import PATIENCE_SECONDS


def opened(kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    return sock


def test_what_is_left_replaces_all_that_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that is kept and that nobody reads would swallow queries."""
    monkeypatch.setattr(fdstore, "AT_ONCE", 2)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        manager.settimeout(PATIENCE_SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        ours = [opened(socket.SOCK_DGRAM) for _ in range(3)]
        listen = Listen(address="127.0.0.1", port=53)
        store(OpenSocket("udp", listen, sock) for sock in ours)
        assert manager.recv(1000) == f"FDSTOREREMOVE=1\nFDNAME={NAME}".encode()
        inodes = []
        for count in (2, 1):
            words, descriptors, _, _ = socket.recv_fds(manager, 1000, 10)
            assert words == f"FDSTORE=1\nFDNAME={NAME}\nFDPOLL=0".encode()
            assert len(descriptors) == count
            inodes += [os.fstat(one).st_ino for one in descriptors]
            for one in descriptors:
                os.close(one)
        assert inodes == [os.fstat(sock.fileno()).st_ino for sock in ours]
    for sock in ours:
        sock.close()


TAKE = """
import os
from gslb.node.fdstore import take_stored
os.environ["LISTEN_PID"] = str(os.getpid())
for one in take_stored():
    print(one.kind, one.listen, one.sock.get_inheritable())
"""


def test_what_was_kept_comes_back_with_kind_and_address() -> None:
    """Those of ours only, in a process that gets them as systemd passes them."""
    udp, tcp, other = map(opened, (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_DGRAM))
    places = [f"127.0.0.1:{sock.getsockname()[1]}" for sock in (udp, tcp)]
    script = f"exec 3<&{udp.fileno()} 4<&{other.fileno()} 5<&{tcp.fileno()}; exec {sys.executable} -c '{TAKE}'"
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        pass_fds=[udp.fileno(), tcp.fileno(), other.fileno()],
        env={**os.environ, "LISTEN_FDS": "3", "LISTEN_FDNAMES": f"{NAME}:other:{NAME}"},
        capture_output=True,
        check=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.stdout.splitlines() == [f"udp {places[0]} False", f"tcp {places[1]} False"]
    for sock in (udp, tcp, other):
        sock.close()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": NAME},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many", "LISTEN_FDNAMES": NAME},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "other:stored"},
    ],
)
def test_what_is_for_somebody_else_is_left_alone(environment: dict[str, str]) -> None:
    assert take_stored(environment) == []
