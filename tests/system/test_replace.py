"""`gslb replace` with real processes: nothing is lost, and what fails leaves the old one serving.

GSLB_TEST_REPLACEMENTS says how many replacements the long proof makes (default 3).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import urllib.request
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gslb.cli.calling import CallError
from gslb.cli.calling import Node as ApiNode
from tests.patience import PATIENCE_SECONDS
from tests.system.load import Load
from tests.system.nodes import ENVIRONMENT, Node, free_port, is_alive, until
from tests.system.standins import stand_ins
from tests.system.test_health import EAST, EUROPE, WEST, World

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

REPLACEMENTS = int(os.environ.get("GSLB_TEST_REPLACEMENTS", "3"))
PROGRAM = """\
import os, signal, sys, time
import gslb.node.succession, gslb.node.handover
from gslb.cli.main import main
from gslb.errors import GslbError
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
def hang(*_, **__): time.sleep(600)
def refuse(*_, **__): raise GslbError("this version cannot do that")
{}
if __name__ == "__main__":
    sys.exit(main())
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node whose program is a file, so that another version can be installed in its place."""
    program, config = tmp_path / "program.py", tmp_path / "gslb.yaml"
    made = Node(tmp_path / "node", program=(str(program),))
    program.write_text(PROGRAM.format(""))
    config.write_text("tcp: {max_queries: 1000000}\n")
    yield made
    made.stop()


def start(node: Node) -> int:
    """Start a node with settings of its own; return the supervisor's pid."""
    return node.start("--config", str(node.folder.parent / "gslb.yaml")).pid


def install(node: Node, change: str) -> None:
    """Install a version of the program that differs by some lines of Python."""
    Path(node.program[0]).write_text(PROGRAM.format(change))


def drains(node: Node) -> list[str]:
    return [one["location"] for one in node.status()["drains"]]


def events(node: Node, kind: str) -> list[dict[str, object]]:
    """Return the events of a kind in the history on disk."""
    with sqlite3.connect(f"file:{node.state}/state.db?mode=ro", uri=True) as database:
        query = "SELECT sequence, detail FROM events WHERE kind = ? ORDER BY sequence"
        rows = database.execute(query, (kind,)).fetchall()
    return [{"sequence": sequence, **json.loads(detail)} for sequence, detail in rows]


def test_replacements_under_load_lose_nothing(node: Node) -> None:
    """Every query is answered, no connection is reset, and everything that is known carries over."""
    pids = [start(node)]
    code, _, err = node.gslb(
        *("drain", "aws/us-east-1/a", "--why", "a try", "--force"),
        *("--state-directory", str(node.state)),
    )
    assert code == 0, err
    with Load(node.port) as load:
        for _ in range(REPLACEMENTS):
            asked = load.total
            code, out, err = node.replace()
            assert code == 0, err
            status = node.status()
            pids.append(status["pid"])
            assert f"(pid {pids[-1]}) serves in place of" in out
            assert drains(node) == ["aws/us-east-1/a"]
            until(lambda old=pids[-2]: not is_alive(old), "the old one has ended")  # type: ignore[misc]
            until(lambda asked=asked: load.total > asked + 100, "there is load")  # type: ignore[misc]
    assert load.lost == []
    assert load.resets == 0
    assert load.left > 0, "nobody was told to leave"
    assert load.answered["udp"] > 100 * REPLACEMENTS
    assert len(set(pids)) == REPLACEMENTS + 1
    generations = [event["generation"] for event in node.events("serving")]
    assert generations == sorted(set(generations))
    numbers = [event["sequence"] for event in events(node, "server.replaced")]
    assert len(numbers) == REPLACEMENTS
    code, out, _ = node.gslb("audit", "verify", "--state-directory", str(node.state))
    assert code == 0, out
    rest = [event["rest_seconds"] for event in node.events("replaced")]
    print(f"{load.answered} answered, {load.left} left, {load.closed} closed, at rest {rest} s")


