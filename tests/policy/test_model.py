"""The model: strict about what is written, and itself never changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from gslb.policy import model
from gslb.policy.checkmodel import CheckUse
from gslb.policy.model import Condition, Endpoint, LastResort, PolicyFile, Record, Rule, Site
from gslb.policy.reading import read_model

EXAMPLE = Path(__file__).with_name("data") / "example.com.yaml"
KINDS = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not BaseModel
]
ZONES = {"a": {"A": "192.0.2.1"}}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_models_are_frozen_strict_and_closed(kind: type[BaseModel]) -> None:
    config = kind.model_config
    assert config["frozen"]
    assert config["strict"]
    assert config["extra"] == "forbid"


@pytest.mark.parametrize(
    "endpoint",
    [
        {"A": "192.0.2.1"},
        {"AAAA": "2001:db8::1"},
        {"A": "192.0.2.1", "AAAA": "2001:db8::1"},
        {"alias": "lb.example.net"},
        {"CNAME": "lb.example.net"},
    ],
)
def test_an_endpoint_is_of_one_kind(endpoint: dict[str, str]) -> None:
    assert Endpoint.model_validate(endpoint).weight == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        {},
        {"A": "192.0.2.1", "alias": "lb.example.net"},
        {"AAAA": "2001:db8::1", "CNAME": "lb.example.net"},
        {"alias": "lb.example.net", "CNAME": "lb.example.net"},
        {"alias": "a b"},
        {"A": "192.0.2.1", "weight": "1"},
        {"A": "192.0.2.1", "weight": True},
    ],
)
def test_an_endpoint_of_none_or_two_kinds_is_refused(endpoint: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Endpoint.model_validate(endpoint)


def test_one_endpoint_stands_for_a_list_of_one() -> None:
    site = Site.model_validate({"zones": {"a": {"A": "192.0.2.1"}, "b": [{"A": "192.0.2.2"}]}})
    assert [len(endpoints) for endpoints in site.zones.values()] == [1, 1]


@pytest.mark.parametrize("at", [[91, 0], [0, 181], [0], [0, 0, 0], ["0", "0"], [True, 0]])
def test_places_are_on_earth(at: list[Any]) -> None:
    with pytest.raises(ValidationError):
        Site.model_validate({"zones": ZONES, "at": at})
    assert Site.model_validate({"zones": ZONES, "at": [-33.9, 151]}).at == [-33.9, 151.0]


@pytest.mark.parametrize(
    "to", ["aws/a", ["aws/a", "aws/b"], {"aws/a": 1, "aws/b": 0}, {"aws/a": 1000}]
)
def test_to_is_a_site_a_list_or_shares(to: Any) -> None:
    assert Rule.model_validate({"to": to}).to == to


@pytest.mark.parametrize(
    "to", ["a", "aws/A", "aws/a/b", "aws/", 1, {"aws/a": -1}, {"aws/a": "1"}, None]
)
def test_other_things_are_no_to(to: Any) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({"to": to})


def test_conditions_take_words_lists_and_numbers_of_as() -> None:
    condition = Condition.model_validate(
        {
            "area": "CN",
            "asn": [64500, "AS64501", "as64502"],
            "not": {"not": [{"net": "192.0.2.0/24"}]},
        }
    )
    assert condition.area == ["CN"]
    assert condition.asn == ["64500", "64501", "64502"]
    assert condition.not_ is not None
    assert condition.not_[0].not_ is not None
    assert condition.not_[0].not_[0].net == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    "last",
    [
        {},
        {"A": []},
        {"A": "192.0.2.1", "CNAME": "x.example.net"},
        {"AAAA": ["192.0.2.1"]},
        {"A": ["192.0.2.1"] * 9},
    ],
)
def test_a_last_resort_is_addresses_or_a_host_name(last: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LastResort.model_validate(last)
    assert LastResort.model_validate({"A": "192.0.2.1"}).AAAA == []


@pytest.mark.parametrize("record", [{}, {"ttl": 5}, {"policy": "p", "rules": [{"to": "aws/a"}]}])
def test_a_record_has_rules_or_a_policy(record: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Record.model_validate(record)


def test_a_whole_file_has_defaults_for_all_but_its_zone() -> None:
    data = {"version": 1, "dns": {"zone": "example.com", "nameservers": {"ns1.example.com": []}}}
    found = PolicyFile.model_validate(data)
    assert (found.dns.soa.minimum, found.dns.ns_ttl, found.dns.glue_ttl) == (60, 86_400, 3600)
    assert found.records == found.sites == found.checks == found.policies == {}
    with pytest.raises(ValidationError):
        PolicyFile.model_validate({"version": 1})


@pytest.mark.parametrize("value", [0, 2**31])
def test_times_of_the_soa_fit_into_it(value: int) -> None:
    with pytest.raises(ValidationError):
        model.SoaFields.model_validate({"refresh": value})


def test_the_example_is_read_exactly_as_it_is_meant() -> None:
    found, _ = read_model(EXAMPLE)
    assert [str(one) for one in found.dns.nameservers["ns2.example.com"]] == ["198.51.100.53"]
    assert found.defaults.headroom == 0.5
    assert found.defaults.panic == model.Panic(below="50%", serve="all")
    https = found.checks["https"]
    assert (https.every, https.timeout, https.quorum) == (5.0, 2.0, (2, 3))
    assert https.expect == ((200, 299),)
    (endpoint,) = found.sites["aws/eu-central-1"].zones["euc1-az3"]
    assert endpoint.drained is not None
    assert endpoint.drained.until == datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert found.sites["alibaba/cn-shanghai"].check == CheckUse.model_validate(
        {"use": "https", "from": ["cn"]}
    )
    rules = found.records["www.example.com"].rules
    assert rules is not None
    assert rules[0].to == {"alibaba/cn-shanghai": 80, "gcp/asia-east1": 20}
    assert rules[1].to == "alibaba/cn-shanghai"
    assert (rules[2].fence, rules[3].pick, rules[3].tie) == (True, "latency", 15.0)
