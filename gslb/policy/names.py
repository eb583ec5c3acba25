"""Names that people write in policies → wire form, lower case; other scripts become A-labels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gslb.errors import GslbError
from gslb.wire.names import NameSyntaxError, is_within, join, labels, lower, to_text, to_wire

# What nearly every name is made of; such names are put together without looking at each letter.
_PLAIN = re.compile(r"(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.ASCII)
_HOST_LABEL = re.compile(rb"[a-z0-9_-]+")  # RFC 1123 §2.1, and the underscore of RFC 8552
_MAX_PLAIN = 253  # characters without the final dot: 255 octets in wire form (RFC 1035 §3.1)


class BadNameError(GslbError):
    """A text is no name that can stand in its place; `hint` says what would."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class OutsideZoneError(BadNameError):
    """A name of a record is not in its zone."""


def read_name(text: str) -> bytes:
    """Return the wire form of an absolute name, with or without its final dot, in lower case.

    Labels outside ASCII are turned into A-labels as IDNA 2008 does (RFC 5891).

    Raises:
        BadNameError: *text* is no domain name.
    """
    if len(text) <= _MAX_PLAIN and _PLAIN.fullmatch(text):
        parts = text.removesuffix(".").encode().split(b".")
        return b"".join([bytes((len(part),)) + part for part in parts]) + b"\0"
    try:
        if text.isascii():
            return lower(to_wire(text))
        return _in_a_labels(text)
    except NameSyntaxError as error:
        raise BadNameError(str(error)) from None


def _in_a_labels(text: str) -> bytes:
    """Return the wire form of a name with labels outside ASCII. Raises BadNameError."""
    import dns.exception  # noqa: PLC0415 - few names need it, and every start would wait for it
    import dns.name  # noqa: PLC0415

    try:
        return lower(dns.name.from_text(text).to_wire() or b"")
    except (dns.exception.DNSException, UnicodeError) as error:
        raise BadNameError(f"{text} cannot be written in A-labels: {error}") from None


def read_owner(text: str, apex: bytes) -> bytes:
    """Return the wire form of a record's name in the zone *apex*; ``*`` only as the first label.

    Raises:
        OutsideZoneError: not in the zone.
        BadNameError: no host name, or a star that is no wildcard (RFC 4592).
    """
    name = read_name(text)
    if not (name == apex or (name.endswith(apex) and is_within(name, apex))):
        zone = name_text(apex)
        hint = f"did you mean {text}.{zone}?" if "." not in text.rstrip(".") else ""
        raise OutsideZoneError(f"{text} is not in the zone {zone}", hint)
    if b"*" in name:
        first, *rest = labels(name)
        if any(b"*" in label for label in rest) or (b"*" in first and first != b"*"):
            hint = "a wildcard is a * alone as the first label, as in *.example.com"
            raise BadNameError(f"{text}: a * inside a name matches nothing", hint)
    _must_be_host(text, [label for label in labels(name) if label != b"*"])
    return name


def read_host(text: str) -> bytes:
    """Return the wire form of a host name that an endpoint stands for: absolute, no wildcard.

    Raises:
        BadNameError: no host name, a single label, a wildcard, or an address.
    """
    name = read_name(text)
    parts = labels(name)
    if len(parts) < 2:
        raise BadNameError(f"{text}: a full host name is wanted", "as in lb.example.com")
    if any(b"*" in part for part in parts):
        raise BadNameError(f"{text}: a wildcard is not the name of a host")
    if parts[-1].isdigit():
        raise BadNameError(f"{text} looks like an address", "write it under A: or AAAA:")
    _must_be_host(text, parts)
    return name


def _must_be_host(text: str, parts: Sequence[bytes]) -> None:
    """Raise BadNameError if a label has what no host has: a URL, a port, a space."""
    if not _PLAIN.fullmatch(text) and not all(_HOST_LABEL.fullmatch(part) for part in parts):
        hint = "no scheme, port or path: only the name" if ":" in text or "/" in text else ""
        raise BadNameError(f"{text}: a host name has letters, digits, - and _", hint)


def mail_name(text: str) -> bytes:
    r"""Return a mailbox as the RNAME of an SOA: ``a.b@example.com`` → ``a\.b.example.com``.

    A text without ``@`` is taken for the name itself (RFC 1035 §3.3.13).

    Raises:
        BadNameError: the part behind the ``@`` is no domain name, or the part before it is empty.
    """
    local, at, domain = text.rpartition("@")
    if not at:
        return read_name(text)
    if not local or not local.isascii():
        raise BadNameError(f"{text}: a mail address needs an ASCII name before its @")
    try:
        return lower(join([local.encode(), *labels(read_name(domain))], text))
    except NameSyntaxError as error:
        raise BadNameError(str(error)) from None


def name_text(name: bytes) -> str:
    """Return *name* for people: without the final dot, except for the root."""
    return to_text(name).rstrip(".") or "."
