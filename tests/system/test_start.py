"""Whole servers while they start: workers answer before the rest of the program is loaded."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import Node, children, is_alive, until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("start")]

# A module, the supervisor's, is not found before there is a file that says so.
HELD_BACK = """\
import pathlib, sys, time
class HoldBack:
    def find_spec(self, name, *_):
        while name == "gslb.supervisor" and not pathlib.Path({go!r}).exists():
            time.sleep(0.02)
sys.meta_path.insert(0, HoldBack())
from gslb.cli.main import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """A node that has served once and was stopped; a copy of what it left in `kept`."""
    made = Node(tmp_path_factory.mktemp("served"))
    process = made.start()
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    shutil.copytree(made.state, made.folder / "kept")
    return made


@pytest.fixture
def node(served: Node) -> Iterator[Node]:
    """That node, with what it had after its first run, and an empty log."""
    shutil.rmtree(served.state)
    shutil.copytree(served.folder / "kept", served.state)
    served.log.unlink()
    made = Node(served.folder, port=served.port)
    yield made
    made.stop()


@pytest.fixture
def go(node: Node) -> Iterator[Path]:
    """Yield what a start waits for, and has in the end."""
    go = node.folder / "go"
    go.unlink(missing_ok=True)
    node.program = ("-c", HELD_BACK.format(go=str(go)))
    yield go
    go.touch()  # whoever still waits can end


def test_workers_answer_before_the_supervisor_is_loaded(node: Node, go: Path) -> None:
    """From the table on disk; then it goes on with these very workers."""
    process = node.spawn()
    node.await_answers("192.0.2.1")
    workers = children(process.pid)
    assert len(workers) == node.workers
    assert not node.events("serving")
    go.touch()
    until(lambda: node.events("serving"), "the supervisor serves")
    assert {worker["pid"] for worker in node.status()["workers"]} == workers
    assert {worker["restarts"] for worker in node.status()["workers"]} == {0}


def test_workers_answer_before_the_settings_are_read(node: Node, go: Path) -> None:
    """What they need of them is known from the start before."""
    node.program = ("-c", node.program[1].replace("gslb.supervisor", "gslb.settings"))
    process = node.spawn()
    node.await_answers("192.0.2.1")
    workers = children(process.pid)
    go.touch()
    until(lambda: node.events("serving"), "the supervisor serves")
    assert {worker["pid"] for worker in node.status()["workers"]} == workers


def test_settings_that_were_changed_are_read_before_anybody_answers(node: Node, go: Path) -> None:
    """The address that was listened on may not be wanted any more."""
    held_back = node.program[1].replace("gslb.supervisor", "gslb.settings")
    node.program = ("-c", held_back.replace("time.sleep(0.02)", "raise ImportError(name)"))
    process = node.spawn(GSLB_NSID="other")
    assert process.wait(PATIENCE_SECONDS) == 1
    assert "ImportError: gslb.settings" in node.log.read_text()
    assert not node.events("data plane")  # which each worker says that is told what to serve
    node.program = ("-m", "gslb")
    go.touch()
    node.start(GSLB_NSID="other")
    assert node.answers("192.0.2.1")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_comes_early_is_obeyed_in_order(
    node: Node, go: Path, stop: signal.Signals
) -> None:
    """Nobody is left to answer, and nothing breaks; a word to reload changes nothing."""
    process = node.spawn()
    node.await_answers("192.0.2.1")
    workers = children(process.pid)
    process.send_signal(signal.SIGHUP)
    process.send_signal(stop)
    go.touch()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert not any(map(is_alive, workers))
    assert "Traceback" not in node.log.read_text()
    assert not list(node.state.glob("worker-*.sock"))


def test_a_start_that_fails_late_ends_what_it_has_begun(node: Node, go: Path) -> None:
    """What keeps the supervisor from running is told, and no worker answers on its own."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = node.spawn(GSLB_API_LISTEN=f"127.0.0.1:{taken.getsockname()[1]}")
        node.await_answers("192.0.2.1")
        workers = children(process.pid)
        go.touch()
        assert process.wait(PATIENCE_SECONDS) == 1
    assert "cannot listen on" in node.log.read_text()
    assert "Traceback" not in node.log.read_text()
    assert not any(map(is_alive, workers))


def test_a_supervisor_that_cannot_be_loaded_leaves_nothing_behind(node: Node, go: Path) -> None:
    """Half an installation, say."""
    node.program = ("-c", node.program[1].replace("time.sleep(0.02)", "raise ImportError(name)"))
    process = node.spawn()
    assert process.wait(PATIENCE_SECONDS) == 1
    assert "ImportError: gslb.supervisor" in node.log.read_text()
    assert not list(node.state.glob("worker-*.sock"))
    assert node.addresses_of_some() == set()


def test_a_dead_start_leaves_workers_that_the_next_one_takes_over(node: Node, go: Path) -> None:
    """As a supervisor that dies later does."""
    process = node.spawn()
    node.await_answers("192.0.2.1")
    workers = children(process.pid)
    process.kill()
    process.wait()
    assert node.answers("192.0.2.1")
    go.touch()
    node.start()
    assert len(node.events("worker without supervisor retired")) == len(workers)
    until(lambda: not any(map(is_alive, workers)), "the orphans have retired")
    assert node.answers("192.0.2.1")


def test_two_at_a_time_are_refused_at_once(node: Node, go: Path) -> None:
    """The second one does not touch what the first one has, not even its workers."""
    node.spawn()
    node.await_answers("192.0.2.1")
    code, said = node.fail()
    assert code == 1
    assert "another gslb" in said
    assert node.answers("192.0.2.1")
