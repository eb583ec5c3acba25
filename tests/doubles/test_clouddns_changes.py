"""Changes of Cloud DNS: all or nothing, exact deletions, the rules of record sets, quotas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.doubles.clouddns.double import CloudDnsDouble
from tests.doubles.googlethings import CHECK, Client, http_check, probed, routed, rrset

WWW = "www.example.com."


@pytest.fixture
async def client(clouddns: CloudDnsDouble) -> AsyncIterator[Client]:
    clouddns.add_zone("example", "example.com.")
    async with aiohttp.ClientSession() as session:
        yield Client(clouddns, session)


async def test_a_change_is_pending_then_done_and_reads_back(
    clouddns: CloudDnsDouble, client: Client
) -> None:
    status, _, change = await client.change([rrset(WWW, "192.0.2.1", "192.0.2.2")])
    assert (status, change) == (200, "1")
    path = f"/managedZones/example/changes/{change}"
    assert (await client.dns("GET", path))[2]["status"] == "pending"
    clouddns.manual.advance(clouddns.limits.done_seconds)
    assert (await client.dns("GET", path))[2]["status"] == "done"
    _, _, listed = await client.dns("GET", "/managedZones/example/rrsets", name=WWW, type="A")
    shown = {**rrset(WWW, "192.0.2.1", "192.0.2.2"), "kind": "dns#resourceRecordSet"}
    assert listed["rrsets"] == [{**shown, "signatureRrdatas": []}]
    assert (await client.dns("GET", f"/managedZones/example/rrsets/{WWW}/A"))[2] == {
        **shown,
        "signatureRrdatas": [],
    }


async def test_deletions_are_the_set_as_it_stands(clouddns: CloudDnsDouble, client: Client) -> None:
    await client.change([rrset(WWW, "192.0.2.1", "192.0.2.2")])
    before = clouddns.snapshot()
    for other in (
        rrset(WWW, "192.0.2.1"),
        rrset(WWW, "192.0.2.1", "192.0.2.2", ttl=61),
        routed(WWW, wrr={"items": [{"weight": 1, "rrdatas": ["192.0.2.1"]}]}),
    ):
        assert await client.change([rrset("a.example.com.", "192.0.2.1")], [other]) == (
            412,
            "conditionNotMet",
            "Precondition not met for 'entity.change.deletions[0]'",
        )
    status, reason, _ = await client.change([], [rrset("a.example.com.", "192.0.2.1")])
    assert (status, reason) == (404, "notFound")
    assert clouddns.snapshot() == before
    # As read, with what replies add, and in another order.
    _, _, read = await client.dns("GET", f"/managedZones/example/rrsets/{WWW}/A")
    read["rrdatas"].reverse()
    assert (await client.change([rrset(WWW, "192.0.2.3")], [read]))[0] == 200
    assert clouddns.sets("example")[-1] == rrset(WWW, "192.0.2.3")


async def test_an_addition_needs_the_deletion_of_what_stands(
    clouddns: CloudDnsDouble, client: Client
) -> None:
    one = rrset(WWW, "192.0.2.1")
    await client.change([one])
    message = f"The resource 'entity.change.additions[1]' named '{WWW} (A)' already exists"
    before = clouddns.snapshot()
    for same in (one, rrset(WWW, "192.0.2.9")):
        assert await client.change([rrset("a.example.com.", "192.0.2.1"), same]) == (
            409,
            "alreadyExists",
            message,
        )
    assert clouddns.snapshot() == before
    both = [rrset("b.example.com.", "192.0.2.1"), rrset("b.example.com.", "192.0.2.2")]
    assert (await client.change(both))[1] == "alreadyExists"


async def test_a_policy_set_may_be_shown_with_empty_rrdatas_and_echoed(
    clouddns: CloudDnsDouble, client: Client
) -> None:
    one = routed(WWW, wrr={"items": [{"weight": 1.5, "rrdatas": ["192.0.2.1"]}]})
    await client.change([one])
    path = f"/managedZones/example/rrsets/{WWW}/A"
    assert "rrdatas" not in (await client.dns("GET", path))[2]
    clouddns.limits.policy_sets_carry_rrdatas = True
    _, _, read = await client.dns("GET", path)
    assert read["rrdatas"] == []
    assert (await client.change([], [read]))[0] == 200


WRR = {"items": [{"weight": 1, "rrdatas": ["192.0.2.1"]}]}
GEO = {"items": [{"location": "us-east1", "rrdatas": ["192.0.2.1"]}]}


@pytest.mark.parametrize(
    ("one", "reason", "words"),
    [
        ({"type": "A", "ttl": 1, "rrdatas": ["192.0.2.1"]}, "required", "name"),
        ({"name": WWW, "type": "A", "rrdatas": ["192.0.2.1"]}, "required", "ttl"),
        ({"name": WWW, "type": "A", "ttl": 1}, "required", "rrdatas"),
        ({"name": WWW, "type": "A", "ttl": 1, "rrdatas": []}, "required", "rrdatas"),
        ({**rrset(WWW, "192.0.2.1"), "ttl": -1}, "invalid", "ttl"),
        ({**rrset(WWW, "192.0.2.1"), "routingPolicy": {"wrr": WRR}}, "invalid", "routingPolicy"),
        (rrset("www.example.com", "192.0.2.1"), "invalid", "name"),
        (rrset("www.example.org.", "192.0.2.1"), "invalid", "name"),
        (rrset("a.*.example.com.", "192.0.2.1"), "invalid", "name"),
        (rrset("*.example.com.", "ns.example.net.", rtype="NS"), "wildcardNotAllowed", ""),
        (rrset(WWW, "192.0.2.1", rtype="FOO"), "invalid", "type"),
        (rrset(WWW, "192.0.2.256"), "invalid", "rrdatas[0]"),
        (rrset(WWW, "192.0.2.1", "192.0.2.1"), "invalid", "rrdatas[1]"),
        (rrset(WWW, "2001:db8::1"), "invalid", "rrdatas[0]"),
        (rrset(WWW, "elsewhere.example", rtype="CNAME"), "invalid", "rrdatas[0]"),
        (rrset(WWW, "10 mail.example", rtype="MX"), "invalid", "rrdatas[0]"),
        (rrset(WWW, "bare", rtype="TXT"), "invalid", "rrdatas[0]"),
        (rrset(WWW, "a.example.", "b.example.", rtype="CNAME"), "invalidRecordCount", ""),
        (rrset("example.com.", "a.example.", rtype="CNAME"), "recordTypeDisallowedAtZoneApex", ""),
        (
            rrset(WWW, "a. b. 1 1 1 1 1", rtype="SOA"),
            "invalidZoneApex",
            "",
        ),
        (routed(WWW), "invalid", "exactly one of wrr, geo, primaryBackup"),
        (routed(WWW, wrr=WRR, geo=GEO), "invalid", "exactly one of"),
        (routed(WWW, "CAA", wrr=WRR), "invalid", "type CAA"),
        (routed(WWW, wrr={"items": []}), "required", "wrr.items"),
        (routed(WWW, wrr={"items": [{"rrdatas": ["192.0.2.1"]}]}), "required", "weight"),
        (
            routed(WWW, wrr={"items": [{"weight": -1, "rrdatas": ["192.0.2.1"]}]}),
            "invalid",
            "weight",
        ),
        (routed(WWW, wrr={"items": [{"weight": 1}]}), "required", "rrdatas"),
        (
            routed(WWW, wrr={"items": [{"weight": 1, "rrdatas": ["no address"]}]}),
            "invalid",
            "items[0].rrdatas[0]",
        ),
        (routed(WWW, geo={"items": [{"rrdatas": ["192.0.2.1"]}]}), "required", "location"),
        (
            routed(WWW, geo={"items": [{"location": "DE", "rrdatas": ["192.0.2.1"]}]}),
            "invalid",
            "location",
        ),
        (routed(WWW, geo={"items": GEO["items"] * 2}), "invalid", "items[1].location"),
        (
            routed(WWW, wrr={"items": [{"weight": 1, **probed("192.0.2.1")}]}),
            "required",
            "healthCheck",
        ),
        (routed(WWW, wrr=WRR, healthCheck=CHECK), "invalid", "without externalEndpoints"),
        (
            routed(
                WWW,
                wrr={"items": [{"weight": 1, **probed("192.0.2.1")}]},
                healthCheck=CHECK + "-not",
            ),
            "invalid",
            "healthCheck",
        ),
        (
            routed(
                WWW,
                wrr={"items": [{"weight": 1, **probed("2001:db8::1")}]},
                healthCheck=CHECK,
            ),
            "invalid",
            "externalEndpoints[0]",
        ),
        (
            routed(
                WWW,
                "CNAME",
                wrr={"items": [{"weight": 1, **probed("192.0.2.1")}]},
                healthCheck=CHECK,
            ),
            "invalid",
            "type CNAME",
        ),
        (
            routed(
                WWW,
                wrr={
                    "items": [
                        {
                            "weight": 1,
                            "healthCheckedTargets": {
                                "internalLoadBalancers": [{"ipAddress": "10.0.0.1"}]
                            },
                        }
                    ]
                },
            ),
            "invalid",
            "public zone",
        ),
        (
            routed(
                WWW,
                wrr={"items": [{"weight": 1, "healthCheckedTargets": {"externalEndpoints": []}}]},
            ),
            "required",
            "rrdatas",
        ),
        (
            routed(
                WWW,
                wrr={
                    "items": [
                        {
                            "weight": 1,
                            "healthCheckedTargets": {
                                "externalEndpoints": ["192.0.2.1"],
                                "internalLoadBalancers": [{"ipAddress": "10.0.0.1"}],
                            },
                        }
                    ]
                },
                healthCheck=CHECK,
            ),
            "invalid",
            "exactly one of externalEndpoints",
        ),
        (
            routed(WWW, primaryBackup={"backupGeoTargets": GEO}),
            "required",
            "primaryTargets",
        ),
        (
            routed(
                WWW,
                primaryBackup={"primaryTargets": {"externalEndpoints": ["192.0.2.1"]}},
                healthCheck=CHECK,
            ),
            "required",
            "backupGeoTargets",
        ),
        (
            routed(
                WWW,
                primaryBackup={
                    "primaryTargets": {"externalEndpoints": ["192.0.2.1"]},
                    "backupGeoTargets": GEO,
                    "trickleTraffic": 1.1,
                },
                healthCheck=CHECK,
            ),
            "invalid",
            "trickleTraffic",
        ),
        # What the schema does not know, or knows otherwise.
        ({**rrset(WWW, "192.0.2.1"), "weight": 3}, "badRequest", "weight"),
        ({**rrset(WWW, "192.0.2.1"), "ttl": "60"}, "badRequest", "ttl"),
        ({**rrset(WWW, "192.0.2.1"), "ttl": 2**31}, "badRequest", "ttl"),
        ({**rrset(WWW, "192.0.2.1"), "kind": "dns#rrset"}, "badRequest", "kind"),
        (routed(WWW, latency={}), "badRequest", "latency"),
    ],
)
async def test_bad_additions(
    clouddns: CloudDnsDouble, client: Client, one: dict[str, Any], reason: str, words: str
) -> None:
    await client.compute("POST", "/healthChecks", http_check())
    before = clouddns.snapshot()
    status, got, message = await client.change([rrset("a.example.com.", "192.0.2.1"), one])
    assert (status, got) == (400, reason), message
    assert words in message
    assert clouddns.snapshot() == before


@pytest.mark.parametrize(
    "policy",
    [
        {"wrr": {"items": [{"weight": 2.5, **probed("192.0.2.1", "192.0.2.2")}]}},
        {
            "geo": {
                "enableFencing": True,
                "items": [
                    {"location": "us-east1", **probed("192.0.2.1")},
                    {"location": "europe-west1", "rrdatas": ["192.0.2.9"], **probed("192.0.2.2")},
                ],
            }
        },
        {
            "primaryBackup": {
                "primaryTargets": {"externalEndpoints": ["192.0.2.1"]},
                "backupGeoTargets": {"items": [{"location": "us-east1", **probed("192.0.2.2")}]},
                "trickleTraffic": 0.05,
            }
        },
    ],
)
async def test_health_checked_policies(
    clouddns: CloudDnsDouble, client: Client, policy: dict[str, Any]
) -> None:
    one = routed(WWW, **policy, healthCheck=CHECK)
    assert (await client.change([one]))[1] == "invalid"  # before the check is there
    await client.compute("POST", "/healthChecks", http_check())
    assert (await client.change([one]))[0] == 200
    assert clouddns.sets("example")[-1] == one
    path = f"/managedZones/example/rrsets/{WWW}/A"
    assert (await client.dns("GET", path))[2]["routingPolicy"] == one["routingPolicy"]
    assert (await client.compute("DELETE", "/healthChecks/web"))[1] == (
        "resourceInUseByAnotherResource"
    )


async def test_a_signed_zone_takes_one_checked_address_an_item(
    clouddns: CloudDnsDouble, client: Client
) -> None:
    clouddns.add_zone("signed", "example.net.", signed=True)
    await client.compute("POST", "/healthChecks", http_check())

    async def status_of(item: dict[str, Any]) -> int:
        one = routed("www.example.net.", wrr={"items": [{"weight": 1, **item}]}, healthCheck=CHECK)
        path = "/managedZones/signed/changes"
        return (await client.dns("POST", path, {"additions": [one]}))[0]

    assert await status_of(probed("192.0.2.1", "192.0.2.2")) == 400
    assert await status_of({"rrdatas": ["192.0.2.1"], **probed("192.0.2.2")}) == 400
    assert await status_of(probed("192.0.2.1")) == 200


async def test_a_private_zone_takes_internal_balancers_only(
    clouddns: CloudDnsDouble, client: Client
) -> None:
    clouddns.add_zone("inside", "example.net.", private=True)
    await client.compute("POST", "/healthChecks", http_check())
    path = "/managedZones/inside/changes"
    one = routed("a.example.net.", wrr={"items": [{"weight": 1, **probed("192.0.2.1")}]})
    one["routingPolicy"]["healthCheck"] = CHECK
    assert (await client.dns("POST", path, {"additions": [one]}))[1] == "invalid"
    balancers = {"internalLoadBalancers": [{"ipAddress": "10.0.0.1"}]}
    item = {"weight": 1, "healthCheckedTargets": balancers}
    one = routed("a.example.net.", wrr={"items": [item]})
    assert (await client.dns("POST", path, {"additions": [one]}))[0] == 200


async def test_cname_conflicts_are_judged_after_the_whole_change(client: Client) -> None:
    address, cname = rrset(WWW, "192.0.2.1"), rrset(WWW, "elsewhere.example.", rtype="CNAME")
    assert (await client.change([address, cname]))[1] == "cnameResourceRecordSetConflict"
    assert (await client.change([address]))[0] == 200
    assert (await client.change([cname]))[1] == "cnameResourceRecordSetConflict"
    assert (await client.change([cname], [address]))[0] == 200
    assert (await client.change([address]))[1] == "cnameResourceRecordSetConflict"


async def test_the_apex_keeps_its_soa_and_ns(clouddns: CloudDnsDouble, client: Client) -> None:
    ns, soa = clouddns.sets("example")
    assert (await client.change([], [ns]))[1] == "invalidZoneApex"
    assert (await client.change([], [soa]))[1] == "invalidZoneApex"
    assert (await client.change([{**ns, "ttl": 3600}], [ns]))[0] == 200


async def test_an_empty_change_is_refused(client: Client) -> None:
    assert (await client.change())[1] == "required"


@pytest.mark.parametrize(
    ("quota", "most"),
    [
        ("rrsetAdditionsPerChange", 2),
        ("resourceRecordsPerRrset", 2),
        ("totalRrdataSizePerChange", 40),
        ("rrsetsPerManagedZone", 4),
        ("itemsPerRoutingPolicy", 2),
        ("internetHealthChecksPerManagedZone", 2),
    ],
)
async def test_quotas(clouddns: CloudDnsDouble, client: Client, quota: str, most: int) -> None:
    def sets(count: int) -> list[dict[str, Any]]:
        addresses = [f"192.0.2.{n}" for n in range(1, count + 1)]
        if quota == "resourceRecordsPerRrset":
            return [rrset(WWW, *addresses)]
        if quota == "totalRrdataSizePerChange":
            return [rrset(WWW, f'"{"x" * (38 if count == 2 else 39)}"', rtype="TXT")]
        if quota == "itemsPerRoutingPolicy":
            items = [{"weight": 1, "rrdatas": [address]} for address in addresses]
            return [routed(WWW, wrr={"items": items})]
        if quota == "internetHealthChecksPerManagedZone":
            item = {"weight": 1, **probed(*addresses)}
            return [routed(WWW, wrr={"items": [item]}, healthCheck=CHECK)]
        return [rrset(f"{address}.example.com.", address) for address in addresses]

    await client.compute("POST", "/healthChecks", http_check())
    clouddns.limits.quota[quota] = most
    assert (await client.dns("GET"))[2]["quota"][quota] == most
    assert (await client.change(sets(3)))[:2] == (403, "quotaExceeded")
    assert (await client.change(sets(2)))[0] == 200


async def test_deletions_of_a_change_are_limited(clouddns: CloudDnsDouble, client: Client) -> None:
    three = [rrset(f"n{n}.example.com.", "192.0.2.1") for n in range(3)]
    await client.change(three)
    clouddns.limits.quota["rrsetDeletionsPerChange"] = 2
    assert (await client.change([], three))[1] == "quotaExceeded"
    assert (await client.change([], three[:2]))[0] == 200
    assert clouddns.changes("example")[1] == {"additions": [], "deletions": three[:2]}


async def test_kinds_and_signatures_are_no_part_of_what_must_match(client: Client) -> None:
    one = routed(WWW, wrr={"items": [{"weight": 1, "rrdatas": ["192.0.2.1"]}]})
    await client.change([one])
    item = {"weight": 1, "rrdatas": ["192.0.2.1"], "signatureRrdatas": []}
    item["kind"] = "dns#rRSetRoutingPolicyWrrPolicyWrrPolicyItem"
    echoed = routed(WWW, wrr={"items": [item], "kind": "dns#rRSetRoutingPolicyWrrPolicy"})
    assert (await client.change([], [echoed]))[0] == 200


async def test_a_deletion_names_one_set_once(client: Client) -> None:
    one = rrset(WWW, "192.0.2.1")
    await client.change([one])
    assert (await client.change([], [one, one]))[1] == "invalid"
    for field in ("name", "type"):
        short = {name: value for name, value in one.items() if name != field}
        assert (await client.change([], [short]))[1] == "required"
