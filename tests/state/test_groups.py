"""A group is dead when everybody sees all of it down, and something is left outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gslb.state.groups import dead_group, is_within
from tests.state.things import DOWN, UP, inventory, key, keys
from tests.steering import lab

US, EU, ASIA = lab.SITES[:3]  # aws, aws, gcp
ALL = inventory({US: 3, EU: 2, ASIA: 2})


def find(down: list[str], drained: tuple[str, ...] = (), **other: object) -> str | None:
    said = {one: DOWN if any(one[0].startswith(d) for d in down) else UP for one in keys(ALL)}
    said.update({key(name): verdict for name, verdict in other.items()})
    removals = [one for one, verdict in said.items() if verdict.is_down]
    return dead_group(ALL, removals, said, drained)


@pytest.mark.parametrize(
    ("down", "group"),
    [
        ([US], US),
        (["aws"], "aws"),
        ([ASIA], "gcp"),
        ([f"{US}/z0"], None),
        ([f"{US}/z0", f"{US}/z1"], None),
        (["aws", "gcp"], None),  # everything: that is us
        ([], None),
    ],
)
def test_the_widest_dead_group(down: list[str], group: str | None) -> None:
    assert find(down) == group


def test_one_endpoint_that_is_not_down_elsewhere_is_enough() -> None:
    assert find(["aws", f"{ASIA}/z0"]) == "aws"


def test_one_checker_that_sees_it_differently_spoils_the_group() -> None:
    doubted = {f"{US}/z1": replace(DOWN, unanimous=False)}
    assert find([US], **doubted) is None


def test_a_family_that_is_up_spoils_the_group() -> None:
    assert find([US], **{f"{US}/z1": replace(DOWN, v6=UP.v6)}) is None


def test_what_operators_drained_does_not_count() -> None:
    assert find([f"{US}/z0", f"{US}/z1"], drained=(f"{US}/z2",)) == US
    assert find([f"{US}/z0"], drained=(f"{US}/z1", f"{US}/z2")) is None  # one is no group


def test_within_goes_by_parts() -> None:
    assert is_within("aws/us-east-1/a", "aws/us-east-1")
    assert is_within("aws", "aws")
    assert not is_within("aws2/x", "aws")
    assert not is_within("", "aws")