FAILURES = {
    "it does not start": ("raise ImportError('no module named tomorrow')", "tomorrow"),
    "it ends without a word": ("die()", "ended, while it was starting"),
    "it hangs at the start": ("hang()", "did not serve in time, while it was starting"),
    "it dies after hello": (
        "import gslb.node.predecessor as p; p.Predecessor.fetch_sockets = die",
        "ended, while it was preparing",
    ),
    "it cannot use the records": (
        "import gslb.node.heritage as h; h.try_records = refuse",
        "this version cannot do that",
    ),
    "it hangs while it prepares": (
        "import gslb.node.heritage as h; h.try_records = hang",
        "did not serve in time, while it was preparing",
    ),
    "it dies before we let go": (
        "import gslb.node.predecessor as p; p.Predecessor.let_go = die",
        "ended, while it was preparing",
    ),
    "it dies when we have let go": (
        "import gslb.node.keeper as k; k.TableKeeper.take_over = die",
        "ended, while it was taking over",
    ),
    "it cannot patch its table": (
        "import gslb.node.keeper as k; k.TableKeeper.take_over = refuse",
        "this version cannot do that",
    ),
    "its workers do not start": (
        "import gslb.node.children as c; c.START_SECONDS = 0.0",
        "no answer within 0 s",
    ),
    "it dies when its workers serve": (
        "import gslb.desk.doors as d; d.Doors.open = die",
        "ended, while it was taking over",
    ),
    "it dies before it says that it serves": (
        "import gslb.node.predecessor as p; p.Predecessor.end = die",
        "ended, while it was taking over",
    ),
}


# Seconds to get as far as that: the next ones where a machine is too slow for the first.
LIMITS = {"it hangs at the start": (1,), "it hangs while it prepares": (5, 20, 80)}


def fail_to_replace(node: Node, reason: str, limits: tuple[int, ...]) -> list[str]:
    """Have a replacement fail, for a *reason* in the end; return what was said each time."""
    said: list[str] = []
    while len(said) < len(limits) and not (said and reason in said[-1]):
        code, out, err = node.replace("--limit", str(limits[len(said)]))
        assert (code, out) == (1, ""), err
        said.append(err)
    return said


def test_whatever_fails_the_old_one_goes_on_and_nothing_is_lost(node: Node) -> None:
    """At each step; afterwards drains can be made, and a sound version can take over."""
    pid = start(node)
    with Load(node.port) as load:
        failed = 0
        for step, (change, reason) in FAILURES.items():
            install(node, change)
            said = fail_to_replace(node, reason, LIMITS.get(step, (120,)))
            failed += len(said)
            assert reason in said[-1], step
            assert all(f"pid {pid}, goes on" in err for err in said), step
            assert node.status()["pid"] == pid, step
            assert len(events(node, "server.replace-failed")) == failed, step
            code, _, err = node.gslb(
                *("drain", "aws/us-east-1/a", "--why", step, "--force"),
                *("--state-directory", str(node.state)),
            )
            assert code == 0, (step, err)
            assert node.answers("192.0.2.1"), step
        install(node, "")
        code, _, err = node.replace()
        assert code == 0, err
        assert len(drains(node)) == len(FAILURES)
        assert node.answers("192.0.2.1")
    assert (load.lost, load.resets) == ([], 0)
    code, out, _ = node.gslb("audit", "verify", "--state-directory", str(node.state))
    assert code == 0, out
    workers = {worker["pid"] for worker in node.status()["workers"]}
    others = {event["worker_pid"] for event in node.events("worker serves")} - workers
    until(lambda: not any(map(is_alive, others)), "no other worker is left")
    tables = sorted(path.name for path in node.state.glob("table-*.gslb"))
    assert node.status()["generation"] == max(int(t[6:-5]) for t in tables)


