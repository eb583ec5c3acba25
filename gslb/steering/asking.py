"""Who is asking: a client and a resolver as a person writes them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gslb.dataplane.client import block_of
from gslb.errors import GslbError
from gslb.wire.constants import FAMILY_IPV4, FAMILY_IPV6

ECS_CAPS = {4: 24, 6: 56}  # bits of a client that are looked at; the node's settings may differ


class AskingError(GslbError):
    """A client or resolver that is no address or prefix."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A client, cut to what is looked at, and the resolver that asks for it."""

    text: str  # the client as written
    client: IPv4Address | IPv6Address
    resolver: IPv4Address | IPv6Address
    ecs: bool  # the query carries the client's subnet
    bits: int  # of the client that the query carries

    @property
    def cap(self) -> int:
        """Bits of a client that are looked at."""
        return ECS_CAPS[self.client.version]

    @property
    def family(self) -> int:
        """The client's address family, as ECS counts them."""
        return FAMILY_IPV4 if self.client.version == 4 else FAMILY_IPV6

    @property
    def private(self) -> tuple[int, int, int]:
        """The length of the private block that the client is in (0: public), and its bounds.

        The same that the data plane goes by: such an address says nothing of where a client is,
        so the resolver's decides (RFC 7871 §11.3).
        """
        return block_of(self.family, int(self.client))

    @property
    def source(self) -> str:
        """Where the client is known from."""
        return f"ECS /{min(self.bits, self.cap)}"


def read_asking(client: str, resolver: str | None) -> Asking:
    """Return who asks.

    Args:
        client: a prefix or an address. A prefix comes as a client subnet (RFC 7871), cut to /24 or
            /56; so does an address if there is a *resolver*. Without, it asks for itself.
        resolver: an address, or None.

    Raises:
        AskingError: no such address or prefix.
    """
    try:
        network = ip_network(client, strict=False)
    except ValueError:
        raise AskingError(f'"{client}" is neither an address nor a prefix') from None
    ecs = "/" in client or resolver is not None
    cap = ECS_CAPS[network.version]
    address: IPv4Address | IPv6Address = network.network_address
    if ecs and network.prefixlen > cap:
        address = network.supernet(new_prefix=cap).network_address
    return Asking(
        text=client,
        client=address,
        resolver=network.network_address if resolver is None else _address(resolver),
        ecs=ecs,
        bits=min(network.prefixlen, cap) if ecs else network.prefixlen,
    )


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise AskingError(f'"{text}" is not an address') from None
