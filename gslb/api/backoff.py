"""How often somebody may try: wrong tokens by network, and requests by caller. Time is passed in."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

FREE_FAILURES = 10  # wrong tokens of a network before it has to wait (ASVS 6.3.1)
FIRST_SECONDS, MOST_SECONDS = 1.0, 60.0  # of waiting: doubles each time; nobody is locked out
FORGET_SECONDS = 900.0  # without a wrong token
MAX_NETWORKS = 4096  # remembered; the one that failed longest ago is forgotten
MAX_CALLERS = 2048
PREFIX4, PREFIX6 = 24, 56


def network_of(address: str) -> str:
    """Return the /24 or /56 of *address*; the text itself if it is none (a socket's)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    bits = PREFIX4 if parsed.version == 4 else PREFIX6
    return str(ipaddress.ip_network((parsed, bits), strict=False))


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0
    blocked_until: float = 0.0


class Backoff:
    """Makes networks wait that send wrong tokens, twice as long each time."""

    def __init__(self) -> None:
        self._networks: OrderedDict[str, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._networks)

    def failed(self, network: str, now: float) -> None:
        """Note a wrong token from *network* at *now* (monotonic seconds)."""
        seen = self._networks.pop(network, None)
        if seen is None or now - seen.last > FORGET_SECONDS:
            seen = _Failures()
        seen.count += 1
        seen.last = now
        over = seen.count - FREE_FAILURES
        if over >= 0:
            # 2 ** 6 is above the most; a larger power would only grow.
            seen.blocked_until = now + min(FIRST_SECONDS * 2 ** min(over, 6), MOST_SECONDS)
        self._networks[network] = seen
        if len(self._networks) > MAX_NETWORKS:
            self._networks.popitem(last=False)

    def seconds_left(self, network: str, now: float) -> float:
        """Return how long *network* has to wait from *now*; 0: not at all."""
        seen = self._networks.get(network)
        return 0.0 if seen is None else max(0.0, seen.blocked_until - now)


@dataclass(slots=True)
class _Bucket:
    filled: float
    at: float


class Rate:
    """So many requests a second of each caller, twice as many at once."""

    def __init__(self, per_second: float) -> None:
        """Allow *per_second* requests, above 0."""
        self._per_second = per_second
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def spend(self, caller: str, now: float) -> float:
        """Take one request of *caller* at *now*; return 0, or the seconds until there is one."""
        burst = max(1.0, 2 * self._per_second)
        bucket = self._buckets.pop(caller, None) or _Bucket(burst, now)
        filled = min(burst, bucket.filled + (now - bucket.at) * self._per_second)
        wait = 0.0 if filled >= 1 else (1 - filled) / self._per_second
        self._buckets[caller] = _Bucket(filled - 1 if wait == 0 else filled, now)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return wait
