"""What goes wrong: a dead worker, a dead supervisor, a port that is taken, a folder that is not ours."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import Node, free_port, is_alive, until

pytestmark = pytest.mark.system


def test_a_killed_worker_is_started_again_and_counted(node: Node) -> None:
    """Its sockets stay open with the supervisor: what came meanwhile is answered by the next one."""
    node.start()
    victim = node.status()["workers"][0]["pid"]
    os.kill(victim, signal.SIGKILL)

    def replaced() -> bool:
        worker = node.status()["workers"][0]
        return bool(worker["serving"]) and worker["pid"] != victim

    until(replaced, "another worker serves")
    assert node.answers("192.0.2.1")
    assert [worker["restarts"] for worker in node.status()["workers"]] == [1, 0]
    (death,) = node.events("worker died")
    assert (death["cause"], death["again_in_seconds"]) == ("SIGKILL", 0.0)


def test_a_worker_that_keeps_dying_is_not_restarted_in_a_storm(node: Node) -> None:
    """After the first death each further one at the start waits longer; others go on answering.

    One that has lived long is none of them, as the first ones are where a start takes that long.
    """
    node.start()
    delays: list[float] = []
    while delays[-2:] != [0.1, 0.2] and len(delays) < 8:
        pid = until(
            lambda: (w := node.status()["workers"][0])["serving"] and w["pid"], "worker 0 serves"
        )
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not is_alive(pid), "it is dead")  # type: ignore[misc]  # bound early
        until(lambda: node.status()["workers"][0]["serving"], "another one serves in its place")
        delays = [event["again_in_seconds"] for event in node.events("worker died")]
    assert delays[-3:] == [0.0, 0.1, 0.2]
    assert node.answers("192.0.2.1")


def test_a_swap_reaches_a_worker_that_hangs(usual: Node) -> None:
    """A worker that is stopped and then goes on has the new table in the end."""
    node = usual
    victim = node.status()["workers"][1]["pid"]
    os.kill(victim, signal.SIGSTOP)
    node.write_policy("192.0.2.7")
    reloading = subprocess.Popen(
        [sys.executable, "-m", "gslb", "reload", "--state-directory", str(node.state)],
        stdout=subprocess.PIPE,
    )
    until(lambda: "192.0.2.7" in node.addresses_of_some(), "the other worker answers anew")
    os.kill(victim, signal.SIGCONT)
    reloading.communicate(timeout=PATIENCE_SECONDS)
    assert reloading.returncode == 0
    assert node.answers("192.0.2.7")


def test_a_dead_supervisor_stops_no_answers_and_another_takes_over(node: Node) -> None:
    """Its workers go on; the next supervisor serves with workers of its own and retires them."""
    first = node.start()
    orphans = [worker["pid"] for worker in node.status()["workers"]]
    first.kill()
    first.wait(PATIENCE_SECONDS)
    assert node.answers("192.0.2.1")
    assert all(map(is_alive, orphans))
    node.write_policy("192.0.2.8")
    node.start()
    node.await_answers("192.0.2.8")
    until(lambda: not any(map(is_alive, orphans)), "the orphans have gone")
    assert node.answers("192.0.2.8")
    assert not set(orphans) & {worker["pid"] for worker in node.status()["workers"]}
    assert not list(node.state.glob("orphan-*"))


def test_a_takeover_loses_no_query(node: Node) -> None:
    """The sockets themselves are handed on: whatever was asked at any moment gets its answer."""
    first = node.start()
    first.kill()
    first.wait(PATIENCE_SECONDS)
    orphans = {event["worker_pid"] for event in node.events("worker serves")}
    node.spawn()
    asked = 0
    while any(map(is_alive, orphans)) or asked < 200:
        assert node.addresses_of(seconds=PATIENCE_SECONDS) == ["192.0.2.1"]
        asked += 1
    assert not node.events("a query failed")


def test_a_supervisor_that_dies_during_a_takeover_is_followed_by_the_next(node: Node) -> None:
    """Orphans of two generations are found and retired by the third supervisor."""
    for _ in range(2):
        node.start().kill()
        node.processes[-1].wait(PATIENCE_SECONDS)
    everybody = {event["worker_pid"] for event in node.events("worker serves")}
    node.start()
    ours = {worker["pid"] for worker in node.status()["workers"]}
    until(lambda: not any(map(is_alive, everybody - ours)), "all others have gone")
    assert node.answers("192.0.2.1")


def test_workers_without_supervisor_are_told_of_and_can_be_ended(node: Node) -> None:
    """Status names them and both ways on; `gslb stop` ends them, and leaves the port free."""
    first = node.start()
    code, _, err = node.gslb("stop", "--state-directory", str(node.state))
    assert code == 1
    assert f"another gslb (pid {first.pid}) runs" in err
    orphans = [worker["pid"] for worker in node.status()["workers"]]
    first.kill()
    first.wait(PATIENCE_SECONDS)
    code, out, err = node.gslb("status", "--state-directory", str(node.state))
    assert (code, out) == (3, "")
    assert "the supervisor is gone" in err
    assert all(f"pid {pid} (generation " in err for pid in orphans)
    code, out, err = node.gslb("stop", "--state-directory", str(node.state))
    assert (code, out, err) == (0, "2 workers have ended\n", "")
    until(lambda: not any(map(is_alive, orphans)), "they have ended")
    code, _, err = node.gslb("status", "--state-directory", str(node.state))
    assert code == 1
    assert "does the server run" in err
    node.start()
    assert node.answers("192.0.2.1")


def test_a_port_that_a_gslb_has_is_said_to_be_a_gslbs(node: Node) -> None:
    """With its state directory, whether its supervisor lives or not."""
    first = node.start()
    other = ("--state-directory", str(node.folder / "other"))
    code, err = node.fail(*other)
    assert code == 1
    assert "a gslb that runs already has the port" in err
    assert f"state directory {node.state})" in err
    first.kill()
    first.wait(PATIENCE_SECONDS)
    code, err = node.fail(*other)
    assert code == 1
    assert "a gslb worker without supervisor has the port" in err
    assert f"gslb stop --state-directory {node.state}" in err
    assert "another program" not in err


def test_a_start_that_fails_leaves_the_orphans_at_work(node: Node) -> None:
    """A takeover with settings that cannot be had changes nothing."""
    node.start().kill()
    node.processes[-1].wait(PATIENCE_SECONDS)
    code, err = node.fail("--listen", "198.51.100.1:53")
    assert code == 1
    assert "no such address" in err
    assert node.answers("192.0.2.1")


def test_the_compiling_process_ends_with_its_supervisor(node: Node) -> None:
    """And a compiling process that is killed is no trouble for a reload."""
    process = node.start()
    maker = _maker_of(process.pid)
    os.kill(maker, signal.SIGKILL)
    node.write_policy("192.0.2.7")
    assert node.reload()[0] == 0
    assert node.answers("192.0.2.7")
    maker = _maker_of(process.pid)
    process.kill()
    until(lambda: not is_alive(maker), "it has ended")


def _maker_of(supervisor: int) -> int:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    (maker,) = [c for c in children if b"tablemaker" in Path(f"/proc/{c}/cmdline").read_bytes()]
    return int(maker)


def test_one_state_directory_has_one_supervisor(node: Node) -> None:
    """The second one says so in one line and goes; the first is not disturbed."""
    first = node.start()
    code, err = node.fail()
    assert code == 1
    assert err == (
        f"gslb: another gslb (pid {first.pid}) runs on the state directory {node.state}\n"
    )
    assert node.answers("192.0.2.1")


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_in_use_is_said_even_if_it_could_be_shared(
    node: Node, kind: socket.SocketKind
) -> None:
    """SO_REUSEPORT would let two programs of one user share a port: it is refused all the same."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", node.port))
        if kind == socket.SOCK_STREAM:
            other.listen()
        code, err = node.fail()
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{node.port}" in err
    assert "in use by another program" in err
    assert "Traceback" not in err


