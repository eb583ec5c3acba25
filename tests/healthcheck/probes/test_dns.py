"""The ``dns`` probe believes only the response to its own query."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.model import Kind
from healthcheck.probes.base import CannotTryError
from healthcheck.probes.dns import judge, question_of

Answer = Callable[[dns.message.Message], list[bytes]]
QNAME = (("qname", "www.example.com"),)


@pytest.fixture
async def serve_udp() -> AsyncIterator[Callable[[Answer], object]]:
    transports: list[asyncio.BaseTransport] = []

    async def start(answer: Answer) -> int:
        class Server(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: object) -> None:
                for octets in answer(dns.message.from_wire(data)):
                    self.transport.sendto(octets, addr)  # type: ignore[attr-defined]

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Server, ("127.0.0.1", 0))
        transports.append(transport)
        return transport.get_extra_info("sockname")[1]

    yield start
    for transport in transports:
        transport.close()


def response(
    query: dns.message.Message, rcode: int = 0, address: str | None = "192.0.2.1"
) -> dns.message.Message:
    made = dns.message.make_response(query)
    made.set_rcode(dns.rcode.Rcode(rcode))
    if address:
        made.answer.append(dns.rrset.from_text(query.question[0].name, 30, "IN", "A", address))
    return made


@pytest.mark.parametrize(
    ("rcode", "address", "accept", "kind"),
    [
        (0, "192.0.2.1", "", Kind.OK),
        (0, None, "", Kind.STATUS),
        (0, None, "any", Kind.OK),
        (2, None, "", Kind.STATUS),
        (2, None, "any", Kind.OK),
        (3, None, "", Kind.STATUS),
        (5, None, "", Kind.STATUS),
    ],
)
async def test_rcode_and_answer_decide(
    once, serve_udp, rcode: int, address: str | None, accept: str, kind: Kind
) -> None:
    port = await serve_udp(lambda query: [response(query, rcode, address).to_wire()])
    seen = await once("dns", port, extra=(("accept", accept), *QNAME))
    assert seen.kind is kind


async def test_a_truncated_response_is_an_answer(once, serve_udp) -> None:
    def truncated(query: dns.message.Message) -> list[bytes]:
        made = response(query, address=None)
        made.flags |= dns.flags.TC
        return [made.to_wire()]

    assert (await once("dns", await serve_udp(truncated), extra=QNAME)).kind is Kind.OK


async def test_what_is_not_our_response_is_ignored(once, serve_udp) -> None:
    def noise(query: dns.message.Message) -> list[bytes]:
        forged = response(query)
        forged.id ^= 1
        other = dns.message.make_query("other.example.com", "A", id=query.id)
        return [b"", b"x", forged.to_wire(), query.to_wire(), response(other).to_wire()]

    port = await serve_udp(noise)
    assert (await once("dns", port, extra=QNAME, timeout=0.1)).kind is Kind.TIMEOUT
    port = await serve_udp(lambda query: [*noise(query), response(query).to_wire()])
    assert (await once("dns", port, extra=QNAME)).kind is Kind.OK


async def test_a_closed_port_is_a_refusal(once, closed_port: int) -> None:
    assert (await once("dns", closed_port, extra=QNAME)).kind is Kind.REFUSED


@pytest.mark.parametrize(("qname", "qtype"), [("a" * 64, "A"), ("example.com", "NO-TYPE")])
def test_a_question_that_cannot_be_asked_is_our_own_failure(qname: str, qtype: str) -> None:
    with pytest.raises(CannotTryError):
        question_of(qname, qtype)


def test_the_question_compares_without_regard_to_case() -> None:
    query = dns.message.make_query("WWW.example.com", "A", id=7)
    found = judge(response(query).to_wire(), 7, question_of("www.EXAMPLE.com", "A"), "")
    assert found is not None
    assert found.kind is Kind.OK


@given(st.binary(max_size=64), st.integers(0, 65535))
def test_no_octets_break_the_judgement(octets: bytes, number: int) -> None:
    question = question_of("www.example.com", "A")
    assert judge(octets, number, question, "") is None or octets[2] & 0x80
    ours = number.to_bytes(2, "big") + octets[2:]
    judge(ours, number, question, "any")
