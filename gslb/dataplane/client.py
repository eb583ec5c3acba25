"""Client addresses: as numbers, and which of them say nothing about where a client is.

The table of blocks is RFC 6890's special purposes as far as their addresses cannot be a client's
place on the Internet (RFC 7871 §11.3 asks for them to be told apart). Documentation blocks are not
among them: they are as unrouted, but examples and tests live there.
"""

from __future__ import annotations

import ipaddress
import socket
from bisect import bisect_right
from functools import lru_cache
from typing import Final

from gslb.dataplane.settings import Source
from gslb.wire.constants import FAMILY_IPV4, FAMILY_IPV6

CACHED_SOURCES: Final = 16_384  # resolvers come back; text to number costs more than finding it

_PRIVATE4: Final = (
    "0.0.0.0/8",  # this network, RFC 1122 §3.2.1.3
    "10.0.0.0/8",  # RFC 1918 §3
    "100.64.0.0/10",  # shared address space of carriers, RFC 6598 §7
    "127.0.0.0/8",  # loopback, RFC 1122 §3.2.1.3
    "169.254.0.0/16",  # link-local, RFC 3927 §2.1
    "172.16.0.0/12",  # RFC 1918 §3
    "192.168.0.0/16",  # RFC 1918 §3
    "224.0.0.0/3",  # multicast, RFC 5771 §3, and reserved, RFC 1112 §4
)
_PRIVATE6: Final = (
    "::/8",  # unspecified, loopback, mapped, translated: RFC 4291 §2.5
    "fc00::/7",  # unique local, RFC 4193 §3.1
    "fe80::/10",  # link-local, RFC 4291 §2.5.6
    "fec0::/10",  # site-local, RFC 3879 §4
    "ff00::/8",  # multicast, RFC 4291 §2.7
)


def _edges(blocks: tuple[str, ...], width: int) -> tuple[list[int], list[int]]:
    """Return ascending starts of ranges of the upper *width* bits, the end of all included.

    And for each range the length of its block; 0: public.
    """
    starts, lengths = [0], [0]
    for network in map(ipaddress.ip_network, blocks):
        spare = network.max_prefixlen - width
        first, behind = int(network[0]) >> spare, (int(network[-1]) >> spare) + 1
        if first == starts[-1]:
            lengths[-1] = network.prefixlen
        else:
            starts.append(first)
            lengths.append(network.prefixlen)
        starts.append(behind)
        lengths.append(0)
    if starts[-1] != 1 << width:
        starts.append(1 << width)
        lengths.append(0)
    return starts, lengths


BLOCKS4: Final = _edges(_PRIVATE4, 32)
BLOCKS6: Final = _edges(_PRIVATE6, 64)


def block_of(family: int, address: int) -> tuple[int, int, int]:
    """Return what *address* (32 or 128 bits) is in: a private or unroutable block, or neither.

    Returns:
        The block's prefix length, or 0 in public space; then the first address of the block or of
        the public range between two blocks, and the first behind it. These two are of 32 bits, or
        the upper 64 of IPv6, as in the prefix maps of the answer table.
    """
    if family == FAMILY_IPV4:
        starts, lengths = BLOCKS4
    else:
        starts, lengths = BLOCKS6
        address >>= 64
    behind = bisect_right(starts, address)
    return lengths[behind - 1], starts[behind - 1], starts[behind]


@lru_cache(maxsize=CACHED_SOURCES)
def source_of(host: str) -> Source:
    """Return the address that *host* writes, as sockets do: with a scope behind ``%`` at times.

    Raises:
        OSError: it is no address.
    """
    if ":" not in host:
        return Source(FAMILY_IPV4, int.from_bytes(socket.inet_aton(host), "big"))
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    address = int.from_bytes(packed, "big")
    if address >> 32 == 0xFFFF:
        return Source(FAMILY_IPV4, address & 0xFFFF_FFFF)
    return Source(FAMILY_IPV6, address)


def octets_of(source: Source) -> bytes:
    """Return the address in network order, 4 or 16 octets."""
    return source.address.to_bytes(4 if source.family == FAMILY_IPV4 else 16, "big")


def client_prefix(source: Source) -> int:
    """Return a number for the /32 or /56 that *source* is in: what one client may hold."""
    if source.family == FAMILY_IPV4:
        return source.address
    return 1 << 64 | source.address >> 72