def test_every_address_that_cannot_be_had_is_named(node: Node) -> None:
    """All troubles come at once, one a line."""
    code, err = node.fail("--listen", "192.0.2.1:5300", "--listen", "198.51.100.1:5300")
    assert code == 1
    assert err.count("no such address") == 2


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root and setpriv to become a user who may not",
)
def test_no_permission_for_a_low_port_says_what_to_do() -> None:
    """An unprivileged user learns of the capability and of other ports."""
    low = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if int(low.read_text()) <= 53:
        pytest.skip("this machine lets everybody use low ports")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        command = [
            *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
            *("--bounding-set", "-all", "--inh-caps", "-all"),
            *(sys.executable, "-m", "gslb", "serve", "--listen", "127.0.0.1:53"),
            *("--state-directory", f"{folder}/state", "--policies", folder),
        ]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    err = done.stderr.decode()
    if "No module named" in err or "setpriv: " in err:
        pytest.skip("the interpreter or the checkout is not readable for other users")
    assert done.returncode == 1
    assert "CAP_NET_BIND_SERVICE" in err
    assert "--listen 127.0.0.1:5300" in err


def test_a_state_directory_that_cannot_be_used_is_said(node: Node, tmp_path: Path) -> None:
    """A file where the folder should be is one clear line."""
    (tmp_path / "file").write_text("")
    code, err = node.fail("--state-directory", str(tmp_path / "file" / "state"))
    assert code == 1
    assert err.startswith(f"gslb: cannot use the state directory {tmp_path}/file/state: ")
    assert err.count("\n") == 1


def test_policies_with_errors_and_no_table_end_the_start(node: Node) -> None:
    """Nothing to serve: the problems are printed with their places, and the code is 1."""
    node.policy.write_text(node.policy.read_text().replace("version: 1", "version: 7"))
    code, err = node.fail()
    assert code == 1
    assert f"{node.policy}:1:" in err
    assert "nothing to serve" in err
    assert "Traceback" not in err


def test_no_policies_at_all_end_the_start(node: Node) -> None:
    """A path that is not there is a problem like any other."""
    node.policy.unlink()
    code, err = node.fail()
    assert code == 1
    assert str(node.policy) in err
    assert "Traceback" not in err


def test_settings_with_errors_end_the_start(node: Node) -> None:
    """All of them are printed, with option or place."""
    settings = node.folder / "gslb.yaml"
    settings.write_text("workers: many\n")
    code, err = node.fail("--config", str(settings), "--nsid", "much too long a name for it")
    assert code == 1
    assert "--nsid: error" in err
    code, _, err = node.gslb("serve", "--config", str(settings))
    assert code == 1
    assert f"{settings}:1:10: error" in err


def test_a_garbled_control_request_disturbs_nobody(usual: Node) -> None:
    """Whoever may open the socket may write anything to it."""
    node = usual
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_SECONDS)
        sock.connect(str(node.state / "control.sock"))
        sock.sendall(b"\x00\xff\n")
        assert b'"ok": false' in sock.recv(4096)
        sock.sendall(b'{"do": "explode"}\n')
        assert b"unknown request" in sock.recv(4096)
    assert node.answers("192.0.2.1")


def test_ports_are_found_free() -> None:
    """The helper of these tests gives ports that can be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", free_port()))
