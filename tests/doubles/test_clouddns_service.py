"""Cloud DNS around the changes: tokens, pages, zones, health checks, the documents, faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import google.auth
import google.auth.transport.requests
import pytest

from tests.doubles.clouddns import discovery, double
from tests.doubles.clouddns.double import CloudDnsDouble
from tests.doubles.clouddns.errors import GoogleError
from tests.doubles.clouddns.tokens import DNS_READ_SCOPE, DNS_SCOPE
from tests.doubles.googlethings import CHECK, REGIONS, Client, http_check, rrset

ZONE = "/managedZones/example"


@pytest.fixture
async def client(clouddns: CloudDnsDouble) -> AsyncIterator[Client]:
    clouddns.add_zone("example", "example.com.")
    async with aiohttp.ClientSession() as session:
        yield Client(clouddns, session)


async def test_tokens(clouddns: CloudDnsDouble, client: Client) -> None:
    good = client.token
    for bad in ("", "nobody's", good + "x"):
        client.token = bad
        assert (await client.dns("GET", ZONE))[:2] == (401, "authError")
    client.token = clouddns.token([DNS_READ_SCOPE])
    assert (await client.dns("GET", ZONE))[0] == 200
    assert (await client.change([rrset("a.example.com.", "192.0.2.1")]))[:2] == (
        403,
        "insufficientPermissions",
    )
    client.token = clouddns.token([DNS_SCOPE])
    assert (await client.compute("GET", "/healthChecks"))[1] == "insufficientPermissions"
    client.token = good
    assert (await client.dns("GET", ZONE))[0] == 200
    clouddns.expire_tokens()
    assert (await client.dns("GET", ZONE))[:2] == (401, "authError")


def test_a_service_account_fetches_tokens(
    clouddns: CloudDnsDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouddns.add_zone("example", "example.com.")
    for name, value in clouddns.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    credentials, project = google.auth.default(scopes=[DNS_SCOPE])
    assert project == "double"
    with google.auth.transport.requests.AuthorizedSession(credentials) as session:
        url = f"{clouddns.url}/dns/v1/projects/double/managedZones/example"
        assert session.get(url).json()["dnsName"] == "example.com."
        clouddns.expire_tokens()
        assert session.get(url).status_code == 200  # after a refresh of its own
    assert [call.status for call in clouddns.called("token")] == [200, 200]
    assert [call.status for call in clouddns.called("dns.managedZones.get")] == [200, 401, 200]


async def test_a_forged_assertion_gets_no_token(clouddns: CloudDnsDouble, client: Client) -> None:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
    async with client.session.post(f"{clouddns.url}/token", data=form) as reply:
        assert (reply.status, (await reply.json())["error"]) == (400, "invalid_grant")


async def test_record_sets_come_in_pages(clouddns: CloudDnsDouble, client: Client) -> None:
    clouddns.edit("example", [rrset(f"n{n}.example.com.", "192.0.2.1") for n in range(5)])
    found: list[Any] = []
    token: dict[str, str] = {}
    for size in (3, 3, 1):
        _, _, page = await client.dns("GET", f"{ZONE}/rrsets", maxResults=3, **token)
        assert len(page["rrsets"]) == size
        found += [one["name"] for one in page["rrsets"]]
        token = {"pageToken": page["nextPageToken"]} if "nextPageToken" in page else {}
    assert not token
    assert found == ["example.com."] * 2 + [f"n{n}.example.com." for n in range(5)]
    clouddns.limits.page = 2
    assert len((await client.dns("GET", f"{ZONE}/rrsets"))[2]["rrsets"]) == 2


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"type": "A"}, "required"),
        ({"pageToken": "made-up"}, "invalid"),
        ({"maxResults": "0"}, "invalid"),
        ({"maxResults": "many"}, "badRequest"),
        ({"pagesize": "3"}, "badRequest"),
        ({"alt": "media"}, "badRequest"),
    ],
)
async def test_bad_queries(client: Client, query: dict[str, str], reason: str) -> None:
    assert (await client.dns("GET", f"{ZONE}/rrsets", **query))[:2] == (400, reason)


async def test_changes_are_listed_either_way(clouddns: CloudDnsDouble, client: Client) -> None:
    for n in range(3):
        await client.change([rrset(f"n{n}.example.com.", "192.0.2.1")])
    for order, ids in (("ascending", ["1", "2", "3"]), ("descending", ["3", "2", "1"])):
        _, _, listed = await client.dns("GET", f"{ZONE}/changes", sortOrder=order)
        assert [change["id"] for change in listed["changes"]] == ids
    assert (await client.dns("GET", f"{ZONE}/changes", sortOrder="up"))[1] == "invalid"
    assert (await client.dns("GET", f"{ZONE}/changes/9"))[:2] == (404, "notFound")


async def test_zones(clouddns: CloudDnsDouble, client: Client) -> None:
    new = {"name": "other", "dnsName": "example.net.", "description": "a zone"}
    for field in new:
        short = {name: value for name, value in new.items() if name != field}
        assert (await client.dns("POST", "/managedZones", short))[1] == "required"
    for bad in ({"name": "Other"}, {"dnsName": "example.net"}):
        assert (await client.dns("POST", "/managedZones", new | bad))[1] == "invalid"
    _, _, made = await client.dns("POST", "/managedZones", new)
    assert made["visibility"] == "public"
    assert (await client.dns("POST", "/managedZones", new))[:2] == (409, "alreadyExists")
    _, _, listed = await client.dns("GET", "/managedZones", dnsName="example.net.")
    assert [zone["name"] for zone in listed["managedZones"]] == ["other"]
    assert (await client.dns("GET", f"/managedZones/{made['id']}"))[2] == made
    clouddns.edit("other", [rrset("a.example.net.", "192.0.2.1")])
    assert (await client.dns("DELETE", "/managedZones/other"))[1] == "containerNotEmpty"
    clouddns.edit("other", [], [rrset("a.example.net.", "192.0.2.1")])
    assert (await client.dns("DELETE", "/managedZones/other"))[0] == 204
    assert (await client.dns("GET", "/managedZones/other"))[:2] == (404, "notFound")
    url = "/dns/v1/projects/another/managedZones"
    assert (await client.ask("GET", url))[:2] == (404, "notFound")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sourceRegions": REGIONS[:2]}, "sourceRegions"),
        ({"sourceRegions": [*REGIONS, "us-west1"]}, "sourceRegions"),
        ({"sourceRegions": [*REGIONS[:2], REGIONS[0]]}, "sourceRegions"),
        ({"sourceRegions": [*REGIONS[:2], "mars-1"]}, "sourceRegions"),
        ({"checkIntervalSec": 29}, "checkIntervalSec"),
        ({"timeoutSec": 31}, "timeoutSec"),
        ({"unhealthyThreshold": 11}, "unhealthyThreshold"),
        ({"type": "TCP"}, "TCP with httpHealthCheck"),
        ({"httpHealthCheck": {"port": 80, "proxyHeader": "PROXY_V1"}}, "proxyHeader"),
        ({"httpHealthCheck": {"port": 80, "path": "/"}}, "path"),
        ({"name": "Web"}, "name"),
        ({"type": "SSL", "httpHealthCheck": {}}, "SSL"),
    ],
)
async def test_bad_health_checks(client: Client, more: dict[str, Any], words: str) -> None:
    status, _, answer = await client.compute("POST", "/healthChecks", http_check(**more))
    assert status == 400
    assert words in answer["error"]["message"]


async def test_health_checks(clouddns: CloudDnsDouble, client: Client) -> None:
    clouddns.limits.operation_seconds = 5
    _, _, operation = await client.compute("POST", "/healthChecks", http_check())
    assert operation["status"] == "RUNNING"
    clouddns.manual.advance(5)
    path = f"/operations/{operation['name']}"
    assert (await client.compute("GET", path))[2]["status"] == "DONE"
    assert (await client.compute("POST", "/healthChecks", http_check()))[1] == "alreadyExists"
    await client.compute("PATCH", "/healthChecks/web", {"unhealthyThreshold": 3})
    _, _, read = await client.compute("GET", "/healthChecks/web")
    assert (read["selfLink"], read["unhealthyThreshold"]) == (CHECK, 3)
    assert read == clouddns.health_checks()["web"]
    _, _, listed = await client.compute("GET", "/healthChecks")
    assert listed["items"] == [read]
    assert (await client.compute("DELETE", "/healthChecks/web"))[0] == 200
    assert (await client.compute("GET", "/healthChecks/web"))[:2] == (404, "notFound")


async def test_what_is_not_in_the_double_says_so(client: Client) -> None:
    assert (await client.dns("GET", "/policies"))[:2] == (501, "notImplemented")
    assert (await client.dns("GET", "/nonsense"))[:2] == (404, "notFound")


async def test_a_body_must_be_json(client: Client) -> None:
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "text/plain"}
    url = f"{client.url}/dns/v1/projects/double{ZONE}/changes"
    async with client.session.post(url, data="{}", headers=headers) as reply:
        assert reply.status == 400
    headers["Content-Type"] = "application/json"
    async with client.session.post(url, data="{", headers=headers) as reply:
        assert reply.status == 400


def test_replies_are_held_to_the_document() -> None:
    method, _ = discovery.find("GET", "/dns/v1/projects/p/managedZones/z/changes/1")
    discovery.check_reply(method, {"id": "1", "status": "done"})
    for bad in ({"status": "INSYNC"}, {"serial": 1}, {"id": 1}, None):
        with pytest.raises(AssertionError):
            discovery.check_reply(method, bad)


def test_routes_do_not_swallow_each_other() -> None:
    path = "/dns/v1/projects/p/managedZones/z/rrsets/www.example.com./A"
    method, parts = discovery.find("GET", path)
    assert method.id == "dns.resourceRecordSets.get"
    assert parts == {"project": "p", "managedZone": "z", "name": "www.example.com.", "type": "A"}
    with pytest.raises(GoogleError):
        discovery.find("GET", "/dns/v2/projects/p/managedZones/z")


async def test_faults(clouddns: CloudDnsDouble, client: Client) -> None:
    create = "dns.changes.create"
    one = rrset("a.example.com.", "192.0.2.1")
    clouddns.faults.refuse(create, double.RATE_LIMITED, times=2)
    for _ in range(2):
        assert (await client.change([one]))[:2] == (403, "rateLimitExceeded")
    assert len(clouddns.sets("example")) == 2
    clouddns.faults.lose_reply(create)
    with pytest.raises(aiohttp.ClientError):
        await client.change([one])
    assert clouddns.sets("example")[-1] == one
    assert (await client.change([one]))[:2] == (409, "alreadyExists")
    clouddns.faults.refuse_after(create, double.UNAVAILABLE)
    assert (await client.change([], [one]))[:2] == (503, "backendError")
    assert len(clouddns.sets("example")) == 2
    assert [call.status for call in clouddns.called(create)] == [403, 403, 0, 409, 503]


async def test_somebody_else_comes_first(clouddns: CloudDnsDouble, client: Client) -> None:
    old, new = (rrset("_m.example.com.", f'"gen={n}"', rtype="TXT") for n in (1, 2))
    await client.change([old])
    clouddns.faults.first("dns.changes.create", lambda: clouddns.edit("example", [new], [old]))
    assert (await client.change([new], [old]))[:2] == (412, "conditionNotMet")


async def test_a_held_reply(clouddns: CloudDnsDouble, client: Client) -> None:
    held = clouddns.faults.hold_reply("dns.changes.create")
    one = rrset("a.example.com.", "192.0.2.1")
    asking = asyncio.ensure_future(client.change([one]))
    await asyncio.to_thread(held.wait_for_arrival)
    assert clouddns.sets("example")[-1] == one
    assert not asking.done()
    held.release()
    assert (await asking)[0] == 200


async def test_pace(clouddns: CloudDnsDouble, client: Client) -> None:
    clouddns.limits.requests_per_second = 2
    statuses = [(await client.dns("GET", ZONE))[0] for _ in range(3)]
    assert statuses == [200, 200, 403]
    clouddns.manual.advance(0.5)
    assert (await client.dns("GET", ZONE))[0] == 200


async def test_source_regions_go_with_three_types(client: Client) -> None:
    check = http_check(type="SSL")
    del check["httpHealthCheck"]
    assert (await client.compute("POST", "/healthChecks", check))[1] == "invalid"
    del check["sourceRegions"]
    assert (await client.compute("POST", "/healthChecks", check))[0] == 200
