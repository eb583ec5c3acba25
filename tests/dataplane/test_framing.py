"""DNS over TCP: messages out of a stream, in any fragmentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.dataplane.framing import Framer, frame

messages = st.lists(st.binary(max_size=300), max_size=8)


@given(messages, st.lists(st.integers(1, 50), max_size=60))
def test_any_fragmentation_gives_the_same_messages(sent: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(frame, sent))
    framer, got, at = Framer(), [], 0
    for cut in [*cuts, len(stream)]:
        got += framer.feed(stream[at : at + cut])
        at += cut
    assert got == sent
    assert not framer.is_within_message


@given(messages)
def test_one_octet_at_a_time(sent: list[bytes]) -> None:
    framer = Framer()
    got = [m for octet in b"".join(map(frame, sent)) for m in framer.feed(bytes((octet,)))]
    assert got == sent


def test_the_longest_message() -> None:
    longest = b"x" * 65_535
    assert Framer().feed(frame(longest)) == [longest]
    with pytest.raises(OverflowError):
        frame(longest + b"x")


def test_it_knows_when_a_message_has_begun() -> None:
    framer = Framer()
    assert framer.feed(b"\0") == []
    assert framer.is_within_message
    assert framer.feed(b"\2a") == []
    assert framer.feed(b"b\0\1c") == [b"ab", b"c"]
    assert not framer.is_within_message


def test_it_holds_less_than_one_message() -> None:
    """However much a client sends, no more is kept than the message that is not complete."""
    framer = Framer()
    framer.feed((b"\0\1x" * 50_000) + b"\xff\xff" + b"y" * 100)
    assert len(framer._pending) == 102
