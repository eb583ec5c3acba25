"""The responder: steering, refusals, limits, silence. What the RFCs ask is in tests/conformance."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Mapping

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.answers.model import (
    Body,
    Choice,
    Patch,
    Pool,
    PrefixMap,
    Steer,
    TableContent,
    Typeset,
    ZoneContent,
)
from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.answers.pick import Xorshift
from gslb.answers.table import AnswerTable
from gslb.dataplane.client import source_of
from gslb.dataplane.responder import READY_BODIES, Responder
from gslb.dataplane.settings import ResponderSettings, Source, Transport
from gslb.errors import GslbError
from gslb.wire.cookies import CookieJar

APEX = b"\7example\0"
SECRET = b"0123456789abcdef"
HERE = Source(1, 0xC6336401)


def address(*last: int) -> Body:
    """Addresses 192.0.2.x for the queried name."""
    records = [b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc0\0\2" + bytes((x,)) for x in last]
    return Body(b"".join(records), answer=len(last), stride=16 if len(last) > 1 else 0)


def everywhere(classes: int = 1) -> PrefixMap:
    """Class n is that of the clients whose first bits are n."""
    four = np.arange(classes, dtype=np.uint32) * np.uint32(2**32 // classes % 2**32)
    six = np.arange(classes, dtype=np.uint64) * np.uint64(2**64 // classes % 2**64)
    numbers = np.arange(classes, dtype=np.uint16)
    return PrefixMap(four, numbers, six, numbers)


def content(**names: int) -> TableContent:
    """A zone "example" with steered names: a name's value is its number of steer, below."""
    typesets = [Typeset()]
    rows = [(APEX, 0)]
    for name, steer in names.items():
        typesets.append(Typeset(steered={1: steer}))
        rows.append((bytes((len(name),)) + name.encode() + APEX, len(typesets) - 1))
    soa = b"\0\0\0\6\0\1\0\0\0\x3c\0\x18\xc0\0\xc0\0" + b"\0\0\0\1" * 5
    negative = Body(soa, authority=1, fixups=(0, 12, 14))
    return TableContent(
        zones=(ZoneContent(APEX, 1, negative, sorted(rows), {}, True),),
        typesets=typesets,
        steers=(
            Steer((0,), (0,)),  # 0: by weight among pools, then bodies
            Steer((1,), (1, 2)),  # 1: refused in the lower half of the address space
            Steer((2, 1), (1, 2), resolvers=1),  # 2: by class of resolver
        ),
        maps=(everywhere(), everywhere(2), everywhere()),
        choices=(
            Choice((0, 1), (3.0, 1.0)),
            Choice((), refused=True),
            Choice((1,), (1.0,)),
        ),
        pools=(
            Pool((address(1), address(2)), (1.0, 1.0)),
            Pool((address(3, 4, 5),), (1.0,)),
        ),
    )


def query(name: str, *, edns: int = -1, **more: object) -> bytes:
    return dns.message.make_query(f"{name}.example", "A", use_edns=edns, **more).to_wire()


def responder(octets: object | None = None, **settings: object) -> Responder:
    table = AnswerTable(octets or bytes(pack(content(w=0, half=1, res=2), 1, 1)))
    clock: Callable[[], float] = settings.pop("clock", lambda: 1000.0)
    return Responder(table, ResponderSettings(**settings), Xorshift(3).next32, clock)


def ask(
    r: Responder, octets: bytes, source: Source = HERE, transport: Transport = Transport.UDP
) -> dns.message.Message:
    response = r.respond(octets, source, 4242, transport)
    assert response is not None
    return dns.message.from_wire(response)


def texts(message: dns.message.Message) -> frozenset[str]:
    return frozenset(str(item) for rrset in message.answer for item in rrset)


def test_answers_follow_the_weights_of_pools_and_bodies() -> None:
    r = responder()
    seen = Counter(texts(ask(r, query("w"))) for _ in range(4000))
    shares: Mapping[frozenset[str], float] = {
        frozenset({"192.0.2.1"}): 0.375,
        frozenset({"192.0.2.2"}): 0.375,
        frozenset({"192.0.2.3", "192.0.2.4", "192.0.2.5"}): 0.25,
    }
    assert set(seen) == set(shares)
    for answer, share in shares.items():  # five standard deviations
        assert abs(seen[answer] / 4000 - share) < 5 * (share * (1 - share) / 4000) ** 0.5


def test_every_turn_of_the_addresses_is_as_likely() -> None:
    r = responder()
    low = Source(1, 0xC0000201)
    seen = Counter(str(ask(r, query("half"), low).answer[0][0]) for _ in range(3000))
    assert set(seen) == {"192.0.2.3", "192.0.2.4", "192.0.2.5"}
    assert all(abs(n - 1000) < 5 * (3000 * 2 / 9) ** 0.5 for n in seen.values())


def test_a_policy_that_refuses_in_words_is_refused_and_nothing_else() -> None:
    """F01: the only way to no answer; never NODATA, NXDOMAIN or SERVFAIL because of health."""
    r = responder()
    refused = ask(r, query("half", edns=0), Source(1, 0x01020304))
    assert refused.rcode() == dns.rcode.REFUSED
    assert not refused.flags & dns.flags.AA
    assert not refused.authority
    assert [o.to_wire() for o in refused.options] == [b"\0\0"]
    assert texts(ask(r, query("half"), Source(1, 0xC0000201)))


