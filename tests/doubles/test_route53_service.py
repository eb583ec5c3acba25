"""Route 53 around the batches: zones, pages, changes, pace, credentials, the model, faults."""

from __future__ import annotations

import threading
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from tests.doubles.awsthings import a_set, create, delete, refused, send, weighted
from tests.doubles.clock import wall
from tests.doubles.faults import Refusal
from tests.doubles.route53 import double, model, names
from tests.doubles.route53.account import Limits
from tests.doubles.route53.double import Route53Double
from tests.doubles.route53.errors import AwsError

CHANGE = "ChangeResourceRecordSets"


@pytest.fixture
def zone(route53: Route53Double) -> str:
    return route53.add_zone("example.com")


def test_a_change_is_pending_until_its_time(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    change = send(route53_client, zone, create(a_set("a.example.com", "192.0.2.1")))

    def status() -> str:
        shown: str = route53_client.get_change(Id=change)["ChangeInfo"]["Status"]
        return shown

    assert status() == "PENDING"
    route53.manual.advance(59)
    assert status() == "PENDING"
    route53.manual.advance(1)
    assert status() == "INSYNC"
    later = send(route53_client, zone, create(a_set("b.example.com", "192.0.2.1")))
    route53.settle()
    assert route53_client.get_change(Id=later)["ChangeInfo"]["Status"] == "INSYNC"
    with refused("NoSuchChange"):
        route53_client.get_change(Id="C0")


def test_pages_go_through_a_weighted_group(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    group = [weighted("w.example.com.", f"192.0.2.{n}") for n in range(10, 99)]
    route53.edit(zone, *map(create, group))
    route53.edit(zone, create(a_set("z.a.example.com.", "192.0.2.1")))
    pages = route53_client.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=zone, PaginationConfig={"PageSize": 7}
    )
    found = [one for page in pages for one in page["ResourceRecordSets"]]
    assert found == route53.sets(zone)
    assert found[2] == a_set("z.a.example.com.", "192.0.2.1")  # a.example.com sorts before w
    assert found[3:] == group


def test_a_page_has_300_sets_at_most(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    route53.edit(zone, *(create(a_set(f"n{n}.example.com", "192.0.2.1")) for n in range(400)))
    page = route53_client.list_resource_record_sets(HostedZoneId=zone, MaxItems="1000")
    assert (len(page["ResourceRecordSets"]), page["IsTruncated"]) == (300, True)


@pytest.mark.parametrize(
    "start",
    [
        {"StartRecordType": "A"},
        {"StartRecordName": "a.example.com", "StartRecordIdentifier": "x"},
        {"MaxItems": "0"},
        {"MaxItems": "many"},
    ],
)
def test_bad_starts_of_pages(
    route53: Route53Double, route53_client: Any, zone: str, start: dict[str, str]
) -> None:
    with refused("InvalidInput"):
        route53_client.list_resource_record_sets(HostedZoneId=zone, **start)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("WWW.Example.COM", "www.example.com."),
        ("*.example.com.", "\\052.example.com."),
        ("\\052.example.com", "\\052.example.com."),
        ("_gslb-own.a.example.com", "_gslb-own.a.example.com."),
        ("a\\.b.example.com", "a\\056b.example.com."),
        ("a b.example.com", "a\\040b.example.com."),
    ],
)
def test_names_are_normal(text: str, normal: str) -> None:
    assert names.normal(text) == normal
    assert names.normal(normal) == normal


def test_zones(route53: Route53Double, route53_client: Any) -> None:
    made = route53_client.create_hosted_zone(Name="Example.com", CallerReference="r")
    zone = made["HostedZone"]["Id"]
    assert made["HostedZone"]["Name"] == "example.com."
    assert made["ChangeInfo"]["Status"] == "PENDING"
    servers = made["DelegationSet"]["NameServers"]
    assert [v["Value"] for v in route53.sets(zone.rpartition("/")[2])[0]["ResourceRecords"]] == [
        f"{server}." for server in servers
    ]
    with refused("HostedZoneAlreadyExists"):
        route53_client.create_hosted_zone(Name="other.example", CallerReference="r")
    twin = route53.add_zone("example.com", private=True)
    assert route53_client.get_hosted_zone(Id=twin)["HostedZone"]["Config"]["PrivateZone"] is True
    route53.add_zone("a.example")
    listed = route53_client.list_hosted_zones_by_name(DNSName="example.com", MaxItems="1")
    assert listed["HostedZones"][0]["Name"] == "example.com."
    assert listed["NextHostedZoneId"] == twin
    assert len(route53_client.list_hosted_zones()["HostedZones"]) == 3
    limit = route53_client.get_hosted_zone_limit(HostedZoneId=zone, Type="MAX_RRSETS_BY_ZONE")
    assert (limit["Limit"]["Value"], limit["Count"]) == (10_000, 2)
    send(route53_client, zone, create(a_set("a.example.com", "192.0.2.1")))
    with refused("HostedZoneNotEmpty"):
        route53_client.delete_hosted_zone(Id=zone)
    send(route53_client, zone, delete(a_set("a.example.com", "192.0.2.1")))
    route53_client.delete_hosted_zone(Id=zone)
    with refused("NoSuchHostedZone"):
        route53_client.get_hosted_zone(Id=zone)


