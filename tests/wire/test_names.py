"""Names: text and wire form, with the dnspython reading as a second opinion."""

from __future__ import annotations

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire import names

label = st.binary(min_size=1, max_size=63)
labels = st.lists(label, max_size=6).filter(lambda found: sum(map(len, found)) + len(found) < 255)


@given(labels)
def test_text_and_wire_are_each_others_inverse(found: list[bytes]) -> None:
    wire = names.join(found)
    assert names.to_wire(names.to_text(wire)) == wire
    assert names.labels(wire) == found
    assert names.label_count(wire) == len(found)


@given(labels)
def test_text_means_the_same_to_dnspython(found: list[bytes]) -> None:
    wire = names.join(found)
    assert dns.name.from_text(names.to_text(wire)).to_wire() == wire


@given(labels)
def test_lower_case_touches_letters_and_never_a_length(found: list[bytes]) -> None:
    assert names.lower(names.join(found)) == names.join([part.lower() for part in found])


def test_a_length_octet_is_never_a_letter() -> None:
    """63 is the greatest length; A is 65: so lowering whole names is safe."""
    assert names.lower(bytes(range(64))) == bytes(range(64))


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (".", b"\0"),
        ("example.com", b"\7example\3com\0"),
        ("example.com.", b"\7example\3com\0"),
        (r"a\.b.c.", b"\3a.b\1c\0"),
        (r"\000\255\065.", b"\3\0\xffA\0"),
        (r"\\.", b"\1\\\0"),
        ("*.Example.", b"\1*\7Example\0"),
    ],
)
def test_to_wire(text: str, wire: bytes) -> None:
    assert names.to_wire(text) == wire


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("a..b", "empty label"),
        (".a", "empty label"),
        ("..", "empty label"),
        ("a" * 64, "64 octets"),
        (".".join(["a" * 63] * 4), "257 octets"),
        ("b\u00fccher.example", "xn--"),
        ("a\\", "backslash"),
        (r"\25", "three digits"),
        (r"\256", "255"),
        (r"\1x2", "three digits"),
        ("\\\u00fc", "backslash"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(names.NameSyntaxError, match=why):
        names.to_wire(text)


def test_the_longest_name_is_255_octets() -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    assert len(names.to_wire(longest)) == 255
    with pytest.raises(names.NameSyntaxError, match="256 octets"):
        names.to_wire(longest + "d")


def test_parents_lead_to_the_root() -> None:
    name = names.to_wire("a.b.example")
    assert list(names.suffixes(name)) == [
        name,
        names.to_wire("b.example"),
        names.to_wire("example"),
        b"\0",
    ]
    assert names.parent(name) == names.to_wire("b.example")
    with pytest.raises(ValueError, match="root"):
        names.parent(b"\0")


def test_is_within_goes_by_labels_not_by_letters() -> None:
    zone = names.to_wire("example.com")
    assert names.is_within(zone, zone)
    assert names.is_within(names.to_wire("a.example.com"), zone)
    assert names.is_within(zone, b"\0")
    assert not names.is_within(names.to_wire("badexample.com"), zone)
    assert not names.is_within(names.to_wire("com"), zone)
    tricky = b"\x10ab\7example\3comxx\0"  # one label that has the zone's octets inside
    assert not names.is_within(tricky, zone)


def test_wildcards() -> None:
    assert names.is_wildcard(names.to_wire("*.example"))
    assert not names.is_wildcard(names.to_wire("**.example"))
    assert not names.is_wildcard(names.to_wire("a.*.example"))
