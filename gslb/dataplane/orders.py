"""What a worker is told at its start, and how that gets to it.

Orders come over a Unix socket, which is the worker's standard input, because they hold the cookie
secrets and because descriptors come along. So a worker may be started before anybody knows what it
is to do. Whoever gives orders closes the socket then; without orders that means that no worker is
wanted.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from gslb.dataplane.settings import TcpSettings, Wanted
from gslb.errors import GslbError

MAX_ORDERS = 1 << 20  # octets
PASSED_AT_ONCE = 128  # descriptors in one message; the kernel takes 253


class Passed(NamedTuple):
    """A socket that a worker inherits."""

    kind: str  # udp, tcp
    listen: str  # "192.0.2.1:53", "[2001:db8::1]:53"
    descriptor: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told at its start."""

    number: int
    table: str  # path
    generation: int
    control: int  # descriptor of a listening Unix socket
    sockets: tuple[Passed, ...]
    counters: tuple[int, ...]  # descriptors of blocks: UDP's, TCP's
    dataplane: Wanted
    tcp: TcpSettings
    nsid: str | None
    version: str | None
    ecs_max4: int
    ecs_max6: int
    cookie_secrets: tuple[str, ...]  # hexadecimal; the first issues
    errors_per_second: float
    responses_per_second: float
    log_level: str
    log_format: str

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Every descriptor that is named here."""
        sockets = (passed.descriptor for passed in self.sockets)
        return (self.control, *self.counters, *sockets)

    def renumbered(self, numbers: Sequence[int]) -> Orders:
        """Return the same orders with *numbers* in place of their descriptors. Raises GslbError."""
        if len(numbers) != len(self.descriptors):
            raise GslbError(f"{len(numbers)} descriptors came, not {len(self.descriptors)}")
        behind = 1 + len(self.counters)
        sockets = zip(self.sockets, numbers[behind:], strict=True)
        return replace(
            self,
            control=numbers[0],
            counters=tuple(numbers[1:behind]),
            sockets=tuple(passed._replace(descriptor=number) for passed, number in sockets),
        )

    def to_json(self) -> bytes:
        """Return the orders as octets."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, octets: bytes) -> Orders:
        """Return the orders that `to_json` wrote. Raises GslbError."""
        try:
            read = json.loads(octets)
            return cls(
                **{
                    **read,
                    "sockets": tuple(Passed(*passed) for passed in read["sockets"]),
                    "counters": tuple(read["counters"]),
                    "tcp": TcpSettings(**read["tcp"]),
                    "cookie_secrets": tuple(read["cookie_secrets"]),
                }
            )
        except (ValueError, TypeError, KeyError) as error:
            raise GslbError(f"a worker's orders cannot be read: {error}") from None


def give(channel: socket.socket, orders: Orders) -> None:
    """Send *orders* and the descriptors that they name, and close *channel*. Raises OSError."""
    held = orders.descriptors
    with channel:
        for first in range(0, len(held), PASSED_AT_ONCE):
            # Each message carries an octet at least; JSON may begin with spaces.
            socket.send_fds(channel, [b" "], held[first : first + PASSED_AT_ONCE])
        channel.sendall(orders.renumbered(range(len(held))).to_json())


def receive(channel: socket.socket) -> Orders | None:
    """Wait for orders; None: the other end was closed without any. Raises GslbError.

    The descriptors in them are this process's own, and no child inherits them.
    """
    octets = bytearray()
    held: list[int] = []
    while True:
        try:
            received, passed, _, _ = socket.recv_fds(channel, 65536, PASSED_AT_ONCE)
        except OSError as error:
            raise GslbError(f"a worker's orders do not arrive: {error.strerror}") from None
        held += passed
        octets += received
        if not received or len(octets) > MAX_ORDERS:
            break
    if not octets:
        return None
    for descriptor in held:
        os.set_inheritable(descriptor, False)
    named = Orders.from_json(bytes(octets))
    if sorted(named.descriptors) != list(range(len(held))):
        raise GslbError("a worker's orders do not name the descriptors that came with them")
    return named.renumbered([held[number] for number in named.descriptors])
