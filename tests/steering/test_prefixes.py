"""The algebra of ranges agrees with plain sets of addresses."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address, ip_network

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.steering.prefixes import (
    as_number,
    look_up,
    merge,
    parse_prefix,
    prefix_set,
    refine,
    span,
    within,
)

# /24 to /32 inside one /24, so that prefixes nest, touch and overlap
networks = st.builds(
    lambda host, length: IPv4Network(
        (0xC0000200 | (host >> (32 - length) << (32 - length)), length)
    ),
    st.integers(0, 255),
    st.integers(24, 32),
)
hosts = np.arange(0xC0000200 - 2, 0xC0000300 + 2, dtype=np.uint64)


@given(st.lists(networks, max_size=8))
def test_a_set_holds_the_addresses_of_its_prefixes_and_no_others(some: list[IPv4Network]) -> None:
    held = prefix_set(some, 4).holds(hosts)
    assert held.tolist() == [any(ip_address(int(h)) in n for n in some) for h in hosts]


@given(st.lists(networks, max_size=8))
def test_membership_changes_exactly_at_the_bounds(some: list[IPv4Network]) -> None:
    made = prefix_set(some, 4)
    held = made.holds(hosts)
    changes = hosts[1:][held[1:] != held[:-1]]
    assert made.bounds(4).tolist() == changes.tolist()


def test_prefixes_with_one_address_between_them_do_not_hold_it() -> None:
    apart = prefix_set([ip_network("192.0.2.0/32"), ip_network("192.0.2.2/32")], 4)
    assert apart.holds(np.arange(0xC0000200, 0xC0000203, dtype=np.uint64)).tolist() == [
        True, False, True,
    ]  # fmt: skip


def test_a_set_of_everything_has_no_end_that_overflows() -> None:
    for text, family, top in (("0.0.0.0/0", 4, 2**32 - 1), ("::/0", 6, 2**64 - 1)):
        made = prefix_set([ip_network(text)], family)
        assert made.bounds(family).tolist() == [0]
        assert made.holds(np.array([0, top], np.uint64)).all()


@given(st.lists(networks, max_size=6), st.lists(st.integers(0, 255), max_size=6))
def test_refining_and_merging_change_no_value(some: list[IPv4Network], at: list[int]) -> None:
    starts = np.array(sorted({0, *(0xC0000200 | one for one in at)}), np.uint64)
    values = np.arange(len(starts)) % 3
    fine, kept = refine(starts, values, prefix_set(some, 4).bounds(4))
    coarse, left = merge(fine, kept)
    assert (np.diff(fine.astype(np.int64)) > 0).all()
    assert (left[1:] != left[:-1]).all()
    for host in hosts.tolist():
        wanted = look_up(starts, values, host)
        assert look_up(fine, kept, host) == look_up(coarse, left, host) == wanted


@given(st.lists(networks, max_size=6), st.lists(networks, max_size=6))
def test_ranges_within_sets_are_those_whose_start_is_held(
    some: list[IPv4Network], more: list[IPv4Network]
) -> None:
    sets = [prefix_set(some, 4), prefix_set(more, 4)]
    bounds = np.unique(np.concatenate([one.bounds(4) for one in sets]))
    starts, _ = refine(np.zeros(1, np.uint64), np.zeros(1), bounds)
    held = sets[0].holds(starts) | sets[1].holds(starts)
    assert within(starts, sets).tolist() == np.flatnonzero(held).tolist()


def test_ipv6_addresses_are_their_upper_half() -> None:
    assert as_number(ip_address("2001:db8::1")) == 0x20010DB8 << 32
    assert span(ip_network("2001:db8::8/125")) == (0x20010DB8 << 32, 0x20010DB8 << 32)
    assert span(ip_network("2001:db8::/63")) == (0x20010DB8 << 32, (0x20010DB8 << 32) + 1)


def test_a_bare_address_is_a_prefix_and_bits_behind_the_length_are_refused() -> None:
    assert str(parse_prefix(" 192.0.2.1 ")) == "192.0.2.1/32"
    with pytest.raises(ValueError, match="host bits"):
        parse_prefix("192.0.2.1/24")
