"""Which addresses a provider's checkers cannot reach."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Route 53 refuses "private, non-routable and multicast" addresses in checks (HealthCheckConfig,
# IPAddress); Google's external endpoints have to be public too. Documentation prefixes are left
# in: they stand for public ones.
_UNREACHABLE = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
        "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that *text* is, or None for a host name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def reachable(text: str) -> bool:
    """Return whether checkers on the internet may reach *text*; host names may be."""
    address = address_of(text)
    return address is None or not any(
        address.version == network.version and address in network for network in _UNREACHABLE
    )