def test_one_that_hangs_when_its_workers_serve_is_given_up(node: Node) -> None:
    """The old one takes its sockets back after a time of its own: a short one here."""
    install(node, "gslb.node.handover.OWNING_SECONDS = 4.0")
    pid = start(node)
    install(node, "import gslb.desk.doors as d; d.Doors.open = hang")
    with Load(node.port) as load:
        code, out, err = node.replace()
        assert (code, out) == (1, "")
        assert "did not serve in time, while it was taking over" in err
        assert f"pid {pid}, goes on" in err
        assert node.status()["pid"] == pid
        assert node.answers("192.0.2.1")
    assert (load.lost, load.resets) == ([], 0)


def test_settings_and_policies_with_mistakes_are_refused_with_their_place(node: Node) -> None:
    """The new version reads both again; what is wrong is printed, and the old one goes on."""
    pid = start(node)
    config = node.folder.parent / "gslb.yaml"
    config.write_text("resolvers: nowhere\n")
    code, _, err = node.replace()
    assert code == 1
    assert f"{config}:1:12: error" in err
    assert "ended, while it was starting" in err
    config.write_text("resolvers: 192.0.2.1\n")
    good = node.policy.read_text()
    node.policy.write_text(good.replace("version: 1", "version: 7"))
    code, _, err = node.replace()
    assert code == 1
    assert f"{node.policy}:1:" in err
    assert "not replaced: the policies are refused" in err
    assert node.status()["pid"] == pid
    assert node.answers("192.0.2.1")
    assert len(node.status()["workers"]) == 2
    node.write_policy("192.0.2.9")
    code, _, err = node.replace()
    assert code == 0, err
    node.await_answers("192.0.2.9")  # the old workers answer what they have, and end


def test_a_database_of_a_newer_version_keeps_the_new_one_out(node: Node) -> None:
    """It is found out before the old one lets go."""
    pid = start(node)
    with sqlite3.connect(node.state / "state.db") as database:
        database.execute("PRAGMA user_version=99")
    code, _, err = node.replace()
    assert code == 1
    assert "written by a newer gslb" in err
    assert node.status()["pid"] == pid


def test_the_table_of_the_old_one_is_never_read(node: Node) -> None:
    """A new version may have another layout: it brings a table of its own."""
    start(node)
    install(node, "import gslb.state.tables as t; t.TableStore.newest_valid = die")
    code, _, err = node.replace()
    assert code == 0, err
    assert node.answers("192.0.2.1")


@pytest.mark.parametrize("when", ["preparing", "taking over"])
def test_the_new_one_goes_on_when_the_old_one_is_killed_meanwhile(node: Node, when: str) -> None:
    """With its sockets and its lock; nothing is lost, and drains are still there."""
    pid = start(node)
    node.gslb(
        *("drain", "aws/us-east-1/a", "--why", "a try", "--force"),
        *("--state-directory", str(node.state)),
    )
    where = {
        "preparing": "import gslb.node.heritage as h; at, name = h, 'try_records'",
        "taking over": "import gslb.node.takeover as t; at, name = t, 'gather_sockets'",
    }[when]
    install(
        node,
        f"""{where}
as_before = getattr(at, name)
def kill_the_old_one_first(*given):
    if '--replace' in sys.argv:
        os.kill({pid}, signal.SIGKILL)
        time.sleep(0.2)
    return as_before(*given)
setattr(at, name, kill_the_old_one_first)""",
    )
    with Load(node.port) as load:
        code, out, err = node.replace()
        assert code == 0, err
        assert f"serves in place of 0.1.0 (pid {pid})" in out
        node.processes[0].wait(PATIENCE_SECONDS)
        assert node.status()["pid"] != pid
        assert drains(node) == ["aws/us-east-1/a"]
        orphans = {e["worker_pid"] for e in node.events("worker serves") if e["pid"] == pid}
        until(lambda: not any(map(is_alive, orphans)), "the old workers have gone")
        install(node, "")
        code, _, err = node.replace()  # the one that went on alone can be replaced like any other
        assert code == 0, err
    assert (load.lost, load.resets) == ([], 0)


