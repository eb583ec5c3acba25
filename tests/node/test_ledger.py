"""Counters over the lives of blocks: workers that die, reloads, other situations, restarts."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.answers.table import AnswerTable
from gslb.dataplane import counters
from gslb.dataplane.counters import Client, Event, Head
from gslb.dataplane.counting import Counting
from gslb.dataplane.settings import Source
from gslb.errors import GslbError
from gslb.node.blocks import Block
from gslb.node.ledger import FILE_NAME, Ledger
from gslb.state.tables import TableStore, labels_path, map_table, table_path
from gslb.steering.labels import LabelChange
from gslb.steering.render import Renderer
from tests.steering import lab
from tests.steering.conftest import Small

US, EU, *_ = lab.SITES
V4 = Source(1, 0xC6336435)
RESPONSE = bytes([0, 0, 0x80, 0]) + bytes(8)
ANSWERS = "gslb_answers_total"


class Node:
    """A state directory with tables, and workers that count as real ones do."""

    def __init__(self, folder: Path, world) -> None:
        self.folder = folder
        self.world = world
        self.ledger = Ledger(folder)

    def table(self, generation: int) -> None:
        policy = lab.policy(lab.rule(US, then=[EU], name="all"))
        plan = lab.plan(lab.zone_plan([policy], lab.sites(US, EU)))
        self.renderer = Renderer(plan, self.world, 1)
        content = self.renderer.content(lab.situation())
        labels = self.renderer.labels.to_json()
        TableStore(self.folder).write(pack(content, generation, 0), generation, labels)

    def body(self, generation: int = 1) -> int:
        """Return where the first answer's body is."""
        table = AnswerTable(table_path(self.folder, generation).read_bytes())
        return table.pick(table.steer(0), 0, lambda: 0, 0)

    def start(self, generation: int = 1, worker: int = 0) -> Counting:
        block, _ = self.ledger.open(worker, generation)
        return Counting(mmap.mmap(block.descriptor, 0))

    def answers(self) -> dict[tuple[str, ...], float]:
        return dict(self.ledger.values().get(ANSWERS, {}))


def answer(counting: Counting, body: int, count: int = 1, choice: int = 0) -> None:
    for _ in range(count):
        counting.begin()
        counting.zone, counting.choice, counting.body, counting.qtype = 0, choice, body, 1
        counting.end(bytes(30), RESPONSE, V4)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path, Small().world())
    made.table(1)
    yield made
    made.ledger.close()


WWW = ("www.example.com", "all", US)


def test_answers_have_their_record_site_zone_and_reason(node: Node) -> None:
    answer(node.start(), node.body(), 3)
    values = node.ledger.values()
    assert values[ANSWERS] == {WWW: 3.0}
    assert values["gslb_decisions_total"] == {("www.example.com", "preferred"): 3.0}
    zones = values["gslb_answers_zone_total"]
    assert set(zones.values()) == {3.0}
    assert len(zones) == 2  # of two addresses, each in a zone of its own
    assert values["gslb_dns_requests_total"] == {("example.com", "udp", "4", "A"): 3.0}
    assert values["gslb_dns_responses_total"] == {("example.com", "NOERROR"): 3.0}


def test_a_dead_worker_leaves_its_counts_and_its_successor_goes_on(node: Node) -> None:
    first = node.start()
    answer(first, node.body(), 2)
    node.ledger.values()
    answer(first, node.body(), 5)  # nobody has looked since
    node.ledger.died(0)
    assert node.answers() == {WWW: 7.0}
    answer(node.start(), node.body())
    assert node.answers() == {WWW: 8.0}


def test_a_reload_goes_on_in_other_blocks_and_lets_the_old_ones_go(node: Node) -> None:
    counting = node.start()
    answer(counting, node.body(), 2)
    node.table(2)
    block, _ = node.ledger.open(0, 2)
    answer(counting, node.body(), 1)  # between the order and its execution
    counting.use(mmap.mmap(block.descriptor, 0))
    answer(counting, node.body(2), 4)
    assert node.answers() == {WWW: 7.0}
    assert {one.generation for one in node.ledger._blocks if one.transport.value == "udp"} == {2}


def test_what_was_counted_before_a_change_keeps_the_reason_of_before(node: Node) -> None:
    counting, body = node.start(), node.body()
    answer(counting, body, 2)
    node.ledger.relabel(1, LabelChange({0: {US: "panic"}}))
    answer(counting, body, 3)
    assert node.ledger.values()["gslb_decisions_total"] == {
        ("www.example.com", "preferred"): 2.0,
        ("www.example.com", "panic"): 3.0,
    }
    assert node.ledger.labels.reasons[0] == {US: "panic"}


def test_who_goes_where_only_the_coming_labels_lead_was_answered_after_the_change(
    node: Node,
) -> None:
    """Workers answer from a patched table some milliseconds before anybody hears of the patch."""
    counting = node.start()
    answer(counting, node.body(), 2)
    writer = TableWriter(map_table(table_path(node.folder, 1), writable=True))
    writer.patch(node.renderer.patch(lab.situation(down=lab.ids(lab.sites(US)))))
    west = node.body()
    answer(counting, west, 3)
    node.ledger.relabel(1, node.renderer.relabelled)
    assert node.ledger.values()["gslb_decisions_total"] == {
        ("www.example.com", "preferred"): 2.0,
        ("www.example.com", "failover"): 3.0,
    }


