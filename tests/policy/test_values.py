"""Single values: what may be written, what it means, and what is said of anything else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.policy import values

READERS: list[Callable[[Any], Any]] = [
    values.ipv4, values.ipv6, values.address, values.seconds, values.milliseconds,
    values.share, values.code_ranges, values.quorum,
]  # fmt: skip
ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
    | st.lists(st.integers() | st.text(max_size=5), max_size=3)
    | st.from_regex(r"\A[0-9.]{1,12}(ms|s|m|h|d|%)?\Z")
)  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [(5, 5.0), (0.5, 0.5), ("5", 5.0), ("5s", 5.0), ("500ms", 0.5), ("1m", 60.0), ("1.5h", 5400.0),
     ("2d", 172_800.0), ("0.001s", 0.001), ("30d", values.MAX_DURATION)],
)  # fmt: skip
def test_durations_are_seconds_or_have_a_unit(written: object, meant: float) -> None:
    assert values.seconds(written) == meant


@pytest.mark.parametrize(
    "written",
    [0, 0.0, "0s", "31d", "999999999d", -1, "-1s", "", "s", "5 s", "5S", "1m30s", "010", "1e3", "1_0",
     "٥s", "5s\n", True, None, math.inf, math.nan, [5], {}, "9" * 400 + "d", 10**400],
)  # fmt: skip
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        values.seconds(written)


@pytest.mark.parametrize(("written", "meant"), [("15ms", 15.0), ("0ms", 0.0), ("1s", 1000.0)])
def test_ties_are_milliseconds(written: str, meant: float) -> None:
    assert values.milliseconds(written) == meant


@pytest.mark.parametrize("written", [15, "15", "", None, True, "61s", "2m", "-1ms"])
def test_a_tie_without_its_unit_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"15ms|60s"):
        values.milliseconds(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("5m", 300), ("30s", 30), ("1d", 86_400), (7, 7), ("010", "010"), ("30", "30"), ("1.5s", "1.5s"),
     ("500ms", "500ms"), ("x", "x"), (None, None), (1.5, 1.5)],
)  # fmt: skip
def test_ttls_with_a_unit_are_whole_seconds_and_the_rest_is_left(
    written: object, meant: object
) -> None:
    assert values.ttl(written) == meant
    assert type(values.ttl(written)) is type(meant)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("50%", 0.5), ("0%", 0.0), ("100%", 1.0), ("33.3 %", 0.333), (0.25, 0.25), (0, 0.0), (1, 1.0)],
)
def test_shares_are_percentages_or_parts_of_one(written: object, meant: float) -> None:
    assert values.share(written) == pytest.approx(meant)


@pytest.mark.parametrize(
    "written", ["101%", 1.01, 50, -0.1, "-5%", "0.5", "50", "%", True, None, [0.5], math.nan]
)
def test_what_is_no_share_is_refused_as_it_was_written(written: object) -> None:
    with pytest.raises(ValueError, match=r"is not a share such as 50% or 0\.5"):
        values.share(written)


def test_a_percentage_that_is_too_much_is_quoted_as_a_percentage() -> None:
    with pytest.raises(ValueError, match='"150%" is not a share'):
        values.share("150%")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (200, ((200, 200),)),
        ("200-299", ((200, 299),)),
        ("200-299,301", ((200, 299), (301, 301))),
        ([200, "300-302"], ((200, 200), (300, 302))),
        ("200 - 299 , 404", ((200, 299), (404, 404))),
    ],
)
def test_status_codes(written: object, meant: object) -> None:
    assert values.code_ranges(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        None,
        [],
        "",
        "2xx",
        "299-200",
        99,
        600,
        1000,
        "200-",
        True,
        [True],
        {},
        "200," * 40,
        "200-299-300",
    ],
)
def test_what_is_no_status_code_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="status code"):
        values.code_ranges(written)


@pytest.mark.parametrize("written", ["0/3", "4/3", "2", "2/", "/3", "2 of 3", 0.66, None, "1/1000"])
def test_what_is_no_quorum_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is not a quorum such as 2/3"):
        values.quorum(written)


def test_a_quorum_is_so_many_of_so_many() -> None:
    assert values.quorum("2/3") == (2, 3)


@pytest.mark.parametrize(
    "written",
    ["198.51.100.300", "192.0.2", "192.0.2.01", "2001:db8::1", " 192.0.2.1", "localhost", "", 3221225985,
     None, True, "192.0.2.1/32", b"abcd"],
)  # fmt: skip
def test_what_is_no_ipv4_address_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is not an IPv4 address"):
        values.ipv4(written)


@pytest.mark.parametrize(
    "written", ["192.0.2.1", "fe80::1%eth0", ":::", "2001:db8::g", "", 1, None]
)
def test_what_is_no_ipv6_address_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is not an IPv6 address"):
        values.ipv6(written)


def test_addresses_of_either_family() -> None:
    assert str(values.address("192.0.2.1")) == "192.0.2.1"
    assert str(values.address("2001:DB8::1")) == "2001:db8::1"
    for written in ("x", "192.0.2.256", 1, None):
        with pytest.raises(ValueError, match="IPv4 or IPv6 address"):
            values.address(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [(64500, "64500"), ("AS64500", "64500"), ("as1", "1"), ("x", "x"), (True, True)],
)
def test_as_numbers_may_have_their_letters(written: object, meant: object) -> None:
    assert values.as_text(written) == meant


def test_one_value_stands_for_a_list_of_one() -> None:
    assert values.as_list("a") == ["a"]
    assert values.as_list(["a"]) == ["a"]
    assert values.as_list({"a": 1}) == [{"a": 1}]
    assert values.as_list(None) is None


@given(st.sampled_from(READERS), ANYTHING)
def test_readers_return_a_value_or_say_why_not(read: Callable[[Any], Any], written: Any) -> None:
    try:
        found = read(written)
    except ValueError as error:
        found, why = None, str(error)
    else:
        why = ""
    assert (found is None) is bool(why)
    assert why.isprintable()
    assert len(why) < 160
    if isinstance(found, float):
        assert 0 <= found <= values.MAX_DURATION


@pytest.mark.parametrize(
    ("written", "meant"), [("50%", 0.5), (0.5, 0.5), ("200%", 2.0), ("9900 %", 99.0)]
)
def test_headroom_may_be_more_than_the_usual_load(written: object, meant: float) -> None:
    assert values.headroom(written) == pytest.approx(meant)


@pytest.mark.parametrize("written", [50, 1.5, "-1%", "99999999%", True, "much"])
def test_headroom_above_one_needs_its_sign_and_an_end(written: object) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        values.headroom(written)
