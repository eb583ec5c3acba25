"""RFC 4592: wildcards, with the RFC's own example zone (§2.2.1)."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from gslb.answers.pack import pack

ZONE = """
@                    3600 SOA   ns.example.com. h.example.com. 1 2 3 4 60
@                    3600 NS    ns.example.com.
@                    3600 NS    ns.example.net.
*                    3600 TXT   "this is a wildcard"
*                    3600 MX    10 host1
sub.*                3600 TXT   "this is not a wildcard"
host1                3600 A     192.0.2.1
_ssh._tcp.host1      3600 SRV   1 2 22 host1
_ssh._tcp.host2      3600 SRV   1 2 22 host2
subdel               3600 NS    ns.example.com.
subdel               3600 NS    ns.example.net.
"""


@pytest.fixture
def example(make, builder):
    build = builder()
    build.zone("example", ZONE)
    return make(octets=bytes(pack(build.content(), 1, 1)))


@pytest.mark.parametrize(
    ("name", "rtype", "text"),
    [
        ("host3.example", "MX", "10 host1.example."),
        ("foo.bar.example", "TXT", '"this is a wildcard"'),
        ("*.example", "MX", "10 host1.example."),
        ("_telnet._tcp.other.example", "TXT", '"this is a wildcard"'),
        ("sub.*.example", "TXT", '"this is not a wildcard"'),
    ],
)
def test_synthesised_and_literal_answers(example, name: str, rtype: str, text: str) -> None:
    response = example.ask(name, rtype)
    assert response.flags & dns.flags.AA
    assert response.answer[0].name.to_text() == name + "."
    assert str(response.answer[0][0]) == text


@pytest.mark.parametrize(
    ("name", "rtype"),
    [
        ("host3.example", "A"),  # the wildcard has no A
        ("host1.example", "MX"),  # exists: no wildcard
        ("*.example", "A"),
        ("sub.*.example", "MX"),
        ("_tcp.host1.example", "TXT"),  # an empty non-terminal blocks it too
        ("host2.example", "TXT"),
    ],
)
def test_nodata(example, name: str, rtype: str) -> None:
    response = example.ask(name, rtype)
    assert (response.rcode(), response.answer) == (dns.rcode.NOERROR, [])
    assert response.authority[0].rdtype == 6


@pytest.mark.parametrize(
    "name",
    [
        "_telnet._tcp.host1.example",  # the closest encloser _tcp.host1 has no wildcard below it
        "_telnet._tcp.host2.example",
        "ghost.*.example",
        "a.host1.example",
        "a.sub.*.example",
    ],
)
def test_nxdomain(example, name: str) -> None:
    assert example.ask(name, "TXT").rcode() == dns.rcode.NXDOMAIN


def test_a_cut_blocks_the_wildcard(example) -> None:
    response = example.ask("host.subdel.example")
    assert not response.flags & dns.flags.AA
    assert response.authority[0].name.to_text() == "subdel.example."


def test_steered_names_and_aliases_may_be_wildcards(world) -> None:
    """D1: §4.4 for CNAME."""
    assert str(world.ask("a.b.dynamic.example.com").answer[0][0]) == "192.0.2.104"
    assert str(world.ask("x.wildalias.example.com", "TXT").answer[0][0]) == "static.example.com."


def test_a_wildcard_answers_at_any_depth_and_not_beside_what_exists(world) -> None:
    assert world.ask("a.wild.example.com").answer
    assert world.ask("a.b.c.wild.example.com").answer
    assert world.ask("both.wild.example.com").rcode() == dns.rcode.NOERROR
    assert not world.ask("both.wild.example.com").answer
    assert world.ask("a.both.wild.example.com").rcode() == dns.rcode.NXDOMAIN
