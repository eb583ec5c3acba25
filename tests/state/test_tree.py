"""Masks and drains bubble up: what is true of all parts is true of the whole."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gslb.state.board import Overlay, Standing
from gslb.state.inventory import take_inventory
from gslb.state.protection import Waiting
from gslb.state.tree import Node, tree
from healthcheck.model import Status
from tests.state.things import CHECK, DOWN, inventory, key
from tests.steering import lab

US, EU, ASIA = lab.SITES[:3]
OUT = Standing(Status.DOWN, Status.DOWN)
IN = Standing(Status.UP, Status.UP)


def look(found, overlay: Overlay) -> dict[str, Node]:
    nodes: dict[str, Node] = {}

    def walk(node: Node) -> None:
        nodes.setdefault(node.path, node)
        for child in node.children:
            walk(child)

    for cloud in tree(found, overlay, lab.NOW):
        walk(cloud)
    return nodes


def test_the_tree_has_every_location_once() -> None:
    nodes = look(inventory({US: 2, ASIA: 1}), Overlay())
    assert list(nodes) == ["aws", US, f"{US}/z0", f"{US}/z1", "gcp", ASIA, f"{ASIA}/z0"]
    assert nodes["aws"].capacity == 1.0
    assert nodes["aws"].unknown == 2
    assert not nodes["aws"].masked
    json.dumps(nodes["aws"].to_json())


def test_a_site_with_nothing_healthy_is_masked_and_so_is_a_cloud() -> None:
    found = inventory({US: 2, EU: 1})
    one = look(found, Overlay({key(f"{US}/z{n}"): OUT for n in (0, 1)}))
    assert [path for path, node in one.items() if node.masked] == [US, f"{US}/z0", f"{US}/z1"]
    assert one["aws"].capacity == 1 / 3
    both = look(found, Overlay({key(one): OUT for one in found.places}))
    assert both["aws"].masked


def test_a_part_that_is_down_and_a_part_that_is_drained_leave_a_mask_and_no_drain() -> None:
    found = inventory({US: 2})
    overlay = Overlay({key(f"{US}/z0"): OUT}, {f"{US}/z1": lab.DRAIN})
    assert look(found, overlay)[US].masked
    assert not look(found, overlay)[US].is_drained


def test_a_drain_of_everything_is_no_mask() -> None:
    found = inventory({US: 2}, drained=[f"{US}/z0", f"{US}/z1"])
    node = look(found, Overlay({key(f"{US}/z0"): OUT}))[US]
    assert node.is_drained
    assert not node.masked
    assert node.file == lab.DRAIN
    lifted = look(found, Overlay(lifted=frozenset({f"{US}/z0"})))[US]
    assert (lifted.usable, lifted.file) == (1, None)


def test_a_drain_in_a_file_ends_with_its_time() -> None:
    drain = lab.replace(lab.DRAIN, until=lab.NOW + timedelta(hours=1))
    where = lab.sites(lab.site(US, [[lab.endpoint(f"{US}/a", drained=drain)]]))
    found = take_inventory(lab.plan(lab.zone_plan([lab.policy(lab.rule(US))], where)))
    assert tree(found, Overlay(), lab.NOW)[0].is_drained
    assert not tree(found, Overlay(), lab.NOW + timedelta(hours=1))[0].is_drained


def test_ramps_and_weights_count_in_the_capacity() -> None:
    where = lab.sites(lab.site(US, [[lab.endpoint(f"{US}/a", 3)], [lab.endpoint(f"{US}/b", 1)]]))
    found = take_inventory(lab.plan(lab.zone_plan([lab.policy(lab.rule(US))], where)))
    overlay = Overlay({(f"{US}/a", CHECK): Standing(Status.UP, Status.UP, 0.5)})
    assert look(found, overlay)[US].capacity == (3 * 0.5 + 1) / 4


def test_a_removal_that_waits_is_counted() -> None:
    overlay = Overlay(waiting={key(f"{US}/z0"): Waiting(DOWN, 0.0, "why", 1.0)})
    assert look(inventory({US: 2}), overlay)["aws"].waiting == 1


def test_several_endpoints_of_a_zone_stand_below_it() -> None:
    where = lab.sites(lab.site(US, [[lab.endpoint(f"{US}/a"), lab.endpoint(f"{US}/a/2")]]))
    found = take_inventory(lab.plan(lab.zone_plan([lab.policy(lab.rule(US))], where)))
    zone = look(found, Overlay())[f"{US}/a"]
    assert zone.endpoints == 2
    assert [(child.path, child.endpoints) for child in zone.children] == [
        (f"{US}/a", 1),
        (f"{US}/a/2", 1),
    ]


@given(st.data())
def test_every_number_of_a_node_is_the_sum_of_its_children(data: st.DataObject) -> None:
    found = inventory({US: 3, EU: 2, ASIA: 2})
    standings = {key(one): data.draw(st.sampled_from((OUT, IN))) for one in found.places}
    drained = data.draw(st.sets(st.sampled_from(sorted(found.places))))
    nodes = look(found, Overlay(standings, dict.fromkeys(drained, lab.DRAIN)))
    for node in nodes.values():
        assert node.up + node.down + node.unknown == node.endpoints
        assert 0.0 <= node.capacity <= 1.0
        assert (node.capacity == 0.0) is (node.usable == 0)
        if node.children:
            assert node.drained == sum(child.drained for child in node.children)
            assert node.usable == sum(child.usable for child in node.children)
            every = all(child.masked or child.is_drained for child in node.children)
            assert (node.masked or node.is_drained) is every