def test_only_one_replacement_is_made_at_a_time_and_reloads_wait_for_another_day(
    node: Node,
) -> None:
    """Both are told so; a server that is stopped meanwhile takes the new one along."""
    pid = start(node)
    install(node, "import gslb.node.heritage as h; h.try_records = hang")
    first = subprocess.Popen(
        [sys.executable, "-m", "gslb", "replace", "--state-directory", str(node.state)],
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    (said,) = until(lambda: node.events("another version prepares itself"), "the new one is there")
    code, _, err = node.replace()
    assert code == 1
    assert "another replacement is under way" in err
    code, _, err = node.reload()
    assert code == 1
    assert "another version is taking over" in err
    os.kill(pid, signal.SIGTERM)
    _, errors = first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == 1
    assert "the server is being stopped" in errors.decode()
    until(lambda: not is_alive(said["new_pid"]), "the new one has ended too")
    assert node.processes[0].wait(PATIENCE_SECONDS) == 0


def test_serve_replace_takes_the_place_of_whoever_runs(node: Node) -> None:
    """As a service manager does that lost sight of the one that runs; alone it just starts."""
    first = start(node)
    second = node.start("--replace", "--config", str(node.folder.parent / "gslb.yaml"))
    assert node.status()["pid"] == second.pid
    assert node.processes[0].wait(PATIENCE_SECONDS) == 0
    assert first != second.pid
    second.terminate()
    assert second.wait(PATIENCE_SECONDS) == 0
    third = node.start("--replace")
    assert node.status()["pid"] == third.pid
    assert node.answers("192.0.2.1")


def test_fewer_workers_read_all_sockets_and_more_workers_get_some(node: Node) -> None:
    """To close a socket would lose what the kernel has queued in it."""
    config = node.folder.parent / "gslb.yaml"
    node.workers = 1  # for `command`; the file decides
    command = node.command("--config", str(config))
    at = command.index("--workers")
    del command[at : at + 2]
    config.write_text("workers: 3\ntcp: {max_queries: 1000000}\n")
    with node.log.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)
    node.processes.append(process)
    until(lambda: node.events("serving"), "it serves")
    with Load(node.port) as load:
        for workers in (1, 2, 4):
            config.write_text(f"workers: {workers}\ntcp: {{max_queries: 1000000}}\n")
            code, _, err = node.replace()
            assert code == 0, err
            assert len(node.status()["workers"]) == workers
    assert (load.lost, load.resets) == ([], 0)


