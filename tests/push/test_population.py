"""Prefixes of granules cover exactly what they are made of."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.push.population import FINEST, cidrs, granules


@given(st.sampled_from((4, 6)), st.data())
def test_a_range_is_covered_once_and_only(family: int, data: st.DataObject) -> None:
    top = 1 << FINEST[family]
    first = data.draw(st.integers(0, top - 1))
    end = data.draw(st.integers(first + 1, top))
    at = first
    for text in cidrs(first, end, family):
        network = ip_network(text)
        assert 1 <= network.prefixlen <= FINEST[family]
        assert granules(network)[:2] == (family, at)
        at = granules(network)[2]
    assert at == end


@pytest.mark.parametrize(
    ("span", "texts"),
    [
        ((0, 1 << 24), ["0.0.0.0/1", "128.0.0.0/1"]),
        ((0xC00002, 0xC00003), ["192.0.2.0/24"]),
        ((1, 4), ["0.0.1.0/24", "0.0.2.0/23"]),
    ],
)
def test_some_ranges(span: tuple[int, int], texts: list[str]) -> None:
    assert list(cidrs(*span, 4)) == texts
