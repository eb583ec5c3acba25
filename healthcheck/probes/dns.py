"""The ``dns`` probe: one question by UDP, judged by the header of the response.

RFC 1035 §4.1. The response must come from the address asked (a connected socket), with our ID and
our question; anything else is not ours and is ignored until time runs out.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct

import dns.exception
import dns.name
import dns.rcode
import dns.rdatatype

from healthcheck.model import Kind
from healthcheck.probes.base import Attempt, CannotTryError, Found, open_socket

MAX_RESPONSE = 4096  # octets
_QR, _TC, _RD = 0x8000, 0x0200, 0x0100
_CLASS_IN = 1
_HEADER = struct.Struct("!HHHHHH")


async def try_dns(attempt: Attempt) -> Found:
    """Ask for `qname` and `qtype` (A). `accept: any` takes every response as a sign of life.

    Raises OSError, CannotTryError.
    """
    question = question_of(attempt.option("qname"), attempt.option("qtype", "A"))
    number = secrets.randbits(16)
    query = _HEADER.pack(number, _RD, 1, 0, 0, 0) + question
    loop = asyncio.get_running_loop()
    with open_socket(attempt, socket.SOCK_DGRAM) as sock:
        sock.connect((attempt.probe.address, attempt.probe.port))
        attempt.stage = "waiting for a response"
        await loop.sock_sendall(sock, query)
        while True:
            response = await loop.sock_recv(sock, MAX_RESPONSE)
            found = judge(response, number, question, attempt.option("accept"))
            if found is not None:
                return found


def question_of(qname: str, qtype: str) -> bytes:
    """Return the question section. Raises CannotTryError where name or type is none."""
    try:
        name = dns.name.from_text(qname).to_wire()
        number = int(dns.rdatatype.from_text(qtype))
    except (dns.exception.DNSException, ValueError) as error:
        raise CannotTryError("qname or qtype is not usable") from error
    assert name is not None
    return name + struct.pack("!HH", number, _CLASS_IN)


def judge(response: bytes, number: int, question: bytes, accept: str) -> Found | None:
    """Return what *response* says; None if it does not answer our query."""
    if len(response) < _HEADER.size:
        return None
    got, flags, questions, answers, _, _ = _HEADER.unpack_from(response)
    if got != number or not flags & _QR:
        return None
    # Names compare without regard to case (RFC 4343); the octets of type and class are below "A".
    echoed = response[_HEADER.size : _HEADER.size + len(question)].lower() == question.lower()
    rcode = flags & 0xF
    # FORMERR and the like may come without the question (RFC 1035 §4.1.1).
    if questions != 1 or not echoed:
        if questions == 0 and rcode:
            return _judge_code(rcode, accept)
        return None
    if rcode or accept == "any":
        return _judge_code(rcode, accept)
    if not answers and not flags & _TC:
        return Found(Kind.STATUS, "NOERROR without an answer")
    return Found(Kind.OK, "NOERROR")


def _judge_code(rcode: int, accept: str) -> Found:
    return Found(
        Kind.OK if accept == "any" else Kind.STATUS, dns.rcode.to_text(dns.rcode.Rcode(rcode))
    )
