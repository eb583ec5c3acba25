"""CIDR collections of Route 53, and the record sets that route by them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.awsthings import a_set, create, delete, refused, send
from tests.doubles.route53.double import Route53Double


def collection(client: Any, name: str = "office", reference: str = "r") -> str:
    reply = client.create_cidr_collection(Name=name, CallerReference=reference)
    made: str = reply["Collection"]["Id"]
    return made


def put(
    client: Any, where: str, location: str, *blocks: str, action: str = "PUT", **more: Any
) -> None:
    change = {"LocationName": location, "Action": action, "CidrList": list(blocks)}
    client.change_cidr_collection(Id=where, Changes=[change], **more)


def test_blocks_come_and_go(route53: Route53Double, route53_client: Any) -> None:
    made = collection(route53_client)
    put(route53_client, made, "lab", "198.51.100.0/24", "2001:db8::/48")
    put(route53_client, made, "lab", "198.51.100.0/24", action="DELETE_IF_EXISTS")
    listed = route53_client.list_cidr_blocks(CollectionId=made)["CidrBlocks"]
    assert listed == [{"CidrBlock": "2001:db8::/48", "LocationName": "lab"}]
    (summary,) = route53_client.list_cidr_collections()["CidrCollections"]
    assert (summary["Id"], summary["Version"]) == (made, 3)
    assert route53_client.list_cidr_locations(CollectionId=made)["CidrLocations"] == [
        {"LocationName": "lab"}
    ]


@pytest.mark.parametrize(
    "block", ["198.51.100.0/25", "2001:db8::/49", "0.0.0.0/0", "198.51.100.1/24", "nonsense"]
)
def test_bad_blocks(route53: Route53Double, route53_client: Any, block: str) -> None:
    made = collection(route53_client)
    before = route53.snapshot()
    with refused("InvalidInput", "CIDR"):
        put(route53_client, made, "lab", "198.51.100.0/24", block)
    assert route53.snapshot() == before


def test_a_block_is_in_one_location(route53: Route53Double, route53_client: Any) -> None:
    made = collection(route53_client)
    put(route53_client, made, "lab", "198.51.100.0/24")
    with refused("InvalidInput", "is in locations"):
        put(route53_client, made, "home", "198.51.100.0/24")
    put(route53_client, made, "wide", "198.51.0.0/16")


@pytest.mark.parametrize("location", ["x" * 17, "with space", "*"])
def test_bad_locations(route53: Route53Double, route53_client: Any, location: str) -> None:
    made = collection(route53_client)
    with refused("InvalidInput"):
        put(route53_client, made, location, "198.51.100.0/24")


def test_limits(route53: Route53Double, route53_client: Any) -> None:
    made = collection(route53_client)
    blocks = [f"10.{n // 256}.{n % 256}.0/24" for n in range(1001)]
    with refused("InvalidInput", "less than or equal to 1000"):
        put(route53_client, made, "lab", *blocks)
    put(route53_client, made, "lab", *blocks[:1000])
    with refused("LimitsExceeded"):
        put(route53_client, made, "lab", blocks[1000])
    for n in range(4):
        collection(route53_client, f"c{n}", f"r{n}")
    with refused("LimitsExceeded"):
        collection(route53_client, "one-more", "one-more")


def test_versions_and_references(route53: Route53Double, route53_client: Any) -> None:
    made = collection(route53_client)
    assert collection(route53_client) == made
    with refused("CidrCollectionAlreadyExistsException"):
        collection(route53_client, "other")
    put(route53_client, made, "lab", "198.51.100.0/24", CollectionVersion=1)
    with refused("CidrCollectionVersionMismatchException"):
        put(route53_client, made, "lab", "203.0.113.0/24", CollectionVersion=1)


def test_record_sets_route_by_location(route53: Route53Double, route53_client: Any) -> None:
    zone = route53.add_zone("example.com")
    made, other = collection(route53_client), collection(route53_client, "other", "o")
    put(route53_client, made, "lab", "198.51.100.0/24")

    def one(location: str, where: str = made, identifier: str = "") -> dict[str, Any]:
        config = {"CollectionId": where, "LocationName": location}
        return a_set(
            "www.example.com.",
            "192.0.2.1",
            SetIdentifier=identifier or location,
            CidrRoutingConfig=config,
        )

    with refused("NoSuchCidrCollectionException"):
        send(route53_client, zone, create(one("lab", "00000000-0000-4000-8000-000000000000")))
    with refused("InvalidChangeBatch", "CIDR location home does not exist"):
        send(route53_client, zone, create(one("home")))
    send(route53_client, zone, create(one("lab")), create(one("*")))
    assert one("lab") in route53.sets(zone)
    with refused("InvalidChangeBatch", "a CIDR RRSet with the same name, type and CIDR location"):
        send(route53_client, zone, create(one("lab", identifier="again")))
    with refused("InvalidChangeBatch", "must use one CIDR collection"):
        send(route53_client, zone, create(one("*", other, "other")))
    with refused("CidrBlockInUseException"):
        put(route53_client, made, "lab", "198.51.100.0/24", action="DELETE_IF_EXISTS")
    with refused("CidrCollectionInUseException"):
        route53_client.delete_cidr_collection(Id=made)
    send(route53_client, zone, delete(one("lab")), delete(one("*")))
    put(route53_client, made, "lab", "198.51.100.0/24", action="DELETE_IF_EXISTS")
    route53_client.delete_cidr_collection(Id=made)
    with refused("NoSuchCidrCollectionException"):
        route53_client.list_cidr_locations(CollectionId=made)
