"""A delegation switched at both doubles, or told to whoever can; nothing at a registrar."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.resolver
import dns.rrset
import pytest

from gslb.cli.push_delegate import delegated_lines
from gslb.errors import GslbError
from gslb.fallback import asking
from gslb.fallback.delegating import Delegated, Wanted, delegate, parent_of, switch
from gslb.push.clouddns.parent import CloudDnsParent
from gslb.push.delegation import Delegation, Parent
from gslb.push.objects import Actual, Rrset
from gslb.push.route53.parent import Route53Parent
from gslb.push.statefile import actual_json
from gslb.settings import ParentSection, Settings
from tests.push.venue import AtCloudDns, AtRoute53, Venue

CHILD = "gslb.example.com."
AWS = ("ns-1.awsdns-00.com.", "ns-2.awsdns-00.net.")
OWN = ("ns1.gslb.example.com.", "ns2.example.net.")
GLUE = {"ns1.gslb.example.com.": ("192.0.2.53",)}
TO_AWS = Delegation(CHILD, AWS, 300)
WANTED = Wanted(CHILD, "route53")
POLICY = """\
version: 1
dns:
  zone: gslb.example.com
  nameservers: {ns1.gslb.example.com: [192.0.2.53], ns2.example.net: []}
sites:
  aws/us-east-1: {zones: {z0: {A: 203.0.1.1}}}
records:
  www.gslb.example.com: {ttl: 30s, rules: [{to: [aws/us-east-1]}]}
