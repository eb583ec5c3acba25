"""Generated queries about a static zone, and the form in which two servers' responses are compared."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset

TYPES = ["A", "AAAA", "MX", "TXT", "NS", "SOA", "CNAME", "SRV", "HTTPS", "SVCB", "CAA", "PTR", "DS",
         "LOC", "NAPTR", "TLSA", "TYPE65280", "HINFO", "SPF", "DNSKEY", "TYPE65535"]  # fmt: skip


def questions(owners: list[str], zone: str, count: int, seed: int) -> Iterator[dns.message.Message]:
    """Yield *count* queries: owners, their ancestors, children, strangers; mixed case and EDNS."""
    draw = random.Random(seed)
    for _ in range(count):
        name = _name(draw, owners, zone)
        mixed = "".join(draw.choice((c.lower(), c.upper())) for c in name)
        edns = (
            {"use_edns": 0, "payload": draw.choice((512, 1232, 4096))}
            if draw.random() < 0.7
            else {}
        )
        query = dns.message.make_query(mixed, draw.choice(TYPES), **edns)
        query.flags = draw.choice((0, dns.flags.RD, dns.flags.RD | dns.flags.AD, dns.flags.CD))
        query.id = draw.randrange(65536)
        yield query


def _name(draw: random.Random, owners: list[str], zone: str) -> str:
    owner = draw.choice(owners)
    labels = owner.split(".")
    match draw.randrange(8):
        case 0:
            return ".".join(labels[draw.randrange(len(labels)) :])  # an ancestor, perhaps above us
        case 1:
            return f"{_label(draw)}.{owner}"
        case 2:
            return f"{_label(draw)}.{_label(draw)}.{owner}"
        case 3:
            return f"{_label(draw)}.{zone}"
        case 4:
            return (
                f"*.{owner}"
                if draw.random() < 0.5
                else draw.choice((".", "com.", "org.", "xexample.com."))
            )
        case _:
            return owner


def _label(draw: random.Random) -> str:
    return draw.choice(("www", "ns1", "ns", "x", "a", "*", "wild", "ent", "mail", "_tcp", "zz9"))


@dataclass(frozen=True)
class Heard:
    """A response without what may differ between any two right servers: order and OPT."""

    rcode: int
    flags: int
    question: str
    answer: frozenset[str]
    authority: frozenset[str]
    additional: frozenset[str]

    @property
    def authoritative(self) -> bool:
        """Whether AA is set."""
        return bool(self.flags & dns.flags.AA)

    @property
    def truncated(self) -> bool:
        """Whether TC is set."""
        return bool(self.flags & dns.flags.TC)


def heard(response: dns.message.Message) -> Heard:
    """Return *response* in comparable form; owner names in lower case."""
    return Heard(
        int(response.rcode()),
        int(response.flags),
        str(response.question[0]) if response.question else "",
        _records(response.answer),
        _records(response.authority),
        _records(response.additional),
    )


def _records(section: list[dns.rrset.RRset]) -> frozenset[str]:
    return frozenset(
        f"{rrset.name.to_text().lower()} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text().lower()}"
        for rrset in section
        for rdata in rrset
    )
