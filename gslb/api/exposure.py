"""Where an HTTP server of ours may listen: off this machine only with TLS and authentication."""

from __future__ import annotations

import ipaddress

from gslb.errors import GslbError
from gslb.listen import Listen

CERTIFICATE = " (`certificate` and `key` under `api` in gslb.yaml)"  # one for all HTTP of a node


class ExposureError(GslbError):
    """The API would be open to others, or readable by them."""


def loopback(address: str) -> bool:
    """Return whether only this machine can reach *address*."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


def check_exposure(listen: Listen, tls: bool, auth: bool) -> None:
    """Refuse to listen where others could come in, or listen in (failures F22).

    Args:
        listen: the address; any but loopback counts as public, private networks too.
        tls: whether connections are encrypted.
        auth: whether callers have to say who they are.

    Raises:
        ExposureError: with everything that is missing, and what to do.
    """
    if loopback(listen.address):
        return
    missing = [word for word, there in (("TLS", tls), ("authentication", auth)) if not there]
    if missing:
        raise ExposureError(
            f"{listen}: others can reach this address, so HTTP needs {' and '.join(missing)} there;"
            f" set that up{CERTIFICATE if not tls else ''}, or listen on 127.0.0.1 or [::1]"
        )
