"""Address ranges: gaps, overlaps, merging."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo.ranges import Layer, RangeCollector, merge_equal, resample

TOP4 = (1 << 32) - 1
# A small world of addresses, so that ranges meet, nest and cross; its ends are the real ends.
small = st.one_of(st.integers(0, 40), st.integers(TOP4 - 20, TOP4))
ranges = st.lists(st.tuples(small, small, st.sampled_from("abc")), max_size=14)


def collect(rows: list[tuple[int, int, str]]) -> Layer[str]:
    collector = RangeCollector("")
    for first, last, value in rows:
        collector.add4(min(first, last), max(first, last), value)
    return collector.layer()


def value4(layer: Layer[str], address: int) -> str:
    at = resample(layer.starts4, layer.values4, np.array([address], np.uint32))
    return layer.values[int(at[0])]


def value6(layer: Layer[str], address: int) -> str:
    at = resample(layer.starts6, layer.values6, np.array([address >> 64], np.uint64))
    return layer.values[int(at[0])]


@given(ranges)
def test_each_address_has_the_value_of_the_most_specific_range(
    rows: list[tuple[int, int, str]],
) -> None:
    """The later start wins, then the shorter range, then the one given last."""
    layer = collect(rows)
    for address in [*range(42), *range(TOP4 - 21, TOP4 + 1)]:
        holding = [
            (min(a, b), -max(a, b), number, value)
            for number, (a, b, value) in enumerate(rows)
            if min(a, b) <= address <= max(a, b)
        ]
        assert value4(layer, address) == (max(holding)[3] if holding else "")


@given(ranges)
def test_ranges_begin_at_0_ascend_and_differ_from_their_neighbours(
    rows: list[tuple[int, int, str]],
) -> None:
    layer = collect(rows)
    for starts, values in ((layer.starts4, layer.values4), (layer.starts6, layer.values6)):
        assert starts[0] == 0
        assert np.all(starts[1:] > starts[:-1])
        assert np.all(values[1:] != values[:-1])


def test_nothing_collected_covers_everything_with_nothing() -> None:
    layer = collect([])
    assert (layer.starts4.tolist(), layer.values4.tolist(), layer.values) == ([0], [0], ("",))


def test_ipv6_is_floored_to_64_bits_and_the_last_range_inside_has_it() -> None:
    collector = RangeCollector("")
    network = 0x2001_0DB8_0000_0001 << 64
    collector.add6(network - (1 << 64), network + 5, "before")
    collector.add6(network + 6, network + (3 << 64) - 1, "after")
    layer = collector.layer()
    assert value6(layer, network - 1) == "before"
    assert value6(layer, network) == "after"
    assert value6(layer, network + (2 << 64)) == "after"
    assert value6(layer, network + (3 << 64)) == ""


def test_the_whole_of_ipv6_can_be_one_range() -> None:
    collector = RangeCollector("")
    collector.add6(0, (1 << 128) - 1, "all")
    layer = collector.layer()
    assert (layer.starts6.tolist(), value6(layer, (1 << 128) - 1)) == ([0], "all")


def test_length_counts_what_was_added() -> None:
    collector = RangeCollector("")
    collector.add4(0, 1, "a")
    collector.add6(0, 1, "a")
    assert len(collector) == 2


def test_merging_keeps_the_first_of_equal_neighbours() -> None:
    assert merge_equal(np.array([1, 1, 2, 2, 1])).tolist() == [True, False, True, False, True]
