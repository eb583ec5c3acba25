"""Whose AS numbers are whose."""

from itertools import combinations

import pytest

from gslb.geo.carriers import load_carriers
from gslb.geo.load import embedded_table


@pytest.mark.parametrize(
    ("carrier", "asns"),
    [
        ("cn-telecom", {4134, 4812, 4809, 134763}),
        ("cn-unicom", {4837, 4808, 9929}),
        ("cn-mobile", {9808, 9394, 24400, 56041}),
        ("cn-edu", {4538, 24360}),
        ("cn-cable", {7641, 17429}),
        ("cn-cstnet", {7497}),
    ],
)
def test_backbones_belong_to_their_carriers(carrier: str, asns: set[int]) -> None:
    assert asns <= load_carriers()[carrier]


def test_no_as_belongs_to_two_carriers() -> None:
    for (one, ours), (other, theirs) in combinations(load_carriers().items(), 2):
        assert not ours & theirs, (one, other)


def test_baidu_is_no_carrier_although_its_name_has_netcom() -> None:
    assert not {38365, 55967} & load_carriers()["cn-unicom"]


@pytest.mark.parametrize("carrier", sorted(load_carriers()))
def test_each_carrier_announces_addresses_of_the_embedded_table(carrier: str) -> None:
    known = set(embedded_table().pair_asn.tolist())
    ours = load_carriers()[carrier]
    assert len(ours & known) >= 0.8 * len(ours)
