"""The first line of a stranger: read, or refused in our words only."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.hello import MAX_HELLO, Hello, hello_line, read_hello
from healthcheck.messages import MessageError

SOUND = {"v": 1, "type": "hello", "name": "cn", "token": "secret"}


@given(st.text(alphabet="abcdé-. ", min_size=1, max_size=64), st.text(max_size=50))
def test_a_hello_comes_back_as_it_was(name: str, token: str) -> None:
    hello = Hello(name, token)
    assert read_hello(hello_line(hello)) == hello
    assert token not in repr(hello) or token in repr(Hello(name, ""))


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"v": True}, {"v": None}, {"type": "orders"}, {"name": ""}, {"name": "a\nb"},
        {"name": "n" * 200}, {"name": 5}, {"token": None}, {"token": 5},
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MessageError) as refused:
        read_hello(json.dumps({**SOUND, **change}).encode() + b"\n")
    assert "secret" not in str(refused.value)


@given(st.binary(max_size=2 * MAX_HELLO))
def test_any_octets_are_refused_and_nothing_worse(octets: bytes) -> None:
    for line in (octets, octets + b"\n", b"[" * 1000 + b"\n"):
        with pytest.raises(MessageError):
            read_hello(line)


def test_what_is_too_long_is_not_said() -> None:
    with pytest.raises(MessageError, match="octets"):
        hello_line(Hello("cn", "x" * MAX_HELLO))