def test_five_requests_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    with Route53Double(Limits()) as throttled:
        for name, value in throttled.environment.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("route53", config=Config(retries={"total_max_attempts": 1}))
        for _ in range(5):
            client.list_hosted_zones()
        with refused("Throttling", "Rate exceeded"):
            client.list_hosted_zones()
        throttled.manual.advance(0.2)
        client.list_hosted_zones()
        with refused("Throttling"):
            client.list_hosted_zones()
        client.close()


def test_credentials(route53: Route53Double, route53_client: Any) -> None:
    stranger = boto3.client("route53", aws_access_key_id="AKIANOBODY", aws_secret_access_key="x")
    with refused("InvalidClientTokenId"):
        stranger.list_hosted_zones()
    stranger.close()
    route53.credentials_expired = True
    with refused("ExpiredToken"):
        route53_client.list_hosted_zones()
    route53.credentials_expired = False
    route53_client.list_hosted_zones()


def test_what_is_not_in_the_double_says_so(route53: Route53Double, route53_client: Any) -> None:
    with refused("NotInTheDouble", "ListTrafficPolicies"):
        route53_client.list_traffic_policies()


def test_errors_before_and_after(route53: Route53Double, route53_client: Any, zone: str) -> None:
    one = create(a_set("a.example.com", "192.0.2.1"))
    route53.faults.refuse(CHANGE, double.PRIOR_REQUEST, times=2, skip=1)
    send(route53_client, zone, create(a_set("first.example.com", "192.0.2.1")))
    for _ in range(2):
        with refused("PriorRequestNotComplete"):
            send(route53_client, zone, one)
    assert len(route53.batches) == 1
    route53.faults.refuse_after(CHANGE, double.FAILED)
    with refused("InternalFailure"):
        send(route53_client, zone, one)
    with refused("InvalidChangeBatch", "already exists"):
        send(route53_client, zone, one)
    assert route53.faults.pending == 0


