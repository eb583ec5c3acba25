"""RFC 9471: glue below the cut is part of a referral, not an extra."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import pytest

from gslb.answers.pack import pack

ZONE = "@ 60 SOA ns h 1 2 3 4 60\n@ 60 NS ns.example.net.\n" + "".join(
    f"cut 60 NS ns{n}.cut\nns{n}.cut 60 A 192.0.2.{n}\nns{n}.cut 60 AAAA 2001:db8::{n}\n"
    for n in range(1, 10)
)


@pytest.fixture
def many(make, builder):
    build = builder()
    build.zone("example", ZONE)
    return make(octets=bytes(pack(build.content(), 1, 1)))


def test_all_glue_is_there(many) -> None:
    """D12."""
    response = many.ask("www.cut.example")
    assert len(response.authority[0]) == 9
    assert sum(len(rrset) for rrset in response.additional) == 18
    assert not response.flags & dns.flags.TC


def test_glue_that_does_not_fit_truncates(many) -> None:
    """Z2, §3."""
    response = many.ask("www.cut.example", edns=-1)
    assert response.flags & dns.flags.TC
    assert [response.answer, response.authority, response.additional] == [[], [], []]


def test_glue_keeps_the_case_of_the_question_s_zone(many) -> None:
    response = many.ask("WWW.CUT.EXAMPLE")
    assert response.additional[0].name == dns.name.from_text("ns1.cut.example")
    assert response.additional[0].name.labels[-2] == b"EXAMPLE"


def test_name_servers_elsewhere_have_no_glue_here(world) -> None:
    response = world.ask("www.sub.example.com")
    names = {rrset.name.to_text() for rrset in response.additional}
    assert names == {"ns.sub.example.com."}
