"""Routing policies: identifiers, kinds, groups, places, aliases."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.doubles.awsthings import (
    a_set,
    alias,
    create,
    delete,
    http_check,
    refused,
    send,
    upsert,
    weighted,
)
from tests.doubles.route53.double import Route53Double

WWW = "www.example.com"
POLICIES: dict[str, dict[str, Any]] = {
    "weighted": {"Weight": 1},
    "latency": {"Region": "eu-west-1"},
    "GEO": {"GeoLocation": {"CountryCode": "*"}},
    "failover": {"Failover": "SECONDARY"},
    "multivalue answer": {"MultiValueAnswer": True},
    "geoproximity": {"GeoProximityLocation": {"AWSRegion": "eu-west-1", "Bias": 10}},
}


def routed(identifier: str, value: str = "192.0.2.1", **policy: Any) -> dict[str, Any]:
    return a_set(WWW, value, SetIdentifier=identifier, **policy)


@pytest.fixture
def zone(route53: Route53Double) -> str:
    return route53.add_zone("example.com")


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_policies_come_back_as_sent(
    route53: Route53Double, route53_client: Any, zone: str, policy: dict[str, Any]
) -> None:
    send(route53_client, zone, create(routed("one", **policy)))
    listed = route53_client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert listed[2] == {**routed("one", **policy), "Name": "www.example.com."}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_policy_needs_an_identifier_and_an_identifier_a_policy(
    route53: Route53Double, route53_client: Any, zone: str, policy: dict[str, Any]
) -> None:
    with refused("InvalidInput", "Missing field 'SetIdentifier' in Change with [Action=CREATE, "):
        send(route53_client, zone, create(a_set(WWW, "192.0.2.1", **policy)))
    with refused("InvalidInput", "or CidrRoutingConfig], but found none in Change"):
        send(route53_client, zone, create(routed("one")))
    both = policy | ({"Weight": 1} if "Weight" not in policy else {"Region": "eu-west-1"})
    with refused("InvalidInput", "or CidrRoutingConfig], but found more than one in Change"):
        send(route53_client, zone, create(routed("one", **both)))


@pytest.mark.parametrize("first", POLICIES)
@pytest.mark.parametrize("second", POLICIES)
def test_one_kind_a_name_and_type(
    route53: Route53Double, route53_client: Any, zone: str, first: str, second: str
) -> None:
    send(route53_client, zone, create(routed("one", **POLICIES[first])))
    with refused("InvalidChangeBatch", "cannot be created as other RRSets exist with the same"):
        send(route53_client, zone, create(a_set(WWW, "192.0.2.1")))
    if first == second:
        return
    words = (
        "a non-weighted set exists with the same name and type"
        if second == "weighted"
        else f"because a non-{second} RRSet with the same name and type already exists"
    )
    for step in (create, upsert):
        with refused("InvalidChangeBatch", words):
            send(route53_client, zone, step(routed("two", **POLICIES[second])))
    with refused("InvalidChangeBatch", words):
        send(route53_client, zone, upsert(routed("one", **POLICIES[second])))
    send(  # the way that works: the old group goes, the new one comes, in one batch
        route53_client,
        zone,
        delete(routed("one", **POLICIES[first])),
        create(routed("two", **POLICIES[second])),
    )


def test_a_simple_set_keeps_policies_out(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    send(route53_client, zone, create(a_set(WWW, "192.0.2.1")))
    with refused("InvalidChangeBatch", "a non-latency RRSet with the same name and type"):
        send(route53_client, zone, create(routed("one", Region="eu-west-1")))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"Weight": 256}, "less than or equal to 255"),
        ({"Region": "mars-1"}, "must satisfy enum value set"),
        ({"GeoLocation": {"ContinentCode": "EU", "CountryCode": "DE"}}, "ContinentCode"),
        ({"GeoLocation": {}}, "ContinentCode"),
        ({"GeoLocation": {"CountryCode": "UK"}}, "No country UK"),
        ({"GeoLocation": {"ContinentCode": "XX"}}, "No continent XX"),
        ({"GeoLocation": {"CountryCode": "DE", "SubdivisionCode": "BY"}}, "No subdivisions"),
        ({"GeoLocation": {"CountryCode": "US", "SubdivisionCode": "ZZ"}}, "No subdivision ZZ"),
        ({"GeoLocation": {"SubdivisionCode": "CA"}}, "ContinentCode"),
        ({"GeoProximityLocation": {"Bias": 1}}, "exactly one of [AWSRegion"),
        (
            {"GeoProximityLocation": {"AWSRegion": "eu-west-1", "Bias": 100}},
            "less than or equal to 99",
        ),
        (
            {"GeoProximityLocation": {"Coordinates": {"Latitude": "1.234", "Longitude": "1"}}},
            "regular expression",
        ),
        (
            {
                "GeoProximityLocation": {
                    "AWSRegion": "eu-west-1",
                    "Coordinates": {"Latitude": "1", "Longitude": "1"},
                }
            },
            "exactly one of [AWSRegion",
        ),
    ],
)
def test_bad_policies(
    route53: Route53Double, route53_client: Any, zone: str, policy: dict[str, Any], words: str
) -> None:
    with refused("InvalidInput", words):
        send(route53_client, zone, create(routed("one", **policy)))


@pytest.mark.parametrize("policy", [{"Weight": 1}, {"Region": "eu-west-1"}])
def test_weighted_and_latency_hold_one_value(
    route53: Route53Double, route53_client: Any, zone: str, policy: dict[str, Any]
) -> None:
    two = a_set(WWW, "192.0.2.1", "192.0.2.2", SetIdentifier="one", **policy)
    with refused("InvalidInput", "exactly one ResourceRecord"):
        send(route53_client, zone, create(two))


def test_failover_and_geo_hold_many(route53: Route53Double, route53_client: Any, zone: str) -> None:
    for name, policy in (("f", {"Failover": "PRIMARY"}), ("g", POLICIES["GEO"])):
        two = a_set(f"{name}.example.com", "192.0.2.1", "192.0.2.2", SetIdentifier="1", **policy)
        send(route53_client, zone, create(two))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"Region": "eu-west-1"}, "a latency RRSet with the same name, type and region already"),
        ({"Failover": "PRIMARY"}, "a failover RRSet with the same name, type and failover role"),
        ({"GeoLocation": {"ContinentCode": "EU"}}, "a GEO RRSet with the same name, type and"),
        ({"GeoProximityLocation": {"AWSRegion": "eu-west-1"}}, "a geoproximity RRSet with"),
    ],
)
def test_twins_in_a_group(
    route53: Route53Double, route53_client: Any, zone: str, policy: dict[str, Any], words: str
) -> None:
    send(route53_client, zone, create(routed("one", **policy)))
    with refused("InvalidChangeBatch", words):
        send(route53_client, zone, create(routed("two", **policy)))


def test_a_weighted_group_has_one_ttl(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    both = [weighted(WWW, "192.0.2.1"), weighted(WWW, "192.0.2.2")]
    send(route53_client, zone, *map(create, both))
    with refused("InvalidChangeBatch", "weighted sets must contain the same TTL."):
        send(route53_client, zone, upsert({**both[0], "TTL": 30}))
    send(route53_client, zone, *(upsert({**one, "TTL": 30}) for one in both))


@pytest.mark.parametrize(("kind", "most"), [("weighted", 100), ("geoproximity", 30)])
def test_size_of_a_group(
    route53: Route53Double, route53_client: Any, zone: str, kind: str, most: int
) -> None:
    def member(number: int) -> dict[str, Any]:
        where = {"Coordinates": {"Latitude": str(number), "Longitude": "0"}}
        policy = {"Weight": 1} if kind == "weighted" else {"GeoProximityLocation": where}
        return routed(str(number), f"192.0.2.{number}", **policy)

    with refused("InvalidChangeBatch", f"limit of {most} sets"):
        send(route53_client, zone, *(create(member(number)) for number in range(most + 1)))
    send(route53_client, zone, *(create(member(number)) for number in range(most)))


def test_health_checks_must_exist_and_need_a_policy(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    with refused("NoSuchHealthCheck", unknown):
        send(route53_client, zone, create(routed("one", Weight=1, HealthCheckId=unknown)))
    made = route53_client.create_health_check(CallerReference="r", HealthCheckConfig=http_check())
    check = made["HealthCheck"]["Id"]
    with refused("InvalidInput", "Missing field 'SetIdentifier'"):
        send(route53_client, zone, create(a_set(WWW, "192.0.2.1", HealthCheckId=check)))
    send(route53_client, zone, create(routed("one", Weight=1, HealthCheckId=check)))


def test_simple_types_and_data(route53: Route53Double, route53_client: Any, zone: str) -> None:
    ns = a_set("sub.example.com", "ns.example.net", rtype="NS", SetIdentifier="1", Weight=1)
    with refused("InvalidInput", "simple routing only"):
        send(route53_client, zone, create(ns))
    with refused("InvalidInput", "cannot be an alias"):
        send(route53_client, zone, create(alias("sub.example.com", "example.com", zone, "NS")))
    many = routed("1", "elsewhere.example", rtype="CNAME", MultiValueAnswer=True)
    with refused("InvalidInput", "cannot be a CNAME"):
        send(route53_client, zone, create(many))
    no_ttl = a_set(WWW, "192.0.2.1")
    del no_ttl["TTL"]
    with refused("InvalidInput", "or TrafficPolicyInstanceId], but found none in Change with"):
        send(route53_client, zone, create(no_ttl))


def test_an_alias_has_no_ttl_and_no_values(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    send(route53_client, zone, create(a_set("t.example.com", "192.0.2.1")))
    with refused("InvalidInput", "or TrafficPolicyInstanceId], but found more than one"):
        send(route53_client, zone, create(alias(WWW, "t.example.com", zone, TTL=60)))
    many = alias(WWW, "t.example.com", zone, SetIdentifier="1", MultiValueAnswer=True)
    with refused("InvalidInput", "no alias"):
        send(route53_client, zone, create(many))


def test_an_alias_target_stands_in_the_zone_or_earlier_in_the_batch(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    other = route53.add_zone("example.org")
    missing = (
        f"Tried to create an alias that targets t.example.com., type A in zone {zone}, but that "
        "target was not found"
    )
    target, pointer = a_set("t.example.com", "192.0.2.1"), alias(WWW, "t.example.com", zone)
    with refused("InvalidChangeBatch", missing):
        send(route53_client, zone, create(pointer))
    with refused("InvalidChangeBatch", missing):
        send(route53_client, zone, create(pointer), create(target))
    send(route53_client, zone, create(target), create(pointer))
    with refused("InvalidChangeBatch", missing):  # it stands, but the batch replaces it later
        send(route53_client, zone, upsert(pointer), upsert(target))
    send(route53_client, zone, upsert(target), upsert(pointer))
    with refused("InvalidChangeBatch", "the alias target name does not lie within the target"):
        send(route53_client, zone, create(alias("x.example.com", "t.example.com", other)))
    with refused("InvalidChangeBatch", "type AAAA in zone"):
        send(route53_client, zone, create(alias("x.example.com", "t.example.com", zone, "AAAA")))


def test_an_alias_of_a_service_needs_no_set(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    send(route53_client, zone, create(alias(WWW, "d1.cloudfront.net", "Z2FDTNDATAQYW2")))


def test_a_target_cannot_go_while_an_alias_names_it(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    target, pointer = a_set("t.example.com", "192.0.2.1"), alias(WWW, "t.example.com", zone)
    send(route53_client, zone, create(target), create(pointer))
    with refused("InvalidChangeBatch", "but that target was not found"):
        send(route53_client, zone, delete(target))
    send(route53_client, zone, delete(target), delete(pointer))


def test_aliases_chain_but_not_in_a_circle(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    names = [f"n{number}.example.com" for number in range(6)]
    send(
        route53_client,
        zone,
        create(a_set(names[0], "192.0.2.1")),
        *(create(alias(after, name, zone)) for name, after in itertools.pairwise(names)),
    )
    assert len(route53.sets(zone)) == 8
    with refused("InvalidChangeBatch", "circle"):
        send(route53_client, zone, upsert(alias(names[0], names[5], zone)))


def test_the_tree_of_a_policy(route53: Route53Double, route53_client: Any, zone: str) -> None:
    """Values, terminals, chains, tops and names, as a pusher builds them, in one batch."""
    check = route53_client.create_health_check(CallerReference="r", HealthCheckConfig=http_check())[
        "HealthCheck"
    ]["Id"]
    send(
        route53_client,
        zone,
        create(weighted("_v-eu.example.com", "192.0.2.1", 3, HealthCheckId=check)),
        create(weighted("_v-eu.example.com", "192.0.2.2", 1)),
        create(weighted("_t-eu.example.com", "192.0.2.1", 3)),
        create(
            alias(
                "_c-1.example.com",
                "_v-eu.example.com",
                zone,
                SetIdentifier="eu",
                Failover="PRIMARY",
                HealthCheckId=check,
            )
        ),
        create(
            alias(
                "_c-1.example.com",
                "_t-eu.example.com",
                zone,
                SetIdentifier="last",
                Failover="SECONDARY",
            )
        ),
        create(
            alias(
                "_p-web.example.com",
                "_c-1.example.com",
                zone,
                SetIdentifier="*",
                GeoLocation={"CountryCode": "*"},
            )
        ),
        create(alias(WWW, "_p-web.example.com", zone)),
    )
    assert len(route53.sets(zone)) == 9
