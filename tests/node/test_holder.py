"""Who holds a port is told from what /proc says, and never guessed."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gslb.node.holder import Holder, holder_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n"
LINE = "   0: 00000000:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 2\n"
WORKER = b"/usr/bin/python3\0-m\0gslb.dataplane.worker\0"
SUPERVISOR = b"/usr/bin/python3\0/opt/gslb/bin/gslb\0serve\0"
MAP = "7f00-7f01 r--s 00000000 fe:00 12 {path}\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc in which port 5300 has the UDP socket 77 and the listening TCP socket 78."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "udp").write_text(HEAD + LINE.format(port=5300, state="07", inode=77))
    (tmp_path / "net" / "tcp").write_text(
        HEAD
        + LINE.format(port=5300, state="0A", inode=78)
        + LINE.format(port=5301, state="01", inode=79)
    )
    return tmp_path


def process(proc: Path, pid: int, command: bytes, inodes: list[int], path: str = "") -> None:
    folder = proc / str(pid)
    (folder / "fd").mkdir(parents=True)
    (folder / "cmdline").write_bytes(command)
    (folder / "maps").write_text("7f00-7f01 r-xp 0 fe:00 9 /usr/lib/libc.so\n" + path)
    for number, inode in enumerate(inodes):
        (folder / "fd" / str(number)).symlink_to(f"socket:[{inode}]")


def test_a_worker_without_supervisor_is_told_with_its_state_directory(proc: Path) -> None:
    """What to do is part of it."""
    process(proc, 40, WORKER, [77, 78], MAP.format(path="/example/a b/table-9.gslb (deleted)"))
    holder = holder_of(5300, proc)
    assert holder == Holder(40, "/example/a b", supervised=False)
    assert "serve with --state-directory /example/a b to take it over" in str(holder)
    assert "gslb stop --state-directory /example/a b" in str(holder)


def test_a_worker_with_supervisor_is_a_running_server(proc: Path) -> None:
    """The supervisor holds the same sockets."""
    process(proc, 30, SUPERVISOR, [77, 78])
    process(proc, 40, WORKER, [77], MAP.format(path="/example/table-9.gslb"))
    assert str(holder_of(5300, proc)) == (
        "a gslb that runs already has the port (worker pid 40, state directory /example)"
    )


def test_a_folder_that_cannot_be_told_is_left_to_be_filled_in(proc: Path) -> None:
    """Memory of other users is not ours to see."""
    process(proc, 40, WORKER, [77])
    assert "--state-directory FOLDER" in str(holder_of(5300, proc))


def test_other_programs_and_other_ports_are_nobody(proc: Path) -> None:
    """Connections that are not listening do not hold a port."""
    process(proc, 41, b"/usr/sbin/named\0", [77, 78])
    process(proc, 42, WORKER, [79], MAP.format(path="/example/table-1.gslb"))
    assert holder_of(5300, proc) is None
    assert holder_of(5301, proc) is None
    assert holder_of(5302, proc) is None
    assert holder_of(5300, proc / "none") is None


def test_the_real_proc_can_be_read() -> None:
    """A socket of this process is found, and this process is no worker."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert holder_of(sock.getsockname()[1]) is None
