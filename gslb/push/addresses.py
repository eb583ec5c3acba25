"""Which addresses a provider's checkers cannot reach, and why."""

from __future__ import annotations

from ipaddress import ip_address

from gslb.specialpurpose import EXAMPLES, Address, purpose_of


def address_of(text: str) -> Address | None:
    """Return the address that *text* is, or None for a host name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def reachable(text: str) -> bool:
    """Return whether checkers on the internet may probe *text*; host names may be.

    Route 53 refuses "private, non-routable and multicast" addresses in checks (HealthCheckConfig,
    IPAddress); Google's external endpoints have to be public too. Those of examples they take,
    though nobody answers there: they are rendered like the public ones for which they stand.
    """
    return silent(text) in {"", *EXAMPLES}


def silent(text: str) -> str:
    """Return why no checker on the internet ever gets an answer from *text*; empty: one may.

    >>> silent("10.0.0.1"), silent("192.0.2.1"), silent("lb.example.com.")
    ('private', 'for documentation', '')
    """
    address = address_of(text)
    return purpose_of(address) if address is not None else ""
