"""Delegations as values: what to set, and what stands in the way."""

from __future__ import annotations

import pytest

from gslb.push.clouddns.dialect import CloudDns
from gslb.push.delegation import Delegation, obstacles, provider_servers, ttl_of
from gslb.push.objects import Actual, Place, Rrset
from gslb.push.provider import Dialect
from tests.push.test_plan import ALL

CHILD = "gslb.example.com."
TWO = ("ns-1.awsdns-00.com.", "ns-2.awsdns-00.net.")


def held(dialect: Dialect, name: str, rtype: str, *values: str) -> dict[Place, Rrset]:
    body: dict[str, object] = (
        {"name": name, "type": rtype, "ttl": 300, "rrdatas": list(values)}
        if isinstance(dialect, CloudDns)
        else {"Name": name, "Type": rtype, "TTL": 300,
              "ResourceRecords": [{"Value": value} for value in values]}
    )  # fmt: skip
    return {(name, rtype): Rrset(name, rtype, "", body)}


def test_the_records_can_be_typed_into_a_zone_file() -> None:
    inside = {"ns1.gslb.example.com.": ("192.0.2.53", "2001:db8::53")}
    wanted = Delegation(CHILD, ("ns1.gslb.example.com.", "ns2.example.net."), 300, inside)
    assert wanted.records() == [
        "gslb.example.com. 300 IN NS ns1.gslb.example.com.",
        "gslb.example.com. 300 IN NS ns2.example.net.",
        "ns1.gslb.example.com. 300 IN A 192.0.2.53",
        "ns1.gslb.example.com. 300 IN AAAA 2001:db8::53",
    ]


@pytest.mark.parametrize("dialect", ALL)
def test_a_providers_servers_are_those_of_its_apex_without_ours(dialect: Dialect) -> None:
    found = held(dialect, CHILD, "NS", *TWO, "NS1.example.com.")
    actual = Actual({one.key: one for one in found.values()})
    assert provider_servers(dialect, CHILD, actual, ["ns1.example.com."]) == TWO
    assert provider_servers(dialect, CHILD, Actual(), []) == ()
    assert ttl_of(found[CHILD, "NS"]) == 300
    assert ttl_of(None) is None


@pytest.mark.parametrize("dialect", ALL)
def test_one_server_a_ds_and_other_glue_stand_in_the_way(dialect: Dialect) -> None:
    server = f"ns1.{CHILD}"
    plain = Delegation(CHILD, TWO, 300)
    assert obstacles(plain, dialect, {}) == []
    assert "too few" in obstacles(Delegation(CHILD, TWO[:1], 300), dialect, {})[0]
    signed = held(dialect, CHILD, "DS", "1 13 2 00")
    assert "bogus" in obstacles(plain, dialect, signed)[0]
    own = Delegation(
        CHILD, (server, "ns2.example.net."), 300, {server: ("192.0.2.53", "2001:db8::1")}
    )
    (text,) = obstacles(own, dialect, held(dialect, server, "A", "192.0.2.9"))
    assert text == f"glue of {server} has to be 192.0.2.53, 2001:db8::1; the parent has 192.0.2.9"
    right = held(dialect, server, "A", "192.0.2.53") | held(
        dialect, server, "AAAA", "2001:DB8:0::1"
    )
    assert obstacles(own, dialect, right) == []