"""


def parent_at(venue: Venue) -> Parent:
    if isinstance(venue, AtRoute53):
        return Route53Parent(venue.zone_id, venue.timing)
    assert isinstance(venue, AtCloudDns)
    return CloudDnsParent(venue.double.project, "example", venue.timing)


async def switched(venue: Venue, meant: Delegation = TO_AWS, wanted: Wanted = WANTED) -> Delegated:
    parent = parent_at(venue)
    try:
        return await switch(parent, "there", meant, wanted, 60, venue.timing)
    finally:
        await parent.close()


def servers(venue: Venue) -> set[str]:
    return set(venue.dialect.text_of(venue.read(venue.find(CHILD, "NS"))))


async def test_the_ns_set_of_the_parent_is_swapped_and_nothing_else(venue: Venue) -> None:
    venue.add(CHILD, "NS", *OWN)
    venue.add("www.example.com.", "CNAME", "www.gslb.example.com.")
    before = [one for one in venue.bodies() if venue.read(one).place != (CHILD, "NS")]
    done = await switched(venue)
    assert (done.done, done.insync, done.before, done.follow) == (True, True, OWN, 60)
    assert done.change
    assert servers(venue) == set(AWS)
    assert [one for one in venue.bodies() if venue.read(one).place != (CHILD, "NS")] == before
    again = await switched(venue)
    assert (again.done, again.change) == (True, "")
    (first, *_) = delegated_lines(done, "route53")
    assert first == f"{CHILD}  delegated to route53: {', '.join(AWS)}"
    (only,) = delegated_lines(again, "route53")
    assert only == f"{CHILD}  is delegated to route53 already: {', '.join(AWS)}"


async def test_a_first_delegation_and_a_dry_run(venue: Venue) -> None:
    said = await switched(venue, wanted=replace(WANTED, dry=True))
    assert (said.done, said.change) == (False, "")
    assert not venue.holds(CHILD, "NS")
    done = await switched(venue)
    assert done.before == ()
    assert servers(venue) == set(AWS)


async def test_a_lost_reply_is_found_to_have_landed(venue: Venue) -> None:
    venue.add(CHILD, "NS", *OWN)
    venue.double.faults.lose_reply(venue.commit)
    assert (await switched(venue)).done
    assert servers(venue) == set(AWS)


async def test_what_stands_in_the_way_is_told_with_the_records_to_set(venue: Venue) -> None:
    venue.add(CHILD, "NS", *AWS)
    back, wanted = Delegation(CHILD, OWN, 300, GLUE), Wanted(CHILD, "own")
    with pytest.raises(GslbError) as error:
        await switched(venue, back, wanted)
    assert "glue of ns1.gslb.example.com. has to be 192.0.2.53; the parent has nothing" in str(
        error.value
    )
    assert "ns1.gslb.example.com. 300 IN A 192.0.2.53" in str(error.value)
    assert servers(venue) == set(AWS)
    assert (await switched(venue, back, replace(wanted, force=True))).done
    venue.add("ns1.gslb.example.com.", "A", "192.0.2.53")
    assert (await switched(venue, back, wanted)).done


async def test_a_switch_asks_no_more_than_its_role_may(venue: Venue) -> None:
    venue.add(CHILD, "NS", *OWN)
    await switched(venue)
    asked = {one.operation for one in venue.double.calls}
    assert asked - {"token"} == {venue.lists, venue.commit, venue.look}


# Where nothing is ours to change.


@contextmanager
def parent_server(*servers: str, ttl: int = 172800) -> Iterator[tuple[str, int]]:
    """Serve one delegation, as a parent's server does: a referral; and with AA our own SOA."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    octets, peer = sock.recvfrom(512)
                except TimeoutError:
                    continue
                query = dns.message.from_wire(octets)
                reply = dns.message.make_response(query)
                if servers and not query.flags & dns.flags.RD:
                    found = dns.rrset.from_text(CHILD, ttl, "IN", "NS", *servers)
                    reply.authority.append(found)
                sock.sendto(reply.to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()
        finally:
            ended.set()
            thread.join()


def settings_of(folder: Path, **parent: Any) -> Settings:
    file = folder / "policies.yaml"
    file.write_text(POLICY)
    copy = {"zone": "gslb.example.com", "zone_id": "Z9"}
    push = {"owner": "tests", "route53": copy, "parent": parent}
    return Settings.model_validate({"push": push, "policies": str(file)})


def state_of(folder: Path) -> Path:
    """Keep what a copy held, its own servers among it and one of ours."""
    values = [{"Value": one} for one in (*AWS, OWN[1])]
    body = {"Name": CHILD, "Type": "NS", "TTL": 172800, "ResourceRecords": values}
    one = Rrset(CHILD, "NS", "", body)
    file = folder / "state.json"
    file.write_text(json.dumps(actual_json("route53", CHILD, Actual({one.key: one}))))
    return file


def test_without_a_parent_of_ours_the_records_are_told_and_what_it_says_now(tmp_path: Path) -> None:
    """From the last state file, without any provider; --to own from the policies."""
    settings, state = settings_of(tmp_path), state_of(tmp_path)
    with parent_server(*OWN) as at:
        wanted = Wanted(CHILD, "route53", state, (at,))
        done = delegate(settings, wanted)
        assert (done.done, done.before, done.follow) == (False, OWN, 172800)
        text = "\n".join(delegated_lines(done, "route53"))
        assert f"{CHILD} 300 IN NS {AWS[0]}" in text
        assert f"the parent says now: {', '.join(OWN)}" in text
        assert OWN[1] not in "".join(done.wanted.servers)
        own = delegate(settings, Wanted(CHILD, "own", None, (at,), force=True))
        assert (own.done, own.before) == (True, OWN)
        assert own.wanted.glue == GLUE
    with parent_server() as at:
        nobody = delegate(settings, Wanted(CHILD, "route53", state, (at,)))
        assert (nobody.done, nobody.before) == (False, ())


def test_a_parent_that_does_not_answer_is_told_with_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "REPLY_WITHIN", 0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        wanted = Wanted(CHILD, "route53", state_of(tmp_path), (deaf.getsockname(),))
        done = delegate(settings_of(tmp_path), wanted)
    assert not done.done
    assert "no server of the parent of gslb.example.com. answers" in done.notes
    assert any("IN NS" in line for line in delegated_lines(done, "route53"))


def test_a_machine_without_resolvers_is_told_with_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(**_: bool) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.asyncresolver, "Resolver", none)
    done = delegate(settings_of(tmp_path), Wanted(CHILD, "route53", state_of(tmp_path)))
    (note,) = done.notes
    assert "not found by the resolvers of this machine (NoResolverConfiguration)" in note
    assert "--at ADDRESS" in note


def test_our_own_servers_have_to_answer_before_they_are_delegated_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def answers(zone: str, address: str, port: int = 53) -> bool:
        asked.append(f"{zone} {address}")
        return False

    monkeypatch.setattr(asking, "answers_for", answers)
    with pytest.raises(GslbError, match=r"do not all answer for it \(192\.0\.2\.53\)"):
        delegate(settings_of(tmp_path), Wanted(CHILD, "own"))
    assert asked == [f"{CHILD} 192.0.2.53"]


async def test_a_server_answers_for_a_zone_with_authority_only() -> None:
    with parent_server(*OWN) as (address, port):
        assert not await asking.answers_for(CHILD, address, port)


def test_the_nearest_parent_is_the_one_that_delegates() -> None:
    section = ParentSection.model_validate(
        {
            "route53": [{"zone": "com", "zone_id": "Z1"}, {"zone": "example.com", "zone_id": "Z2"}],
            "clouddns": {"zone": "example.net", "project": "acme", "managed_zone": "net"},
        }
    )
    found = parent_of(section, CHILD)
    assert found is not None
    assert found[0] == "route53 example.com. (Z2)"
    other = parent_of(section, "gslb.example.net.")
    assert other is not None
    assert other[0] == "clouddns example.net. (acme/net)"
    assert parent_of(section, "example.org.") is None
    assert parent_of(section, "example.net.") is None
