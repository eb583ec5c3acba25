"""Server cookies that servers of different make can verify (RFC 7873, RFC 9018).

A server cookie has 16 octets: version 1, three reserved, a time, and SipHash-2-4 over client
cookie, version, reserved, time and client address, keyed with a secret that all servers of an
anycast set share. Time comes from the caller.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

CLIENT_OCTETS: Final = 8  # RFC 7873 §4.1
SERVER_OCTETS: Final = 16  # RFC 9018 §4
SECRET_OCTETS: Final = 16  # RFC 9018 §4.4
VALID_SECONDS: Final = 3600  # RFC 9018 §4.3
AHEAD_SECONDS: Final = 300  # RFC 9018 §4.3: clocks of servers differ
RENEW_SECONDS: Final = 1800  # RFC 9018 §4.3
CACHED_HASHES: Final = 8192  # a resolver shows the same cookie for half an hour

_VERSION: Final = b"\x01\0\0\0"  # and three reserved octets, zero in what we issue
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_WRAP: Final = 1 << 32
_WORD = struct.Struct("<Q")
_KEY = struct.Struct("<QQ")


def siphash24(key: bytes, data: bytes) -> bytes:
    """Return the 8 octets of SipHash-2-4 of *data* under a *key* of 16 octets, little-endian."""
    k0, k1 = _KEY.unpack(key)
    state = (
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    )
    whole = len(data) & ~7
    tail = data[whole:].ljust(7, b"\0") + bytes((len(data) & 0xFF,))
    for at in range(0, whole, 8):
        (word,) = _WORD.unpack_from(data, at)
        state = _absorb(state, word)
    v0, v1, v2, v3 = _absorb(state, _WORD.unpack(tail)[0])
    v0, v1, v2, v3 = _rounds((v0, v1, v2 ^ 0xFF, v3), 4)
    return _WORD.pack(v0 ^ v1 ^ v2 ^ v3)


_State = tuple[int, int, int, int]


def _absorb(state: _State, word: int) -> _State:
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _rounds((v0, v1, v2, v3 ^ word), 2)
    return v0 ^ word, v1, v2, v3


def _rounds(state: _State, count: int) -> _State:
    """Turn the state *count* times: additions, rotations and exclusive-ors on 64 bits."""
    v0, v1, v2, v3 = state
    for _ in range(count):
        v0 = (v0 + v1) & _MASK
        v1 = ((v1 << 13) & _MASK | v1 >> 51) ^ v0
        v0 = (v0 << 32) & _MASK | v0 >> 32
        v2 = (v2 + v3) & _MASK
        v3 = ((v3 << 16) & _MASK | v3 >> 48) ^ v2
        v0 = (v0 + v3) & _MASK
        v3 = ((v3 << 21) & _MASK | v3 >> 43) ^ v0
        v2 = (v2 + v1) & _MASK
        v1 = ((v1 << 17) & _MASK | v1 >> 47) ^ v2
        v2 = (v2 << 32) & _MASK | v2 >> 32
    return v0, v1, v2, v3


_siphash_cached = lru_cache(maxsize=CACHED_HASHES)(siphash24)


class CookieJar:
    """Issues and verifies server cookies.

    Rotation without a rejected cookie takes three steps on all servers (RFC 9018 §5): secrets
    (old, new), then (new, old), then, when the last old cookie has expired, (new,).
    """

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """Take the *secrets*, 16 octets each: the first issues, all verify.

        Raises:
            ValueError: there is none, or one has another length.
        """
        if not secrets or any(len(secret) != SECRET_OCTETS for secret in secrets):
            raise ValueError("one or more secrets of 16 octets are needed")
        self._secrets = tuple(secrets)

    def __repr__(self) -> str:
        """Say how many secrets there are, never which."""
        return f"CookieJar({len(self._secrets)} secrets)"

    def issue(self, client: bytes, address: bytes, now: int) -> bytes:
        """Return client cookie and a fresh server cookie: the option's 24 octets.

        *address* is the client's, 4 or 16 octets; *now* is in seconds since 1970.
        """
        head = client + _VERSION + (now % _WRAP).to_bytes(4, "big")
        return head + _siphash_cached(self._secrets[0], head + address)

    def verify(self, cookie: bytes, address: bytes, now: int) -> bool:
        """Tell whether *cookie* (client and server part) is ours, for *address*, and in date."""
        if len(cookie) != CLIENT_OCTETS + SERVER_OCTETS or cookie[8] != 1:
            return False
        if not -AHEAD_SECONDS <= _age(cookie, now) <= VALID_SECONDS:
            return False
        signed, proof = cookie[:16] + address, cookie[16:]
        # Every secret is tried, so that time does not tell which one fits.
        fits = [hmac.compare_digest(_siphash_cached(key, signed), proof) for key in self._secrets]
        return any(fits)

    def refresh(self, cookie: bytes, address: bytes, now: int) -> tuple[bytes, bool]:
        """Return the cookie to answer with, and whether the one that came was valid.

        A valid cookie of the first secret is answered with itself until half its time is over.
        """
        valid = self.verify(cookie, address, now)
        if valid and _age(cookie, now) <= RENEW_SECONDS and self._is_current(cookie, address):
            return cookie, True
        return self.issue(cookie[:CLIENT_OCTETS], address, now), valid

    def _is_current(self, cookie: bytes, address: bytes) -> bool:
        signed = cookie[:16] + address
        return hmac.compare_digest(_siphash_cached(self._secrets[0], signed), cookie[16:])


def _age(cookie: bytes, now: int) -> int:
    """Return how many seconds ago *cookie* was issued, below 0 for the future.

    Serial number arithmetic (RFC 1982) carries the 32 bits over the year 2106.
    """
    difference = (now - int.from_bytes(cookie[12:16], "big")) % _WRAP
    return difference - _WRAP if difference >= _WRAP >> 1 else difference
