"""Names: text to wire and back, lower case, labels, parents.

A name in wire form is a row of labels, each behind its length octet, and a zero octet at the end
(RFC 1035 §3.1). Nothing here follows compression pointers: a name is whole or it is not one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gslb.errors import GslbError
from gslb.wire.constants import MAX_LABEL, MAX_NAME

ROOT = b"\0"
_ESCAPED = frozenset(b'.\\"();@$')  # what has a meaning in zone files, RFC 1035 §5.1


class NameSyntaxError(GslbError):
    """A text is not a domain name; says why."""


def lower(name: bytes) -> bytes:
    """Return *name* in lower case, ASCII only (RFC 4343 §3).

    Lowering the wire form as a whole is right: a length octet is at most 63, below ``A`` (65), so
    no length can be taken for a letter. `bytes.lower` touches nothing but ASCII letters.
    """
    return name.lower()


def to_wire(text: str) -> bytes:
    r"""Return the wire form of an absolute name; the dot at the end may be left out.

    Knows the escapes ``\.`` and ``\DDD`` of RFC 1035 §5.1. The case of letters is kept.

    Raises:
        NameSyntaxError: an empty or too long label, a too long name, a bad escape, or a character
            outside ASCII (names in other scripts are to be written as ``xn--`` labels).
    """
    if text in {".", ""}:
        if text:
            return ROOT
        raise NameSyntaxError("a name is empty")
    labels = [bytearray()]
    for octet, literal in _octets(text):
        if octet == 0x2E and not literal:
            labels.append(bytearray())
        else:
            labels[-1].append(octet)
    if not labels[-1]:
        labels.pop()
    return join(labels, text)


def _octets(text: str) -> Iterator[tuple[int, bool]]:
    """Yield the octets of *text*, and whether each stood behind a backslash."""
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character != "\\":
            if not character.isascii():
                raise NameSyntaxError(f"{text!r}: {character!r} is not ASCII; write the xn-- form")
            yield ord(character), False
            continue
        digits = text[at : at + 3]
        if digits[:1].isdigit():
            if len(digits) < 3 or not (digits.isascii() and digits.isdigit()) or int(digits) > 255:
                raise NameSyntaxError(f"{text!r}: \\ needs three digits up to 255 behind it")
            yield int(digits), True
            at += 3
        elif digits and digits[0].isascii():
            yield ord(digits[0]), True
            at += 1
        else:
            raise NameSyntaxError(f"{text!r} ends in a backslash, or escapes what is not ASCII")


def join(labels: Sequence[bytes | bytearray], text: str = "name") -> bytes:
    """Return the name made of *labels*, leftmost first, the root left out.

    Raises:
        NameSyntaxError: as for `to_wire`; *text* is what the message calls the name.
    """
    name = bytearray()
    for label in labels:
        if not label:
            raise NameSyntaxError(f"{text!r} has an empty label")
        if len(label) > MAX_LABEL:
            raise NameSyntaxError(f"{text!r} has a label of {len(label)} octets; 63 are allowed")
        name.append(len(label))
        name += label
    name.append(0)
    if len(name) > MAX_NAME:
        raise NameSyntaxError(f"{text!r} takes {len(name)} octets; 255 are allowed")
    return bytes(name)


def to_text(name: bytes) -> str:
    """Return *name* as text with a dot at the end, octets outside printable ASCII escaped."""
    if name == ROOT:
        return "."
    return "".join(f"{_label_text(label)}." for label in labels(name))


def _label_text(label: bytes) -> str:
    return "".join(
        f"\\{octet:03d}"
        if not 0x21 <= octet <= 0x7E
        else f"\\{chr(octet)}"
        if octet in _ESCAPED
        else chr(octet)
        for octet in label
    )


def labels(name: bytes) -> list[bytes]:
    """Return the labels of *name*, leftmost first, the root left out."""
    found = []
    at = 0
    while length := name[at]:
        found.append(name[at + 1 : at + 1 + length])
        at += 1 + length
    return found


def label_count(name: bytes) -> int:
    """Return how many labels *name* has; the root has none."""
    count = at = 0
    while length := name[at]:
        count += 1
        at += 1 + length
    return count


def parent(name: bytes) -> bytes:
    """Return *name* without its leftmost label.

    Raises:
        ValueError: *name* is the root.
    """
    if name == ROOT:
        raise ValueError("the root has no parent")
    return name[1 + name[0] :]


def suffixes(name: bytes) -> Iterator[bytes]:
    """Yield *name*, its parent and so on, the root last."""
    at = 0
    while length := name[at]:
        yield name[at:]
        at += 1 + length
    yield ROOT


def is_within(name: bytes, ancestor: bytes) -> bool:
    """Tell whether *name* is *ancestor* or lies below it; both in the same case."""
    start = len(name) - len(ancestor)
    return name.endswith(ancestor) and any(at == start for at in _offsets(name))


def _offsets(name: bytes) -> Iterator[int]:
    at = 0
    while length := name[at]:
        yield at
        at += 1 + length
    yield at


def is_wildcard(name: bytes) -> bool:
    """Tell whether the leftmost label of *name* is ``*`` (RFC 4592 §2.1.1)."""
    return name[:2] == b"\x01*"