def test_lost_replies_and_cut_requests(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    one = create(a_set("a.example.com", "192.0.2.1"))
    route53.faults.cut(CHANGE)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        send(route53_client, zone, one)
    assert route53.batches == []
    route53.faults.lose_reply(CHANGE)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        send(route53_client, zone, one)
    assert len(route53.batches) == 1
    assert [call.status for call in route53.called(CHANGE)] == [0, 0]


def test_boto3_repeats_what_is_throttled(route53: Route53Double, route53_client: Any) -> None:
    route53.faults.refuse("*", double.THROTTLED)
    patient = boto3.client("route53", config=Config(retries={"mode": "standard"}))
    patient.list_hosted_zones()
    patient.close()
    assert [call.code for call in route53.calls] == ["Throttling", ""]


def test_one_batch_a_zone_at_a_time(route53: Route53Double, route53_client: Any, zone: str) -> None:
    other = route53.add_zone("example.org")
    held = route53.faults.hold(CHANGE)
    batch = create(a_set("a.example.com", "192.0.2.1"))
    slow = threading.Thread(target=send, args=(route53_client, zone, batch))
    slow.start()
    held.wait_for_arrival()
    with refused("PriorRequestNotComplete"):
        send(route53_client, zone, create(a_set("b.example.com", "192.0.2.1")))
    send(route53_client, other, create(a_set("b.example.org", "192.0.2.1")))
    held.release()
    slow.join()
    send(route53_client, zone, create(a_set("b.example.com", "192.0.2.1")))
    assert len(route53.sets(zone)) == 4


def test_somebody_else_comes_first(route53: Route53Double, route53_client: Any, zone: str) -> None:
    old, new = (a_set("_m.example.com", f'"gen={n}"', rtype="TXT") for n in (1, 2))
    send(route53_client, zone, create(old))
    swap = (delete(old), create(new))
    route53.faults.first(CHANGE, lambda: route53.edit(zone, *swap))
    with refused("InvalidChangeBatch", "do not match the current values"):
        send(route53_client, zone, *swap)


def test_of_concurrent_swaps_one_wins(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    old = a_set("_m.example.com", '"gen=0"', rtype="TXT")
    send(route53_client, zone, create(old))
    outcomes: list[str] = []

    def swap(number: int) -> None:
        try:
            new = a_set("_m.example.com", f'"gen={number}"', rtype="TXT")
            send(route53_client, zone, delete(old), create(new))
            outcomes.append("won")
        except botocore.exceptions.ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    writers = [threading.Thread(target=swap, args=(number,)) for number in range(1, 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes)[-1:] == ["won"]
    assert outcomes.count("won") == 1
    assert set(outcomes) <= {"won", "InvalidChangeBatch", "PriorRequestNotComplete"}
    assert len(route53.batches) == 2


def test_equal_states_give_equal_snapshots(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    before = route53.snapshot()
    one = a_set("a.example.com", "192.0.2.1")
    send(route53_client, zone, create(one))
    assert route53.snapshot() != before
    send(route53_client, zone, delete(one))
    assert route53.snapshot() == before


BODY = (
    '<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
    "<ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet>"
    "<Name>a.example.com</Name><Type>A</Type>{}</ResourceRecordSet></Change></Changes>"
    "</ChangeBatch></ChangeResourceRecordSetsRequest>"
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (BODY.format("<Colour>red</Colour>"), "unexpected element"),
        (BODY.format("<TTL>1</TTL><TTL>2</TTL>"), "twice"),
        (BODY.format("<TTL>soon</TTL>"), "no integer"),
        (BODY.format("<TTL>-1</TTL>"), "greater than or equal to 0"),
        (BODY.format("").replace("<Type>A</Type>", ""), "resourceRecordSet.type"),
        (BODY.format("").replace(">A<", ">DNSKEY<"), "enum value set"),
        (BODY.format("").replace("CREATE", "PUT"), "enum value set"),
        (BODY.format("").replace("2013-04-01/", "2012-12-12/"), "root element"),
        ("not XML", "XML"),
    ],
)
def test_bodies_are_held_to_the_model(body: str, words: str) -> None:
    operation, parts = model.route("POST", "/2013-04-01/hostedzone/Z1/rrset/")
    with pytest.raises(AwsError, match=words):
        model.read(operation, parts, (), body.encode())


def test_queries_are_held_to_the_model() -> None:
    operation, parts = model.route("GET", "/2013-04-01/hostedzone/Z1/rrset")
    with pytest.raises(AwsError, match="unknown query parameter 'names'"):
        model.read(operation, parts, (("names", "a"),), b"")
    with pytest.raises(AwsError):
        model.route("GET", "/2013-04-01/nonsense")


@pytest.mark.parametrize(
    "output",
    [
        {},
        {"ChangeInfo": {"Id": "C1", "Status": "DONE", "SubmittedAt": wall(0)}},
        {"ChangeInfo": {"Id": "C1", "Status": "INSYNC"}},
        {"Change": {}},
    ],
)
def test_replies_are_held_to_the_model(output: dict[str, Any]) -> None:
    operation, _ = model.route("GET", "/2013-04-01/change/C1")
    with pytest.raises(AssertionError):
        model.write(operation, output)


def test_a_double_that_fails_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Route53Double()
    broken.__enter__()
    for name, value in broken.environment.items():
        monkeypatch.setenv(name, value)
    broken.faults.first("*", lambda: 1 / 0)
    client = boto3.client("route53", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(botocore.exceptions.ClientError):
        client.list_hosted_zones()
    client.close()
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        broken.__exit__()


def test_one_answering_fault_a_request(route53: Route53Double, route53_client: Any) -> None:
    route53.faults.refuse("ListHostedZones", Refusal(400, "First", "of all"))
    route53.faults.refuse("*", Refusal(400, "Second", "of all"))
    for code in ("First", "Second"):
        with refused(code):
            route53_client.list_hosted_zones()
    route53_client.list_hosted_zones()
