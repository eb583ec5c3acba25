"""DNS over TCP: two octets of length in front of each message (RFC 1035 §4.2.2). No sockets.

A framer takes octets as they come, in any fragmentation, and gives back whole messages. It holds
one message at most beyond what it was given, so a client cannot make it grow.
"""

from __future__ import annotations

from typing import Final

PREFIX_OCTETS: Final = 2


class Framer:
    """Cuts a stream into messages."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        """Start at the beginning of a stream."""
        self._pending = b""

    def feed(self, octets: bytes) -> list[bytes]:
        """Return the messages that *octets* complete, in order; an empty one is a message too."""
        data = self._pending + octets if self._pending else octets
        messages = []
        at, end = 0, len(data)
        while end - at >= PREFIX_OCTETS:
            stop = at + PREFIX_OCTETS + (data[at] << 8 | data[at + 1])
            if stop > end:
                break
            messages.append(data[at + PREFIX_OCTETS : stop])
            at = stop
        self._pending = data[at:]
        return messages

    @property
    def is_within_message(self) -> bool:
        """Whether a message has begun and is not complete."""
        return self._pending != b""


def frame(message: bytes) -> bytes:
    """Return *message* behind its length, as one piece to write at once (RFC 7766 §8).

    Raises:
        OverflowError: the message has more than 65 535 octets.
    """
    return len(message).to_bytes(PREFIX_OCTETS, "big") + message
