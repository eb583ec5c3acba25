"""What the data plane is told before it starts; frozen, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

from gslb.errors import GslbError
from gslb.wire.constants import MAX_UDP_PAYLOAD, MIN_UDP_PAYLOAD

Wanted = Literal["auto", "fast", "python"]  # which loop answers

MAX_NSID = 16  # octets; every option that we may write fits a 512-octet message beside any question
MAX_CHAOS_TEXT = 255  # octets of one character string, RFC 1035 §3.3


class Transport(Enum):
    """How a query arrived; it bounds the size of the response."""

    UDP = "udp"
    TCP = "tcp"


class Source(NamedTuple):
    """An address that a query came from: family 1 is IPv4, 2 is IPv6 (as ECS counts them)."""

    family: int
    address: int  # 32 or 128 bits


@dataclass(frozen=True, slots=True)
class ResponderSettings:
    """What we say beyond the answer table.

    Attributes:
        max_udp: octets of a UDP response at most, and the size that our OPT record names.
        nsid: what option 3 returns (RFC 5001); also the text of ``id.server`` in class CH.
        version: text of ``version.server`` in class CH; None refuses it.
        ecs_max4, ecs_max6: bits of a client subnet that are used at most (RFC 7871 §11.1).
        cookie_secrets: 16 octets each; the first issues, all verify (RFC 9018 §5). None: no cookies.
        tcp_idle_seconds: what edns-tcp-keepalive tells clients (RFC 7828).
        errors_per_second: UDP responses to malformed queries that one /24 or /56 gets; 0: all.
        responses_per_second: full UDP responses that one /24 or /56 gets, beyond which they are
            truncated and the client has to come by TCP; valid cookies are exempt. 0: all.
        own: addresses and ports that we listen on; a query from one of them is not answered.
    """

    max_udp: int = MAX_UDP_PAYLOAD
    nsid: bytes | None = None
    version: bytes | None = None
    ecs_max4: int = 24
    ecs_max6: int = 56
    cookie_secrets: tuple[bytes, ...] = ()
    tcp_idle_seconds: float = 10.0
    errors_per_second: float = 100.0
    responses_per_second: float = 0.0
    own: frozenset[tuple[Source, int]] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what would break a response."""
        if not MIN_UDP_PAYLOAD <= self.max_udp <= 4096:
            raise GslbError(f"UDP payload size {self.max_udp} is not within 512 and 4096 octets")
        if self.nsid is not None and not 1 <= len(self.nsid) <= MAX_NSID:
            raise GslbError(f"the node id (NSID) has {len(self.nsid)} octets; 1 to 16 are allowed")
        if self.version is not None and len(self.version) > MAX_CHAOS_TEXT:
            raise GslbError("the version text is longer than 255 octets")
        if not (0 <= self.ecs_max4 <= 32 and 0 <= self.ecs_max6 <= 64):
            raise GslbError("the ECS limits must be within 0–32 bits (IPv4) and 0–64 bits (IPv6)")
        if any(len(secret) != 16 for secret in self.cookie_secrets):
            raise GslbError("a cookie secret must have 16 octets")
        if self.errors_per_second < 0 or self.responses_per_second < 0:
            raise GslbError("a rate must not be below 0")


@dataclass(frozen=True, slots=True)
class TcpSettings:
    """Limits of the TCP server. Seconds, counts; the defaults are those of the documentation."""

    max_connections: int = 4096
    max_per_client: int = 64  # connections of one /32 or /56
    max_queries: int = 1000  # on one connection, then it is closed when all are answered
    max_unanswered: int = 100  # reading pauses above it
    first_seconds: float = 3.0  # for the first message of a connection
    message_seconds: float = 2.0  # from the first octet of a message to its last
    idle_seconds: float = 10.0  # between messages; what edns-tcp-keepalive tells
    pressed_seconds: float = 1.0  # instead of all these above `pressed_share` of the connections
    pressed_share: float = 0.8
