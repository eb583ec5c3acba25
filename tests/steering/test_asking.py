"""Who asks, as a person writes it."""

from __future__ import annotations

import pytest

from gslb.steering.asking import AskingError, read_asking


@pytest.mark.parametrize(
    ("client", "resolver", "address", "by", "ecs", "bits"),
    [
        ("203.0.113.0/24", None, "203.0.113.0", "203.0.113.0", True, 24),
        ("203.0.113.77/24", None, "203.0.113.0", "203.0.113.0", True, 24),
        ("203.0.113.77/32", None, "203.0.113.0", "203.0.113.77", True, 24),
        ("203.0.113.77", None, "203.0.113.77", "203.0.113.77", False, 32),
        ("203.0.113.77", "192.0.2.53", "203.0.113.0", "192.0.2.53", True, 24),
        ("203.0.0.0/16", "2001:db8::53", "203.0.0.0", "2001:db8::53", True, 16),
        ("2001:db8:1:2ff::1", "192.0.2.53", "2001:db8:1:200::", "192.0.2.53", True, 56),
        ("2001:db8::/32", None, "2001:db8::", "2001:db8::", True, 32),
    ],
)
def test_a_prefix_is_a_client_subnet_and_an_address_asks_itself(
    client, resolver, address, by, ecs, bits
):
    asking = read_asking(client, resolver)
    found = (str(asking.client), str(asking.resolver), asking.ecs, asking.bits)
    assert found == (address, by, ecs, bits)
    assert asking.source == f"ECS /{min(bits, asking.cap)}"


@pytest.mark.parametrize("text", ["", "x", "203.0.113", "203.0.113.0/33", "2001:db8::/129"])
def test_anything_else_is_refused(text):
    with pytest.raises(AskingError):
        read_asking(text, None)
    with pytest.raises(AskingError):
        read_asking("192.0.2.1", text)


def test_private_space_is_told_as_the_data_plane_tells_it():
    assert read_asking("10.1.0.0/16", None).private[0] == 8
    assert read_asking("fd00::/48", None).private[0] == 7
    assert read_asking("192.0.2.0/24", None).private[0] == 0
