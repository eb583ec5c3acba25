"""Zone-file text (RFC 1035 §5) → records, with every problem at its line.

dnspython reads each record; finding where records begin and end is done here, because one mistake
must not hide the next.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.ttl

from gslb.policy.problems import Problem, Severity, Where
from gslb.wire.names import lower, to_text

DEFAULT_TTL = 3600  # seconds, for records before any $TTL
MAX_TTL = 2**31 - 1  # seconds, RFC 2181 §8
MAX_ENTRY_LINES = 1000  # of one record in parentheses; beyond it, a ")" was forgotten
_SHOWN = 160  # characters of a message, which quotes what was written
_REFUSED = {
    "DNAME": "DNAME is not served: write the names out, or delegate the subtree",
    "RRSIG": "the zone is not signed here: leave signatures and their proofs out",
    "NSEC": "the zone is not signed here: leave signatures and their proofs out",
    "NSEC3": "the zone is not signed here: leave signatures and their proofs out",
    "NSEC3PARAM": "the zone is not signed here: leave signatures and their proofs out",
}
_SHAPES = {"A": "one IPv4 address is wanted", "AAAA": "one IPv6 address is wanted"}
_FORMS = {  # of data that begins with a number; what to write where it does not
    "MX": "MX needs a preference: 10 mail",
    "SRV": "SRV needs priority, weight and port: 0 10 443 www",
    "CAA": 'CAA needs flags and a tag: 0 issue "ca.example.net"',
}
_DIRECTIVES = {
    "$INCLUDE": "$INCLUDE is not read: put the records here",
    "$GENERATE": "$GENERATE is not read: write the records out",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as read: owner in wire form, lower case; RDATA not compressed."""

    owner: bytes
    rtype: int
    ttl: int
    rdata: bytes
    canonical: bytes  # the same with names in lower case (RFC 4034 §6.2): equal records are equal
    where: Where


@dataclass(slots=True)
class _Reader:
    """What carries over from one record to the next (RFC 1035 §5.1, RFC 2308 §4)."""

    apex: dns.name.Name
    origin: dns.name.Name
    ttl: int = DEFAULT_TTL
    owner: dns.name.Name | None = None
    problems: list[Problem] = field(default_factory=list)


class _RefusedError(Exception):
    """A record cannot be used: (code, text, hint)."""


def read_records(
    text: str, apex: bytes, where: Callable[[int], Where]
) -> tuple[list[Record], list[Problem]]:
    """Return the records of *text*, relative names below *apex*, and what is wrong with it.

    *where* gives the place of a line, counted from 0.
    """
    origin = dns.name.from_text(to_text(apex))
    reader = _Reader(origin, origin)
    records = []
    for line, entry in _entries(text, where, reader.problems):
        try:
            record = _read(reader, entry, where(line))
        except _RefusedError as error:
            code, message, hint = error.args
            reader.problems.append(Problem(where(line), code, _shown(message), hint=hint))
        else:
            if record is not None:
                records.append(record)
                if record.rtype == dns.rdatatype.TXT and ";" in entry:
                    reader.problems += _cut_short(record, entry, where, line)
    return records, reader.problems


def _entries(
    text: str, where: Callable[[int], Where], problems: list[Problem]
) -> Iterator[tuple[int, str]]:
    """Yield each entry with its first line; what stands in parentheses is one entry."""
    first, depth = 0, 0
    parts: list[str] = []
    for line, content in enumerate(text.split("\n")):
        opened = _depth(content) if "(" in content or ")" in content else 0
        if not depth and not opened:
            if content.strip() and not content.lstrip().startswith(";"):
                yield line, content
            continue
        if not depth:
            first, parts = line, []
        parts.append(content)
        depth = max(0, depth + opened)
        if not depth:
            yield first, "\n".join(parts)
        elif len(parts) > MAX_ENTRY_LINES:
            break
    if depth:
        problems.append(Problem(where(first), "E251", 'a "(" is never closed'))


def _depth(content: str) -> int:
    """Return how many more parentheses *content* opens than it closes."""
    return sum((c == "(") - (c == ")") for _, c in _bare(content))


def _bare(content: str) -> Iterator[tuple[int, str]]:
    """Yield the characters of one line that stand outside quotes, up to its comment's ``;``."""
    quoted, at = False, 0
    while at < len(content):
        character = content[at]
        if character == "\\":
            at += 1
        elif character == '"':
            quoted = not quoted
        elif not quoted:
            yield at, character
            if character == ";":
                return
        at += 1


def _cut_short(
    record: Record, entry: str, where: Callable[[int], Where], first: int
) -> Iterator[Problem]:
    """Yield a warning if a comment of a TXT record looks like text that lacks its quotes.

    ``v=DKIM1; k=rsa; p=…`` is ``v=DKIM1`` and a comment.
    """
    for line, content in enumerate(entry.split("\n")):
        at = next((at for at, character in _bare(content) if character == ";"), 0)
        before, behind = content[:at], content[at + 1 :]
        glued = before.strip() != "" and before[-1] not in " \t()"
        plain = before.rstrip()[-1:] not in {"", '"', "(", ")"}
        if (glued and (plain or "=" in behind)) or (plain and "=" in behind):
            text = f"{_owner(record)} TXT: what stands behind the ; is a comment and not served"
            hint = 'put the text in quotes: "v=DKIM1; k=rsa; p=..."'
            yield Problem(where(first + line), "W355", text, Severity.WARNING, hint)
            return