def test_refusals_unknown_choices_and_lost_answers_are_counted_too(node: Node) -> None:
    counting = node.start()
    answer(counting, 0, 1, choice=0)  # refused in words
    answer(counting, node.body(), 1, choice=4000)
    counting.add(Event.OVERFLOW, 2)
    values = node.ledger.values()
    assert values[ANSWERS] == {
        ("www.example.com", "all", "(none)"): 1.0,
        ("(other)", "(other)", US): 1.0,
        ("(other)", "(other)", "(other)"): 2.0,
    }
    assert sum(values["gslb_decisions_total"].values()) == 4.0


def test_a_restart_goes_on_where_the_last_run_ended(node: Node) -> None:
    answer(node.start(), node.body(), 6)
    node.ledger.close()
    again = Node(node.folder, node.world)
    assert again.answers() == {WWW: 6.0}
    answer(again.start(), again.body(), 1)
    assert again.answers() == {WWW: 7.0}
    again.ledger.close()


def test_workers_that_outlive_a_supervisor_hand_their_blocks_on(node: Node) -> None:
    """Killed, it has written nothing; the descriptors are all that is left."""
    counting = node.start()
    answer(counting, node.body(), 4)
    node.ledger.values()
    kept = [os.dup(block.descriptor) for block in node.ledger._blocks]
    successor = Node(node.folder, node.world)
    successor.ledger.adopt(kept)
    answer(counting, node.body(), 1)
    assert successor.answers() == {WWW: 5.0}
    counting.finish()
    successor.ledger.settle()
    assert len(successor.ledger._blocks) == 1  # TCP's, which nobody has finished
    successor.ledger.close()
    assert Ledger(node.folder).values()[ANSWERS] == {WWW: 5.0}


def test_descriptors_that_are_no_blocks_are_refused(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "no block"
    for octets in (b"", b"x" * 4096, bytes(counters.WORD * counters.ROWS)):
        path.write_bytes(octets)
        with pytest.raises(GslbError):
            Block.adopt(os.open(path, os.O_RDONLY))
        node.ledger.adopt([os.open(path, os.O_RDONLY)])  # says so, and goes on
    block, _ = node.ledger.open(0, 1)
    octets = bytearray(os.pread(block.descriptor, 1 << 22, 0))
    memoryview(octets).cast("Q")[Head.ZONES] = counters.MAX_ZONES  # more than it has room for
    path.write_bytes(octets)
    with pytest.raises(GslbError):
        Block.adopt(os.open(path, os.O_RDONLY))


def test_nobody_can_shrink_a_block_under_its_readers(node: Node) -> None:
    block, _ = node.ledger.open(0, 1)
    with pytest.raises(PermissionError):
        os.truncate(block.descriptor, 8)


def test_without_table_or_labels_nothing_is_lost_but_the_names(node: Node) -> None:
    body = node.body()
    labels_path(table_path(node.folder, 1)).unlink()
    answer(node.start(), body, 2)
    assert node.answers() == {("(other)", "(other)", "(none)"): 2.0}
    table_path(node.folder, 1).unlink()
    fresh = Node(node.folder, node.world)
    answer(fresh.start(), body, 1)
    values = fresh.ledger.values()
    assert values[ANSWERS] == {("(other)", "(other)", "(none)"): 1.0}
    assert values["gslb_dns_requests_total"] == {("(other)", "udp", "4", "A"): 1.0}
    fresh.ledger.close()


def test_a_damaged_file_begins_at_0_and_a_full_disk_stops_nothing(node: Node) -> None:
    (node.folder / FILE_NAME).write_bytes(b"damaged")
    fresh = Node(node.folder, node.world)
    assert fresh.ledger.values() == {}
    (node.folder / FILE_NAME).unlink()
    (node.folder / FILE_NAME).mkdir()
    answer(fresh.start(), node.body())
    fresh.ledger.died(0)
    assert fresh.answers() == {WWW: 1.0}


def test_sums_agree_whatever_the_label(node: Node) -> None:
    counting, body = node.start(), node.body()
    answer(counting, body, 5)
    counting.begin()
    counting.end(b"junk", None, V4)
    values = node.ledger.values()
    total = lambda name: sum(float(one) for one in values[name].values())  # noqa: E731
    assert total("gslb_dns_requests_total") == 6.0
    assert total("gslb_dns_responses_total") + total("gslb_dns_dropped_total") == 6.0
    assert total(ANSWERS) == total("gslb_decisions_total") == 5.0
    assert values["gslb_dns_client_source_total"][(Client.RESOLVER.name.lower(),)] == 5.0


def test_blocks_that_cannot_be_had_leave_no_descriptor_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that wants them is tried again and again; memory may be short for long."""
    ledger = Ledger(tmp_path)
    mapped: list[int] = []
    real = mmap.mmap

    def map_one(descriptor: int, *args: int, **kinds: int) -> mmap.mmap:
        mapped.append(descriptor)
        if len(mapped) == 2:
            raise OSError(12, "Cannot allocate memory")
        return real(descriptor, *args, **kinds)

    monkeypatch.setattr("gslb.node.blocks.mmap.mmap", map_one)
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(GslbError, match="Cannot allocate memory"):
        ledger.open(0, 1)
    assert set(Path("/proc/self/fd").iterdir()) == before
    monkeypatch.undo()
    ledger.close()