def test_the_service_manager_is_told_in_time_and_keeps_the_sockets(
    node: Node, tmp_path: Path
) -> None:
    """Each process speaks while it is the main one: MAINPID by the old, all else by the new.

    With the sockets that the manager keeps, a start after a stop answers what was asked meanwhile.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE_SECONDS)
        manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        pid = node.start(**told, WATCHDOG_PID="").pid
        kept = _hear_until(manager, pid, "FDSTORE=1")
        code, _, err = node.replace()
        assert code == 0, err
        new = node.status()["pid"]
        _forget(_hear_until(manager, pid, f"MAINPID={new}"))
        _forget(kept)
        _forget(_hear_until(manager, new, "READY=1"))
        kept = _hear_until(manager, new, "FDSTORE=1")
        assert len(kept) == 4  # two workers, UDP and TCP
        _forget(_hear_until(manager, new, "WATCHDOG=1"))
        os.kill(new, signal.SIGTERM)
        _forget(_hear_until(manager, new, "STOPPING=1"))
        until(lambda: not is_alive(new), "it has stopped")
    with ThreadPoolExecutor(16) as clients:
        asked = [clients.submit(node.addresses_of, seconds=PATIENCE_SECONDS) for _ in range(16)]
        names = ":".join("gslb-dns" for _ in kept)
        passed = " ".join(f"{3 + n}<&{fd}" for n, fd in enumerate(kept))
        environment = f"LISTEN_PID=$$ LISTEN_FDS={len(kept)} LISTEN_FDNAMES={names}"
        script = f'exec {passed}; export {environment}; exec "$@"'
        with node.log.open("ab") as log:
            again = subprocess.Popen(
                ["/bin/bash", "-c", script, "bash", *node.command()],
                pass_fds=kept,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
            )
        node.processes.append(again)
        _forget(kept)
        assert [answer.result() for answer in asked] == [["192.0.2.1"]] * 16


def _hear_until(manager: socket.socket, pid: int, wanted: str) -> list[int]:
    """Return the descriptors that came with the word *wanted* of the process with this pid."""
    while True:
        octets, ancillary, _, _ = manager.recvmsg(4096, 4096)
        descriptors, sender = [], 0
        for _, kind, data in ancillary:
            if kind == socket.SCM_RIGHTS:
                descriptors = list(array("i", data))
            else:
                sender = struct.unpack("3i", data)[0]
        words = octets.decode().split("\n")
        if wanted in words:
            assert sender == pid, words
            return descriptors
        _forget(descriptors)


def _forget(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def test_health_and_counters_carry_over(tmp_path: Path) -> None:
    """What is down stays out without being tried anew, and no count goes back."""
    world = World(tmp_path / "node")
    metrics = free_port()
    world.config.write_text(
        f"probes: {{allow: 127.0.0.0/8}}\nmetrics: {{listen: 127.0.0.1:{metrics}}}\n"
    )
    with stand_ins([*EAST, *WEST, *EUROPE], world.port) as ends:
        world.ends = ends
        try:
            world.start()
            world.kill(EAST[0])
            world.answers_become(EAST[1:])
            for _ in range(50):
                world.node.addresses_of()
            counted = _count(metrics)
            assert counted >= 50
            code, _, err = world.node.replace()
            assert code == 0, err
            for _ in range(50):
                assert world.node.addresses_of() == EAST[1:]
            until(lambda: _count(metrics) >= counted + 50, "all of them are counted")
            until(lambda: world.health()["ready"], "every endpoint was tried anew")
            first, second = {e["pid"] for e in world.node.events("serving")}
            checkers = [e["pid"] for e in world.node.events("checker says")]
            assert set(checkers) == {first, second}
            last = max(i for i, one in enumerate(checkers) if one != checkers[-1])
            assert checkers[: last + 1] == [checkers[0]] * (last + 1)  # never both
            world.restore()
            world.answers_become(EAST)
        finally:
            world.node.stop()


def _count(port: int) -> int:
    """Return how many queries the node says it has answered."""
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_SECONDS
    ) as answer:
        lines = answer.read().decode().splitlines()
    found = (line for line in lines if line.startswith("gslb_dns_responses_total{"))
    return int(sum(float(line.rpartition(" ")[2]) for line in found))


def test_nobody_is_turned_away_while_the_node_changes_hands(node: Node) -> None:
    """Drains asked for all the time are made by one or the other, or the caller is told to retry."""
    start(node)
    done: list[tuple[int, str]] = []
    over = threading.Event()

    def ask() -> None:
        api = ApiNode(node.state)
        body = {"location": "aws/us-east-1/a", "reason": "a try", "force": True}
        while not over.is_set():
            try:
                said = api.call("POST", "/drains", body)
                done.append((201, str(said["drain"]["id"])))
            except CallError as error:
                done.append((error.status, str(error)))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(2):
            code, _, err = node.replace()
            assert code == 0, err
    finally:
        over.set()
        asking.join(PATIENCE_SECONDS)
    made = [text for status, text in done if status == 201]
    assert made
    assert {status for status, _ in done} <= {201, 503}
    assert all("try again" in text for status, text in done if status == 503)
    kept = {str(one["id"]) for one in node.status()["drains"]}
    assert kept == set(made)
