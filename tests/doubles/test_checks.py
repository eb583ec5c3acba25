"""Health checks of Route 53: what is refused, filled in, immutable, and counted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.awsthings import http_check, refused
from tests.doubles.route53.double import Route53Double


def make(client: Any, reference: str = "r", **config: Any) -> dict[str, Any]:
    reply = client.create_health_check(CallerReference=reference, HealthCheckConfig=config)
    made: dict[str, Any] = reply["HealthCheck"]
    return made


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"Type": "HTTP"}, "IPAddress or FullyQualifiedDomainName"),
        (http_check("10.0.0.1"), "private"),
        (http_check("224.0.0.1"), "private"),
        (http_check("fe80::1"), "private"),
        (http_check("192.0.2.999"), "regular expression"),
        (http_check(RequestInterval=20), "RequestInterval is 10 or 30"),
        (http_check(RequestInterval=40), "less than or equal to 30"),
        (http_check(FailureThreshold=11), "less than or equal to 10"),
        (http_check(Port=65536), "less than or equal to 65535"),
        (http_check(SearchString="ok"), "SearchString"),
        (http_check(Type="HTTP_STR_MATCH"), "SearchString"),
        (http_check(EnableSNI=True), "EnableSNI goes with HTTPS"),
        (http_check(Regions=["us-east-1", "us-west-1", "us-east-1"]), "same region twice"),
        (http_check(Regions=["us-east-1", "us-west-1", "mars-1"]), "enum"),
        (http_check(HealthThreshold=1), "HealthThreshold cannot be given for HTTP"),
        ({"Type": "TCP", "IPAddress": "192.0.2.1"}, "Port is required"),
        ({"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 1, "ResourcePath": "/"}, "ResourcePath"),
        ({"Type": "CALCULATED", "HealthThreshold": 1}, "ChildHealthChecks is required"),
        (
            {"Type": "CALCULATED", "HealthThreshold": 1, "ChildHealthChecks": ["x"]},
            "no child x",
        ),
        (
            {"Type": "CALCULATED", "HealthThreshold": 1, "ChildHealthChecks": [], "Port": 80},
            "Port cannot be given",
        ),
    ],
)
def test_bad_settings(
    route53: Route53Double, route53_client: Any, config: dict[str, Any], words: str
) -> None:
    with refused("InvalidInput", words):
        make(route53_client, **config)
    assert route53.health_checks() == {}


def test_defaults_are_filled_in(route53: Route53Double, route53_client: Any) -> None:
    config = make(route53_client, **{**http_check(), "Type": "HTTPS"})["HealthCheckConfig"]
    assert config == {
        **http_check(),
        "Type": "HTTPS",
        "Port": 443,
        "RequestInterval": 30,
        "FailureThreshold": 3,
        "MeasureLatency": False,
        "Inverted": False,
        "Disabled": False,
        "EnableSNI": True,
    }


def test_a_caller_reference_is_one_check_for_ever(
    route53: Route53Double, route53_client: Any
) -> None:
    first = make(route53_client, **http_check())
    assert make(route53_client, **http_check())["Id"] == first["Id"]
    with refused("HealthCheckAlreadyExists"):
        make(route53_client, **http_check("192.0.2.2"))
    route53_client.delete_health_check(HealthCheckId=first["Id"])
    with refused("HealthCheckAlreadyExists"):
        make(route53_client, **http_check())
    assert make(route53_client, "another", **http_check())["Id"] != first["Id"]


def test_a_check_that_was_updated_is_found_by_the_first_settings(
    route53: Route53Double, route53_client: Any
) -> None:
    first = make(route53_client, **http_check())
    route53_client.update_health_check(HealthCheckId=first["Id"], Disabled=True)
    assert make(route53_client, **http_check())["HealthCheckVersion"] == 2


def test_update_is_under_a_version(route53: Route53Double, route53_client: Any) -> None:
    made = make(route53_client, **http_check(FullyQualifiedDomainName="www.example.com"))
    change = {"HealthCheckId": made["Id"], "HealthCheckVersion": 1}
    updated = route53_client.update_health_check(**change, Inverted=True, Disabled=True)
    assert updated["HealthCheck"]["HealthCheckVersion"] == 2
    with refused("HealthCheckVersionMismatch"):
        route53_client.update_health_check(**change, Inverted=False)
    assert route53.health_checks()[made["Id"]]["HealthCheckConfig"]["Inverted"] is True


def test_update_keeps_regions_and_resets_what_it_is_told(
    route53: Route53Double, route53_client: Any
) -> None:
    regions = ["us-east-1", "us-west-1", "eu-west-1"]
    host = "www.example.com"
    made = make(route53_client, **http_check(Regions=regions, FullyQualifiedDomainName=host))
    update = route53_client.update_health_check
    config = update(HealthCheckId=made["Id"], FailureThreshold=5)["HealthCheck"][
        "HealthCheckConfig"
    ]
    assert config["Regions"] == regions
    resets = ["Regions", "ResourcePath", "FullyQualifiedDomainName"]
    reply = update(HealthCheckId=made["Id"], ResetElements=resets)
    assert not set(resets) & reply["HealthCheck"]["HealthCheckConfig"].keys()


def test_an_address_cannot_be_added_later(route53: Route53Double, route53_client: Any) -> None:
    made = make(route53_client, Type="HTTP", FullyQualifiedDomainName="www.example.com")
    with refused("InvalidInput", "IPAddress cannot be added"):
        route53_client.update_health_check(HealthCheckId=made["Id"], IPAddress="192.0.2.1")


def test_a_calculated_check_holds_its_children(route53: Route53Double, route53_client: Any) -> None:
    child = make(route53_client, "child", **http_check())["Id"]
    config = {"Type": "CALCULATED", "HealthThreshold": 1, "ChildHealthChecks": [child]}
    parent = make(route53_client, "parent", **config)["Id"]
    with refused("HealthCheckInUse"):
        route53_client.delete_health_check(HealthCheckId=child)
    route53_client.delete_health_check(HealthCheckId=parent)
    route53_client.delete_health_check(HealthCheckId=child)
    with refused("NoSuchHealthCheck"):
        route53_client.get_health_check(HealthCheckId=child)


def test_checks_come_in_pages(route53: Route53Double, route53_client: Any) -> None:
    made = [make(route53_client, str(n), **http_check(f"192.0.2.{n}"))["Id"] for n in range(5)]
    page = route53_client.list_health_checks(MaxItems="2")
    assert (page["IsTruncated"], len(page["HealthChecks"])) == (True, 2)
    pages = route53_client.get_paginator("list_health_checks").paginate(
        PaginationConfig={"PageSize": 2}
    )
    assert [check["Id"] for page in pages for check in page["HealthChecks"]] == made
    with refused("InvalidInput", "marker"):
        route53_client.list_health_checks(Marker="nobody")


def test_quota_and_creations_a_day(route53: Route53Double, route53_client: Any) -> None:
    route53.limits.health_checks = 1
    made = make(route53_client, "1", **http_check())["Id"]
    limit = route53_client.get_account_limit(Type="MAX_HEALTH_CHECKS_BY_OWNER")
    assert (limit["Limit"]["Value"], limit["Count"]) == (1, 1)
    with refused("TooManyHealthChecks"):
        make(route53_client, "2", **http_check())
    route53_client.delete_health_check(HealthCheckId=made)
    for n in range(2, 1001):
        route53_client.delete_health_check(
            HealthCheckId=make(route53_client, str(n), **http_check())["Id"]
        )
    with refused("TooManyHealthChecks"):
        make(route53_client, "1001", **http_check())
    route53.manual.advance(86_400)
    make(route53_client, "1001", **http_check())


def test_observations_follow_the_switch(route53: Route53Double, route53_client: Any) -> None:
    made = make(route53_client, **http_check())["Id"]

    def words() -> set[str]:
        reply = route53_client.get_health_check_status(HealthCheckId=made)
        return {o["StatusReport"]["Status"].split(":")[0] for o in reply["HealthCheckObservations"]}

    assert words() == {"Success"}
    route53.set_health(made, healthy=False)
    assert words() == {"Failure"}


def test_tags(route53: Route53Double, route53_client: Any) -> None:
    made = make(route53_client, **http_check())["Id"]
    change = {"ResourceType": "healthcheck", "ResourceId": made}

    def tag(*pairs: tuple[str, str]) -> None:
        tags = [{"Key": key, "Value": value} for key, value in pairs]
        route53_client.change_tags_for_resource(**change, AddTags=tags)

    tag(("gslb:owner", "a"), ("gslb:zone", "Z1"))
    route53_client.change_tags_for_resource(**change, RemoveTagKeys=["gslb:zone"])
    assert route53.tags_of("healthcheck", made) == {"gslb:owner": "a"}
    listed = route53_client.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=[made])
    assert listed["ResourceTagSets"][0]["Tags"] == [{"Key": "gslb:owner", "Value": "a"}]
    for bad in (("aws:x", "1"), ("k" * 129, "1"), ("k", "v" * 257), ("k;", "1"), ("k", "a,b")):
        with refused("InvalidInput"):
            tag(bad)
    with refused("InvalidInput", "At most 10 tags"):
        tag(*((f"k{n}", "v") for n in range(10)))
    with refused("InvalidInput", "less than or equal to 10"):
        route53_client.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=[made] * 11)
    route53_client.delete_health_check(HealthCheckId=made)
    with refused("NoSuchHealthCheck"):
        tag(("k", "v"))
