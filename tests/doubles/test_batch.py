"""ChangeResourceRecordSets: all or nothing, in order, within the limits, exact deletions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.awsthings import a_set, alias, create, delete, refused, send, upsert, weighted
from tests.doubles.route53.double import Route53Double


@pytest.fixture
def zone(route53: Route53Double) -> str:
    return route53.add_zone("example.com")


def names_of(route53: Route53Double, zone: str) -> list[tuple[str, str]]:
    return [(s["Name"], s["Type"]) for s in route53.sets(zone) if s["Type"] not in ("NS", "SOA")]


def test_a_set_comes_back_as_it_was_sent(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    send(route53_client, zone, create(a_set("WWW.example.com", "192.0.2.1", "192.0.2.2")))
    listed = route53_client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert listed[2] == a_set("www.example.com.", "192.0.2.1", "192.0.2.2")
    assert listed == route53.sets(zone)


def test_a_wildcard_is_shown_in_octal(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    send(route53_client, zone, create(a_set("*.example.com", "192.0.2.1")))
    assert names_of(route53, zone) == [("\\052.example.com.", "A")]
    send(route53_client, zone, delete(a_set("\\052.example.com", "192.0.2.1")))
    assert names_of(route53, zone) == []


def test_a_weight_of_nothing_is_a_weight(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    send(route53_client, zone, create(weighted("w.example.com.", "192.0.2.1", 0)))
    (one,) = [one for one in route53.sets(zone) if one["Type"] == "A"]
    assert one["Weight"] == 0


def test_one_bad_change_spoils_the_batch(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    before = route53.snapshot()
    with refused("InvalidChangeBatch", "RRSet with DNS name www.example.org. is not permitted"):
        send(
            route53_client,
            zone,
            create(a_set("a.example.com", "192.0.2.1")),
            create(a_set("www.example.org", "192.0.2.1")),
        )
    assert route53.snapshot() == before
    assert route53.batches == []


def test_every_problem_of_a_batch_is_told(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    with refused(
        "InvalidChangeBatch",
        "[Tried to delete resource record set [name='a.example.com.', type='A'] but it was not "
        "found, Tried to delete resource record set [name='b.example.com.', type='A'] but it was "
        "not found]",
    ):
        send(
            route53_client,
            zone,
            delete(a_set("a.example.com", "192.0.2.1")),
            delete(a_set("b.example.com", "192.0.2.1")),
        )


def test_create_refuses_what_exists(route53: Route53Double, route53_client: Any, zone: str) -> None:
    send(route53_client, zone, create(weighted("w.example.com", "192.0.2.1")))
    for same in ("192.0.2.1", "192.0.2.9"):  # equal or not
        with refused(
            "InvalidChangeBatch",
            "Tried to create resource record set [name='w.example.com.', type='A', "
            "set-identifier='192.0.2.1'] but it already exists",
        ):
            send(
                route53_client,
                zone,
                create(weighted("w.example.com", same, SetIdentifier="192.0.2.1")),
            )


@pytest.mark.parametrize(
    "other",
    [
        a_set("www.example.com", "192.0.2.2"),
        a_set("www.example.com", "192.0.2.1", ttl=61),
        a_set("www.example.com", "192.0.2.1", "192.0.2.2"),
    ],
)
def test_delete_must_match(
    route53: Route53Double, route53_client: Any, zone: str, other: dict[str, Any]
) -> None:
    send(route53_client, zone, create(a_set("www.example.com", "192.0.2.1")))
    with refused("InvalidChangeBatch", "but the values provided do not match the current values"):
        send(route53_client, zone, delete(other))


def test_delete_takes_values_in_any_order_and_one_set_of_a_group(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    send(
        route53_client,
        zone,
        create(a_set("www.example.com", "192.0.2.1", "192.0.2.2")),
        create(weighted("w.example.com", "192.0.2.1")),
        create(weighted("w.example.com", "192.0.2.2")),
        create(weighted("v.example.com", "192.0.2.1")),
    )
    send(
        route53_client,
        zone,
        delete(a_set("www.example.com", "192.0.2.2", "192.0.2.1")),
        delete(weighted("w.example.com", "192.0.2.1")),
    )
    assert names_of(route53, zone) == [("v.example.com.", "A"), ("w.example.com.", "A")]


def test_a_manifest_is_swapped_by_delete_and_create(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    old, new = (a_set("_m.example.com", f'"gen={n}"', rtype="TXT") for n in (1, 2))
    send(route53_client, zone, create(old))
    send(route53_client, zone, delete(old), create(new))
    with refused("InvalidChangeBatch", "do not match the current values"):
        send(route53_client, zone, delete(old), create(new))


@pytest.mark.parametrize(
    "steps",
    [
        (create, delete),
        (create, create),
        (upsert, upsert),
        (delete, upsert),
        (delete, create, delete),
    ],
)
def test_two_changes_of_a_set_are_delete_then_create(
    route53: Route53Double, route53_client: Any, zone: str, steps: Any
) -> None:
    one = a_set("www.example.com", "192.0.2.1")
    if steps[0] is delete:
        send(route53_client, zone, create(one))
    with refused(
        "InvalidChangeBatch",
        "The request contains an invalid set of changes for a resource record set "
        "'A www.example.com.'",
    ):
        send(route53_client, zone, *(step(one) for step in steps))


@pytest.mark.parametrize(("step", "most"), [(create, 1000), (upsert, 500)])
def test_elements_of_a_batch(
    route53: Route53Double, route53_client: Any, zone: str, step: Any, most: int
) -> None:
    # Addresses four to a set, so that what is counted is values.
    def sized(count: int) -> list[dict[str, Any]]:
        sets = []
        for first in range(0, count, 4):
            values = [f"192.0.{n // 256}.{n % 256}" for n in range(first, min(first + 4, count))]
            sets.append(step(a_set(f"n{first}.example.com", *values)))
        return sets

    with refused("InvalidChangeBatch", "Number of records limit of 1000 exceeded."):
        send(route53_client, zone, *sized(most + 1))
    assert names_of(route53, zone) == []
    send(route53_client, zone, *sized(most))
    assert len(names_of(route53, zone)) == most // 4


def test_aliases_count_as_elements(route53: Route53Double, route53_client: Any, zone: str) -> None:
    send(route53_client, zone, create(a_set("t.example.com", "192.0.2.1")))
    aliases = [
        upsert(alias(f"n{number}.example.com", "t.example.com", zone)) for number in range(501)
    ]
    with refused("InvalidChangeBatch", "Number of records limit of 1000 exceeded."):
        send(route53_client, zone, *aliases)
    send(route53_client, zone, *aliases[:500])


@pytest.mark.parametrize(("step", "most"), [(create, 80), (upsert, 40)])
def test_characters_of_a_batch(
    route53: Route53Double, route53_client: Any, zone: str, step: Any, most: int
) -> None:
    value = '"' + "x" * 198 + '" "' + "y" * 197 + '"'  # 400 characters with the quotes
    assert len(value) == 400
    texts = [step(a_set(f"n{number}.example.com", value, rtype="TXT")) for number in range(most)]
    send(route53_client, zone, *texts)
    one_more = step(a_set("one-more.example.com", '"z"', rtype="TXT"))
    with refused("InvalidChangeBatch", "Number of characters limit of 32000 exceeded."):
        send(route53_client, zone, *[step(t["ResourceRecordSet"]) for t in texts], one_more)


def test_values_of_a_set(route53: Route53Double, route53_client: Any, zone: str) -> None:
    values = [f"192.0.{n // 256}.{n % 256}" for n in range(401)]
    with refused("InvalidChangeBatch", "Number of records limit of 400 exceeded."):
        send(route53_client, zone, create(a_set("www.example.com", *values)))
    send(route53_client, zone, create(a_set("www.example.com", *values[:400])))


def test_sets_of_a_zone(route53: Route53Double, route53_client: Any, zone: str) -> None:
    route53.limits.sets_of_a_zone = 3
    send(route53_client, zone, create(a_set("a.example.com", "192.0.2.1")))
    with refused("InvalidChangeBatch", "limit of 3"):
        send(route53_client, zone, create(a_set("b.example.com", "192.0.2.1")))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (a_set("a.example.com", "192.0.2.256"), "ARRDATAIllegalIPv4Address"),
        (a_set("a.example.com", "2001:db8::1"), "ARRDATAIllegalIPv4Address"),
        (a_set("a.example.com", "192.0.2.1", rtype="AAAA"), "AAAARRDATAIllegalIPv6Address"),
        (a_set("a.example.com", "bare", rtype="TXT"), "enclosed in quotation marks"),
        (a_set("a.example.com", f'"{"x" * 256}"', rtype="TXT"), "CharacterStringTooLong"),
        (a_set("a.example.com", "ten mail", rtype="MX"), "MX"),
        (a_set("a.example.com", "192.0.2.1", "192.0.2.1"), "Duplicate Resource Record"),
        (a_set("a.example.com", "b.example", "c.example", rtype="CNAME"), "one value"),
        (a_set("a..example.com", "192.0.2.1"), "DomainLabelEmpty"),
        (a_set("x" * 64 + ".example.com", "192.0.2.1"), "DomainLabelTooLong"),
        (a_set(".".join(["x" * 50] * 5) + ".example.com", "192.0.2.1"), "DomainNameTooLong"),
    ],
)
def test_bad_values_and_names(
    route53: Route53Double, route53_client: Any, zone: str, one: dict[str, Any], words: str
) -> None:
    with refused("InvalidChangeBatch", words):
        send(route53_client, zone, create(one))


def test_a_cname_stands_alone(route53: Route53Double, route53_client: Any, zone: str) -> None:
    cname = a_set("www.example.com", "elsewhere.example", rtype="CNAME")
    address = a_set("www.example.com", "192.0.2.1")
    with refused("InvalidChangeBatch", "is not permitted at apex in zone example.com."):
        send(route53_client, zone, create(a_set("example.com", "elsewhere.example", rtype="CNAME")))
    send(route53_client, zone, create(address))
    with refused("InvalidChangeBatch", "RRSet of type CNAME with DNS name www.example.com. is not"):
        send(route53_client, zone, create(cname))
    send(route53_client, zone, delete(address), create(cname))
    with refused("InvalidChangeBatch", "because a conflicting RRSet of type CNAME"):
        send(route53_client, zone, create(address))


def test_the_apex_keeps_its_soa_and_ns(
    route53: Route53Double, route53_client: Any, zone: str
) -> None:
    ns, soa = route53.sets(zone)
    with refused("InvalidChangeBatch", "at least one NS record for the zone itself."):
        send(route53_client, zone, delete(ns))
    with refused("InvalidChangeBatch", "exactly one SOA record."):
        send(route53_client, zone, delete(soa))
    union = {**ns, "ResourceRecords": [*ns["ResourceRecords"], {"Value": "ns1.example.net."}]}
    send(route53_client, zone, upsert(union))
    assert len(route53.sets(zone)[0]["ResourceRecords"]) == 5


def test_the_zone_must_exist(route53: Route53Double, route53_client: Any) -> None:
    with refused("NoSuchHostedZone", "No hosted zone found with ID: Z0"):
        send(route53_client, "Z0", create(a_set("a.example.com", "192.0.2.1")))
