"""The kernel knows which addresses are this machine's."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from healthcheck.own import is_own


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("203.0.113.9", False), ("2001:db8::1", False), ("224.0.0.1", False)],
)
def test_an_address_is_ours_or_not(address: str, own: bool) -> None:
    """Without one packet being sent; where there is no route, it is not ours."""
    assert is_own(ip_address(address)) is own
