"""A plan for JSON: nothing is left out, nothing is octets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from gslb.policy.plain import plain_plan
from gslb.policy.plan import Check, Endpoint, Policy, ZonePlan


def keys(value: Any) -> Iterator[frozenset[str]]:
    """Yield the keys of every mapping in *value*."""
    if isinstance(value, dict):
        yield frozenset(value)
        for inner in value.values():
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_a_plan_becomes_json_with_every_field(break_sound: Callable[..., Any]) -> None:
    plan = break_sound().plan
    assert plan is not None
    found = json.loads(json.dumps(plain_plan(plan)))
    every = set(keys(found))
    for kind in (ZonePlan, Policy, Endpoint, Check):
        assert frozenset(field.name for field in fields(kind)) in every


def test_names_addresses_and_records_are_text(break_sound: Callable[..., Any]) -> None:
    drained = (
        'AAAA: "2001:db8::11"}',
        'AAAA: "2001:db8::11", drained: {why: x, until: "2099-01-01T00:00Z"}}',
    )
    ending = (
        "records:\n  www.example.com:\n",
        "records:\n  www.example.com:\n    last_resort: {A: 192.0.2.9}\n",
    )
    plan = break_sound(drained, ending).plan
    assert plan is not None
    (zone,) = plain_plan(plan)["zones"]
    assert zone["apex"] == "example.com."
    assert zone["names"] == {"www.example.com.": "www.example.com"}
    endpoint = zone["sites"]["aws/us-east-1"]["zones"][0]["endpoints"][0]
    assert (endpoint["a"], endpoint["aaaa"]) == ("192.0.2.11", "2001:db8::11")
    assert endpoint["drained"]["until"] == "2099-01-01T00:00:00+00:00"
    assert endpoint["where"].endswith("example.com.yaml:13:7")
    (mail,) = zone["static"]["mail.example.com."]
    assert mail == {"type": 1, "ttl": 3600, "rdata": ["\\# 4 c0000219"]}
    assert zone["policies"][0]["last_resort"]["a"] == ["192.0.2.9"]
    assert zone["policies"][0]["rules"][0]["pick"] == "share"
