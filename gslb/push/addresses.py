"""Which addresses a provider's checkers cannot reach, and why."""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

# Route 53 refuses "private, non-routable and multicast" addresses in checks (HealthCheckConfig,
# IPAddress); Google's external endpoints have to be public too.
_REFUSED = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    "behind carriers' NAT": ("100.64.0.0/10",),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
    "not unicast": ("0.0.0.0/8", "224.0.0.0/3", "::/128", "ff00::/8"),
}
# These are taken by the providers, and nobody answers there. They are rendered like public ones,
# for which they stand in examples.
_SILENT = {
    "for documentation": (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
        "3fff::/20",
    ),
    "for benchmarks": ("198.18.0.0/15",),
}
_Kinds = tuple[tuple[str, IPv4Network | IPv6Network], ...]


def _kinds(words: dict[str, tuple[str, ...]]) -> _Kinds:
    return tuple((word, ip_network(text)) for word, texts in words.items() for text in texts)


_UNREACHABLE = _kinds(_REFUSED)
_UNANSWERED = (*_UNREACHABLE, *_kinds(_SILENT))


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that *text* is, or None for a host name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def reachable(text: str) -> bool:
    """Return whether checkers on the internet may probe *text*; host names may be."""
    return not _kind_of(text, _UNREACHABLE)


def silent(text: str) -> str:
    """Return why no checker on the internet ever gets an answer from *text*; empty: one may.

    >>> silent("10.0.0.1"), silent("192.0.2.1"), silent("lb.example.com.")
    ('private', 'for documentation', '')
    """
    return _kind_of(text, _UNANSWERED)


def _kind_of(text: str, kinds: _Kinds) -> str:
    address = address_of(text)
    return next(
        (w for w, n in kinds if address and n.version == address.version and address in n), ""
    )
