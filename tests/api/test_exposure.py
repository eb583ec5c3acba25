"""The API listens where others could reach it only with TLS and authentication."""

from __future__ import annotations

import pytest

from gslb.api.exposure import ExposureError, check_exposure
from gslb.listen import Listen


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_for_this_machine_alone(address: str) -> None:
    check_exposure(Listen(address=address, port=8053), tls=False, auth=False)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "fe80::1", "2001:db8::1"]
)
@pytest.mark.parametrize(
    ("tls", "auth", "missing"),
    [
        (False, False, "TLS and authentication"),
        (False, True, "TLS"),
        (True, False, "authentication"),
    ],
)
def test_any_other_address_needs_both(address: str, tls: bool, auth: bool, missing: str) -> None:
    with pytest.raises(ExposureError, match=f"needs {missing} there"):
        check_exposure(Listen(address=address, port=8053), tls, auth)
    check_exposure(Listen(address=address, port=8053), tls=True, auth=True)
