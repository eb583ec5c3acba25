"""How fast one network is answered: token buckets by client prefix. Time is passed in.

A flood with forged sources can name any number of networks; so what is remembered is bounded, and
when it is full it is forgotten as a whole, which costs one second's worth of answers more.
"""

from __future__ import annotations

from typing import Final

from gslb.dataplane.settings import Source
from gslb.wire.constants import FAMILY_IPV4

MAX_BUCKETS: Final = 65_536  # networks remembered, some 10 MiB


class RateLimit:
    """At most `rate` answers a second to one network, with one second's worth at once."""

    __slots__ = ("_buckets", "exceeded", "rate")

    def __init__(self, rate: float) -> None:
        """Allow *rate* answers a second to one /24 or /56; 0: as many as are asked for."""
        self.rate = rate
        self.exceeded = 0
        self._buckets: dict[int, tuple[float, float]] = {}  # by network: tokens left, since when

    def allows(self, source: Source, now: float) -> bool:
        """Take a token for the network of *source* at *now* (monotonic seconds), if there is one.

        Loopback is never limited: nobody outside can forge it, and measuring happens there.
        """
        if not self.rate:
            return True
        network = network_of(source)
        if is_loopback(network):
            return True
        tokens, since = self._buckets.get(network, (self.rate, now))
        tokens = min(self.rate, tokens + max(0.0, now - since) * self.rate)
        allowed = tokens >= 1
        if not allowed:
            self.exceeded += 1
        elif len(self._buckets) >= MAX_BUCKETS and network not in self._buckets:
            self._buckets.clear()
        self._buckets[network] = (tokens - allowed, now)
        return allowed


def network_of(source: Source) -> int:
    """Return a number for the /24 or /56 of *source*; those of the two families differ."""
    if source.family == FAMILY_IPV4:
        return source.address >> 8
    return 1 << 64 | source.address >> 72


def is_loopback(network: int) -> bool:
    """Tell whether a network is within 127.0.0.0/8, or that of ::1."""
    return network >> 16 == 127 or network == 1 << 64
