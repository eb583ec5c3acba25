"""What an address is set aside for, by IANA's registries of special-purpose addresses (RFC 6890).

Whom clients on the internet reach; not what a probe may be aimed at (`healthcheck.targets`).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address

LOOPBACK = "loopback"
PRIVATE = "private"
CARRIER = "behind carriers' NAT"
LINK_LOCAL = "link-local"
NOT_UNICAST = "not unicast"
DOCUMENTATION = "for documentation"
BENCHMARKS = "for benchmarks"

INSIDE = frozenset({LOOPBACK, PRIVATE, CARRIER, LINK_LOCAL})  # only reached from inside
EXAMPLES = frozenset({DOCUMENTATION, BENCHMARKS})  # routed nowhere, and taken by everybody

_NETWORKS: tuple[tuple[str, IPv4Network | IPv6Network], ...] = tuple(
    (purpose, ip_network(text))
    for purpose, texts in (
        (LOOPBACK, ("127.0.0.0/8", "::1/128")),
        (PRIVATE, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),  # RFC 1918
        (PRIVATE, ("fc00::/7",)),  # RFC 4193
        (CARRIER, ("100.64.0.0/10",)),  # RFC 6598
        (LINK_LOCAL, ("169.254.0.0/16", "fe80::/10")),  # RFC 3927, RFC 4291
        (NOT_UNICAST, ("0.0.0.0/8", "224.0.0.0/3", "::/128", "ff00::/8")),
        (DOCUMENTATION, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")),  # RFC 5737
        (DOCUMENTATION, ("2001:db8::/32", "3fff::/20")),  # RFC 3849, RFC 9637
        (BENCHMARKS, ("198.18.0.0/15",)),  # RFC 2544
    )
    for text in texts
)


def purpose_of(address: Address) -> str:
    """Return what *address* is set aside for, one of the words above; empty: for anybody.

    >>> purpose_of(IPv4Address("10.0.0.1")), purpose_of(IPv6Address("2a00::1"))
    ('private', '')
    """
    return next(
        (
            purpose
            for purpose, network in _NETWORKS
            if network.version == address.version and address in network
        ),
        "",
    )
