"""The values that pass through a health checker. Times are seconds of one monotonic clock.

Those that each try makes are named tuples: a frozen dataclass takes three times as long to make.

Probe (what to try, where) → schedule → Outcome (what one try saw) → tracker → Transition
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """What is believed of a target; UNKNOWN until there is evidence, or when it has grown old."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Verdict(StrEnum):
    """What one try says of the target. UNKNOWN: it ran late, or failed on our own side."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """Why a try ended as it did; the label values of the metrics."""

    OK = "ok"
    TIMEOUT = "timeout"
    REFUSED = "refused"  # the peer said no: RST, ICMP unreachable, closed in the middle
    TLS = "tls"  # handshake or certificate
    STATUS = (
        "status"  # an answer, but not an accepted one (HTTP code, RCODE, gRPC status, exit code)
    )
    BODY = "body"  # the text that must be there is not
    PROTOCOL = "protocol"  # not an answer in the protocol that was spoken
    LATE = "late"  # started too late, or the event loop stalled: says nothing of the target
    LOCAL = "local"  # no descriptor, no route from here, not permitted: the same

    __hash__ = str.__hash__  # that of enumerations is a call of Python, and each try needs some


@dataclass(frozen=True, slots=True)
class Probe:
    """What to try against one address. Equal probes are one: they are run once, whoever asks."""

    type: str  # tcp, http, https, tls, dns, grpc, icmp, exec
    address: str  # IP address, text; for exec what the command is told
    port: int  # 0 where the type has none
    every: float  # seconds between tries
    timeout: float  # seconds for one try
    down_after: int  # consecutive failures that overturn UP
    up_after: int  # consecutive passes that overturn DOWN
    host: str = ""  # HTTP Host, TLS server name; "": the address
    path: str = ""
    expect: tuple[tuple[int, int], ...] = ((200, 299),)  # accepted HTTP codes, closed ranges
    body: str = ""  # text that must stand in the first 64 KiB; "": any
    extra: tuple[tuple[str, str], ...] = ()  # fields that only this type has, in order

    def __hash__(self) -> int:
        """Hash what tells nearly all apart: a hash of every field costs three times as much."""
        return hash((self.address, self.port, self.path, self.host))


class Outcome(NamedTuple):
    """What one try of one probe saw."""

    verdict: Verdict
    kind: Kind
    detail: (
        str  # one line for people: "HTTP 503 in 41 ms"; nothing that came from the peer beyond it
    )
    scheduled: float
    started: float
    finished: float


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of belief, with the outcome that tipped it."""

    probe: Probe
    old: Status
    new: Status
    because: Outcome
    at: float