def _owner(record: Record) -> str:
    return to_text(record.owner).rstrip(".") or "."


def _read(reader: _Reader, entry: str, where: Where) -> Record | None:
    tokens = dns.tokenizer.Tokenizer(entry)
    try:
        first = tokens.get(want_leading=True)
        if first.is_whitespace():
            after = tokens.get()
            if after.is_eol_or_eof():
                return None
            tokens.unget(after)
        elif first.is_identifier() and first.value.startswith("$"):
            _direct(reader, first.value.upper(), tokens)
            return None
        elif first.is_identifier():
            reader.owner = None  # a bad owner must not lend records to the one before it
            reader.owner = tokens.as_name(first, reader.origin)
        elif first.is_eol_or_eof():
            return None
        else:
            raise _RefusedError("E251", "a record begins with its owner name, not with a quote", "")
        if reader.owner is None:
            raise _RefusedError("E251", "no owner name: none was given before this line", "")
        return _record(reader, reader.owner, tokens, where)
    except (dns.exception.DNSException, ValueError) as error:
        raise _RefusedError("E251", _reason(error), "") from None


def _direct(reader: _Reader, word: str, tokens: dns.tokenizer.Tokenizer) -> None:
    if word == "$TTL":
        reader.ttl = _ttl(tokens.get_string())
        tokens.get_eol()
    elif word == "$ORIGIN":
        reader.origin = tokens.get_name(reader.origin)
        tokens.get_eol()
    elif word in _DIRECTIVES:
        raise _RefusedError("E252", _DIRECTIVES[word], "")
    else:
        raise _RefusedError("E252", f"unknown directive {word}", "there are $TTL and $ORIGIN")


def _record(
    reader: _Reader, owner: dns.name.Name, tokens: dns.tokenizer.Tokenizer, where: Where
) -> Record:
    ttl, rtype = _head(reader.ttl, tokens)
    name = owner.to_text(omit_final_dot=True)
    word = dns.rdatatype.to_text(rtype)
    if not owner.is_subdomain(reader.apex):
        apex = reader.apex.to_text(omit_final_dot=True)
        raise _RefusedError("E253", f"{name} is not in the zone {apex}", "names in zone-file text are "
                       "absolute only with a dot at the end, and relative to $ORIGIN without")  # fmt: skip
    if word in _REFUSED:
        raise _RefusedError("E254", f"{name} {word}: {_REFUSED[word]}", "")
    if dns.rdatatype.is_metatype(rtype) or rtype == 0:
        raise _RefusedError("E254", f"{word} is a type for questions, not for records", "")
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, rtype, tokens, origin=reader.origin, relativize=False
        )
        wire = rdata.to_wire() or b""
        canonical = wire if word in _SHAPES else rdata.to_digestable()
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        reason = _SHAPES.get(word) or _reason(error)
        hint = _FORMS.get(word, "") if reason.startswith("expecting an") else ""
        raise _RefusedError("E255", f"{name} {word}: {reason}", hint) from None
    return Record(lower(owner.to_wire() or b""), int(rtype), ttl, wire, canonical, where)


def _head(ttl: int, tokens: dns.tokenizer.Tokenizer) -> tuple[int, dns.rdatatype.RdataType]:
    """Read ``[TTL] [class] type`` in either order."""
    for _ in range(3):
        token = tokens.get()
        if not token.is_identifier():
            break
        word = token.value.upper()
        if word == "IN":
            continue
        if word in {"CH", "HS", "CS", "ANY", "NONE"}:
            raise _RefusedError("E254", f"class {word}: only IN is served", "")
        if word[0].isdigit():
            ttl = _ttl(word)
            continue
        return ttl, _rtype(word)
    raise _RefusedError("E251", "no record type", "a line reads: name [TTL] type data")


def _rtype(word: str) -> dns.rdatatype.RdataType:
    try:
        return dns.rdatatype.from_text(word)
    except (dns.exception.DNSException, ValueError):
        known = [one.name.replace("_", "-") for one in dns.rdatatype.RdataType]
        close = difflib.get_close_matches(word, known, n=1)
        hint = (
            f"did you mean {close[0]}?" if close else "a type without a name is written TYPE65280"
        )
        raise _RefusedError("E254", f"unknown record type {word}", hint) from None


def _ttl(word: str) -> int:
    try:
        ttl = dns.ttl.from_text(word)
    except (dns.exception.DNSException, ValueError):
        raise _RefusedError("E251", f"{word} is not a TTL", "seconds, or as in 1h30m") from None
    if ttl > MAX_TTL:
        raise _RefusedError("E251", f"TTL {ttl} is above {MAX_TTL} (RFC 2181 §8)", "")
    return ttl


def _shown(text: str) -> str:
    """Return *text* of a bearable length, without what could move a terminal."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= _SHOWN else plain[:_SHOWN] + "…"


def _reason(error: Exception) -> str:
    """Return what dnspython says, or its class's first sentence where it says nothing."""
    text = str(error).strip().rstrip(".")
    return text or type(error).__name__
