"""Much fails at once, or again and again: capacity stays in the answers, and comes back slowly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.system.nodes import Node, free_port, until
from tests.system.standins import stand_ins
from tests.system.worlds import ALL, EAST, EUROPE, WEST, World

pytestmark = pytest.mark.system

REFERENCES = ["127.84.1.1", "127.84.2.1", "127.84.3.1"]
FLAP_SECONDS = 1.0  # as long as between two checks
NAMESAKES = """\
version: 1
dns:
  zone: {zone}
  nameservers: {{ns1.{zone}: [192.0.2.53], ns2.{zone}: [198.51.100.53]}}
defaults:
  ttl: 5
  check: {{type: http, port: {port}, path: /, every: 1s, timeout: 500ms, down_after: 2, up_after: 1}}
sites:
  aws/us-east-1: {{zones: {{a: {{A: {one}}}, b: {{A: {other}}}}}}}
records:
  www.{zone}: {{rules: [{{to: aws/us-east-1}}]}}
"""


@pytest.mark.slow
def test_halves_that_alternate_with_every_check_leave_half_of_the_capacity(
    world: World, long: bool
) -> None:
    """No answer has less than half of the zones, though one outcome is enough to tip a status."""
    world.write_policy(slow="off", runs=1)
    with world.node.policy.open("a") as policy:
        policy.write("  europe.example.com: {rules: [{to: gcp/europe-west3}]}\n")
    world.start()
    halves = EUROPE[:3], EUROPE[3:]
    over = time.monotonic() + (60.0 if long else 15.0)
    flaps = 0
    while time.monotonic() < over:
        down, up = halves[flaps % 2], halves[1 - flaps % 2]
        world.restore(*up)
        world.kill(*down)
        flaps += 1
        next_flap = time.monotonic() + FLAP_SECONDS
        while time.monotonic() < next_flap:
            answered = world.node.addresses_of("europe.example.com")
            assert len(answered) >= len(EUROPE) / 2, answered
            time.sleep(0.02)  # between two looks
    moves = [e for e in world.node.events("endpoint moved") if e["v4"] == "down"]
    assert moves, "nothing was seen down"
    world.restore()
    until(
        lambda: world.node.addresses_of("europe.example.com") == EUROPE, "all are back again", 40.0
    )


def test_a_cloud_that_dies_is_left_and_comes_back_slowly(world: World) -> None:
    """Both of its sites: the other cloud has all of the traffic; after the return a little moves."""
    world.write_policy(slow="10m")
    world.start()
    assert _share(world) > 0.3
    world.kill(*EAST, *WEST)
    until(lambda: _share(world) == 0.0, "nobody is sent to the cloud")
    world.restore()
    until(lambda: world.health()["endpoints"]["up"] == ALL, "all are seen up")
    until(lambda: _share(world) > 0.0, "the cloud is answered again")
    assert _share(world, 200) < 0.3  # a tenth of its half at first, and half without


def test_while_references_fail_nobody_is_taken_out(world: World) -> None:
    """Two of three that surely work do not answer: it is our own network that is bad, for now."""
    port = free_port(*REFERENCES)
    listed = ", ".join(f"{address}:{port}" for address in REFERENCES)
    world.config.write_text(f"probes: {{allow: 127.0.0.0/8, references: [{listed}]}}\n")
    with stand_ins(REFERENCES, port) as references:
        world.start()
        for address in REFERENCES[:2]:
            references[address].kill()
        until(lambda: world.health()["checker"]["doubt"] == "references", "it doubts itself")
        assert world.node.events("checker doubts itself")
        before = len(world.node.events("endpoint moved"))
        world.kill(EAST[0], *WEST)
        done = world.health()["checker"]["completed"]

        def nobody_leaves() -> bool:
            assert world.node.addresses_of() == EAST
            return bool(world.health()["checker"]["completed"] > done + ALL * 5)

        until(nobody_leaves, "every endpoint was tried some times")
        assert len(world.node.events("endpoint moved")) == before
        references[REFERENCES[0]].restore()  # one that fails is no reason to doubt
        world.answers_become(EAST[1:])


def _share(world: World, asked: int = 60) -> float:
    """Return the share of the first cloud in the answers of both.example.com."""
    found = [world.node.addresses_of("both.example.com") for _ in range(asked)]
    return sum(address in EAST for (address,) in found) / asked


def test_one_id_in_two_zones_is_seen_at_the_address_of_each(tmp_path: Path) -> None:
    """The death of one zone's endpoint changes nothing in the other zone."""
    port = free_port(*EAST, *WEST)
    node = Node(tmp_path / "node")
    node.policy.unlink()
    node.policy.mkdir()
    for zone, (one, other) in {"example.com": EAST[:2], "example.net": WEST}.items():
        text = NAMESAKES.format(zone=zone, port=port, one=one, other=other)
        (node.policy / f"{zone}.yaml").write_text(text)
    config = node.folder / "gslb.yaml"
    config.write_text("probes: {allow: 127.0.0.0/8}\n")
    with stand_ins([*EAST, *WEST], port) as ends:
        try:
            node.start("--config", str(config))
            until(lambda: node.status()["health"]["ready"], "every endpoint was tried")
            assert node.status()["health"]["checks"] == 4
            for zone, dead, left in (("net", WEST[0], WEST[1]), ("com", EAST[1], EAST[0])):
                ends[dead].kill()
                until(lambda z=zone, a=left: set(_many(node, z)) == {a}, f"{dead} is out")  # type: ignore[misc]
                if zone == "net":
                    assert set(_many(node, "com")) == set(EAST[:2])
        finally:
            node.stop()


def _many(node: Node, zone: str) -> list[str]:
    return [one for _ in range(20) for one in node.addresses_of(f"www.example.{zone}")]