def test_the_resolver_may_decide_which_view_its_clients_get() -> None:
    """A resolver in the lower half sees one class for all; one in the upper half sees two."""
    r = responder()
    low, high = Source(1, 0x01000001), Source(1, 0xC0000201)
    subnet_low = dns.edns.ECSOption("1.2.3.0", 24)
    subnet_high = dns.edns.ECSOption("203.0.113.0", 24)
    for subnet in (subnet_low, subnet_high):
        assert ask(r, query("res", edns=0, options=[subnet]), low).rcode() == dns.rcode.REFUSED
    assert ask(r, query("res", edns=0, options=[subnet_low]), high).rcode() == dns.rcode.REFUSED
    response = ask(r, query("res", edns=0, options=[subnet_high]), high)
    assert texts(response)
    assert response.options[0].scopelen > 0


@pytest.mark.parametrize(
    "source", [Source(1, 0), Source(1, 2**32 - 1), Source(2, 0), Source(2, 2**128 - 1)]
)
def test_the_ends_of_the_address_space_are_clients_too(source: Source) -> None:
    assert ask(responder(), query("half"), source).rcode() in {dns.rcode.NOERROR, dns.rcode.REFUSED}
    assert texts(ask(responder(), query("w"), source))


def test_a_patch_is_seen_by_the_next_query() -> None:
    octets = pack(content(w=0), 1, 1)
    r = responder(octets)
    assert texts(ask(r, query("w")))
    TableWriter(octets).patch(
        Patch(pools={0: Pool((address(77),), (1.0,)), 1: Pool((address(77),), (1.0,))})
    )
    for _ in range(50):
        assert texts(ask(r, query("w"))) == {"192.0.2.77"}


def test_our_own_addresses_get_silence() -> None:
    """T11: a query that seems to come from ourselves would be answered to ourselves."""
    own = frozenset({(source_of("192.0.2.53"), 53)})
    r = responder(own=own)
    assert r.respond(query("w"), source_of("192.0.2.53"), 53, Transport.UDP) is None
    assert r.respond(query("w"), source_of("192.0.2.53"), 54, Transport.UDP) is not None
    assert r.respond(query("w"), source_of("192.0.2.54"), 53, Transport.UDP) is not None


def test_malformed_queries_of_one_network_are_answered_a_hundred_times_a_second() -> None:
    """T12, R3; TCP cannot be forged and is not limited."""
    now = [1000.0]
    r = responder(clock=lambda: now[0])
    bad = struct.pack("!HHHHHH", 1, 0, 2, 0, 0, 0)
    answered = [r.respond(bad, HERE, 9, Transport.UDP) for _ in range(150)]
    assert sum(a is not None for a in answered) == 100
    assert r.respond(bad, HERE, 9, Transport.TCP) is not None
    assert r.respond(bad, source_of("203.0.113.1"), 9, Transport.UDP) is not None
    assert texts(ask(r, query("w")))  # good queries of that network are not touched
    now[0] += 1
    assert r.respond(bad, HERE, 9, Transport.UDP) is not None


def test_beyond_its_rate_a_network_is_sent_to_tcp_but_a_valid_cookie_is_not() -> None:
    """R1: truncated, so no more octets go out than came in, and honest clients lose nothing."""
    r = responder(responses_per_second=10.0, cookie_secrets=(SECRET,))
    asked = query("w", edns=0)
    truncated = [bool(ask(r, asked).flags & dns.flags.TC) for _ in range(20)]
    assert truncated == [False] * 10 + [True] * 10
    response = r.respond(asked, HERE, 4242, Transport.UDP)
    assert response is not None
    assert len(response) <= len(asked)
    assert texts(ask(r, asked, transport=Transport.TCP))
    cookie = CookieJar([SECRET]).issue(b"abcdefgh", b"\xc6\x33\x64\x01", 1000)
    with_cookie = query("w", edns=0, options=[dns.edns.GenericOption(10, cookie)])
    assert texts(ask(r, with_cookie))
    forged = query("w", edns=0, options=[dns.edns.GenericOption(10, cookie[:-1] + b"\0")])
    assert ask(r, forged).flags & dns.flags.TC


def test_what_is_kept_ready_is_bounded() -> None:
    r = responder()
    for number in range(READY_BODIES + 10):
        r._make_ready(Body(number.to_bytes(4, "big"), answer=1))
        assert len(r._ready) <= READY_BODIES
    assert texts(ask(r, query("w")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_udp": 511},
        {"max_udp": 5000},
        {"ecs_max4": 33},
        {"ecs_max6": 65},
        {"ecs_max4": -1},
        {"cookie_secrets": (b"short",)},
        {"version": b"x" * 256},
        {"nsid": b"x" * 17},
        {"errors_per_second": -1.0},
    ],
)
def test_settings_that_would_break_responses_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(GslbError):
        ResponderSettings(**wrong)


@given(st.binary(max_size=120), st.sampled_from(Transport))
def test_no_octets_make_it_raise(octets: bytes, transport: Transport) -> None:
    R.respond(octets, HERE, 4242, transport)
    R.respond(
        b"\0\1\0\0\0\1\0\0\0\0\0\1\1w\7example\0\0\1\0\1\0\0\x29" + octets, HERE, 1, transport
    )


R = responder(cookie_secrets=(SECRET,), nsid=b"n")
