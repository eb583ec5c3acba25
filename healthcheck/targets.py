"""Which addresses a node may be made to connect to by somebody who only writes checks.

Whoever can write a policy can name any target, so what is near the node (itself, its metadata
service, the network it stands in) is refused unless the node's own settings list it. Addresses are
judged as octets, never as text: spellings other than the canonical ones of `ipaddress` are refused,
and an IPv4 address inside an IPv6 one is judged as the IPv4 address that it leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Services that act on a line of text, or whose operators take a connection for an attack.
DENIED_PORTS = frozenset({22, 23, 25, 465, 587, 2375, 2376, 2379, 3306, 5432, 6379, 11211, 27017})
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 §2.5.5.1, deprecated
_ISATAP = {0x00005EFE, 0x02005EFE}  # RFC 5214 §6.1, the third quarter of the address

# By what people call them; the first that holds names the refusal.
_NEAR: tuple[tuple[str, tuple[Network, ...]], ...] = tuple(
    (name, tuple(ip_network(prefix) for prefix in prefixes))
    for name, prefixes in (
        ("unspecified", ("0.0.0.0/8", "::/128")),
        ("loopback", ("127.0.0.0/8", "::1/128")),
        (
            "a metadata service",  # of AWS, GCP and Azure; ECS; EKS; AWS by IPv6; Alibaba; Azure
            (
                "169.254.169.254/32",
                "169.254.170.2/32",
                "169.254.170.23/32",
                "fd00:ec2::/32",
                "100.100.100.200/32",
                "168.63.129.16/32",
            ),
        ),
        ("link-local", ("169.254.0.0/16", "fe80::/10", "fec0::/10")),
        ("multicast", ("224.0.0.0/4", "ff00::/8")),
        ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
        ("a local translation prefix", ("64:ff9b:1::/48",)),  # RFC 8215: leads to any IPv4 address
        ("shared address space", ("100.64.0.0/10",)),
        ("reserved", ("192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "100::/64")),
    )
)
_NEVER = {"unspecified", "multicast"}  # no list of a node makes these a target
_BY_NAME = {"a metadata service"}  # no wide prefix of a list does: it hands out credentials
_LOOPBACK = dict(_NEAR)["loopback"]


def nowhere(_: Address) -> bool:
    """Say that no address is the node's own."""
    return False


@dataclass(frozen=True, slots=True)
class Reach:
    """What this node lets probes connect to, beyond public addresses; the node's own settings."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()  # whatever is allowed
    ports: frozenset[int] = frozenset()  # of `DENIED_PORTS`, those that are allowed
    sockets: tuple[tuple[Address, int], ...] = ()  # the node's own and its stores'; never probed
    is_own: Callable[[Address], bool] = nowhere  # an interface of this machine has the address

    def refusal(self, address: str, port: int = 0) -> str:
        """Return why *address* and *port* may not be probed; "" if they may."""
        parsed = _parse(address)
        if parsed is None:
            return "not an IP address in its usual form"
        if port in DENIED_PORTS - self.ports:
            return f"port {port} is not allowed on this node"
        forms = embedded(parsed)
        if _within(forms, self.deny):
            return "address is denied on this node"
        if any(self._is_socket(form, port) for form in forms):
            return f"port {port} there is this node's own"
        for form in forms:
            name, networks = next((one for one in _NEAR if _within([form], one[1])), ("", ()))
            if not name and self.is_own(form):
                name = "this node's own"
            if name and not self._allows(form, name, networks):
                return f"address is {name}, which this node does not allow"
        return ""

    def _is_socket(self, form: Address, port: int) -> bool:
        """Return whether one of the node's sockets is there; a wildcard one is at each address."""
        for address, own in self.sockets:
            if own == port and form.version == address.version:
                near = address.is_unspecified and (_within([form], _LOOPBACK) or self.is_own(form))
                if near or form == address:
                    return True
        return False

    def _allows(self, form: Address, name: str, networks: tuple[Network, ...]) -> bool:
        if name in _NEVER:
            return False
        allow = self.allow
        if name in _BY_NAME:
            allow = tuple(one for one in allow if any(_inside(one, wide) for wide in networks))
        return _within([form], allow)


def reach(
    allow: Iterable[str],
    deny: Iterable[str] = (),
    ports: Iterable[int] = (),
    sockets: Iterable[str] = (),
    is_own: Callable[[Address], bool] = nowhere,
) -> Reach:
    """Return the reach of prefixes, and of sockets (``192.0.2.1:53``, ``[::]:53``), as text.

    Raises ValueError naming the first that is none.
    """
    return Reach(
        tuple(ip_network(prefix) for prefix in allow),
        tuple(ip_network(prefix) for prefix in deny),
        frozenset(ports),
        tuple(_socket(text) for text in sockets),
        is_own,
    )


def embedded(address: Address) -> list[Address]:
    """Return *address* and every IPv4 address that packets to it may be handed on to.

    v4-mapped (RFC 4291 §2.5.5.2), v4-compatible, NAT64, 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP.
    """
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]  # the socket would use IPv4
    forms: list[Address] = [address]
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    if address in _COMPATIBLE and number > 1:
        forms.append(low)
    if address in _NAT64:
        forms.append(low)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        forms.append(low)
    if address.sixtofour is not None:
        forms.append(address.sixtofour)
    if address.teredo is not None:
        forms.extend(address.teredo)
    return forms


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    scoped = isinstance(address, IPv6Address) and address.scope_id is not None
    return None if scoped else address


def _socket(text: str) -> tuple[Address, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal()):
        raise ValueError(f"{text!r} is not an address and port")
    return ip_address(host.removeprefix("[").removesuffix("]")), int(port)


def _inside(narrow: Network, wide: Network) -> bool:
    first = narrow.network_address
    return first in wide and narrow.prefixlen >= wide.prefixlen


def _within(forms: Iterable[Address], networks: Iterable[Network]) -> bool:
    return any(
        form in network for form in forms for network in networks if form.version == network.version
    )
