"""The text of an address and port: what is read, and what is said of what cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.listen import Listen, parse_listen


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 53),
        ("192.0.2.1:5300", "192.0.2.1", 5300),
        ("[2001:db8::1]", "2001:db8::1", 53),
        ("[2001:DB8:0::1]:5300", "2001:db8::1", 5300),
        ("[::]:53", "::", 53),
    ],
)
def test_an_address_may_stand_with_or_without_port(text: str, address: str, port: int) -> None:
    """The port of DNS is taken where none is given, and IPv6 gets its shortest form."""
    assert parse_listen(text) == Listen(address=address, port=port)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2001:db8::1", r"in brackets: \[2001:db8::1\]:53"),
        ("localhost:53", "not an IP address"),
        ("192.0.2.1:0", "not a port"),
        ("192.0.2.1:65536", "not a port"),
        ("192.0.2.1:99999999999999999999", "not a port"),
        ("192.0.2.1:²", "not a port"),
        ("192.0.2.1:", "not a port"),
        ("[2001:db8::1", "such as"),
        ("[2001:db8::1]53", "such as"),
        ("", "not an IP address"),
        ("5355", r"no address; write 0.0.0.0:5355 .* \[::\]:5355"),
        (":5355", r"no address; write 0.0.0.0:5355 .* \[::\]:5355"),
        ("::1", r"in brackets: \[::1\]:53$"),
        ("::1:5399", r"in brackets: \[::1\]:5399, or \[::1:5399\]:53$"),
        ("2001:db8:0:0:0:0:0:1:53", r"in brackets: \[2001:db8:0:0:0:0:0:1\]:53$"),
    ],
)
def test_what_is_no_address_is_said_to_be_none(text: str, says: str) -> None:
    """The message names what was read and shows what would do."""
    with pytest.raises(ValueError, match=says):
        parse_listen(text)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_the_text_of_an_address_means_that_address(address: object, port: int) -> None:
    """What `Listen` prints, `parse_listen` reads."""
    listen = Listen(address=str(address), port=port)
    assert parse_listen(str(listen)) == listen


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but ValueError."""
    try:
        parse_listen(text)
    except ValueError:
        return
