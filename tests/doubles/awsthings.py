"""Record sets and changes in few words, for tests that talk to Route 53."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest


def a_set(name: str, *values: str, rtype: str = "A", ttl: int = 60, **more: Any) -> dict[str, Any]:
    """Return a set of values."""
    records = [{"Value": value} for value in values]
    return {"Name": name, "Type": rtype, "TTL": ttl, "ResourceRecords": records, **more}


def weighted(name: str, value: str, weight: int = 1, **more: Any) -> dict[str, Any]:
    """Return one weighted set, identified by its value."""
    return a_set(name, value, Weight=weight, **{"SetIdentifier": value, **more})


def alias(name: str, target: str, zone_id: str, rtype: str = "A", **more: Any) -> dict[str, Any]:
    """Return an alias inside the zone that looks at its target's health."""
    pointer = {"HostedZoneId": zone_id, "DNSName": target, "EvaluateTargetHealth": True}
    return {"Name": name, "Type": rtype, "AliasTarget": pointer, **more}


def create(one: dict[str, Any]) -> dict[str, Any]:
    """Return the change that creates a set."""
    return {"Action": "CREATE", "ResourceRecordSet": one}


def upsert(one: dict[str, Any]) -> dict[str, Any]:
    """Return the change that creates or replaces a set."""
    return {"Action": "UPSERT", "ResourceRecordSet": one}


def delete(one: dict[str, Any]) -> dict[str, Any]:
    """Return the change that deletes a set."""
    return {"Action": "DELETE", "ResourceRecordSet": one}


def send(client: Any, zone_id: str, *changes: dict[str, Any]) -> str:
    """Send one batch; return the identifier of the change."""
    reply = client.change_resource_record_sets(
        HostedZoneId=zone_id, ChangeBatch={"Changes": list(changes)}
    )
    change_id: str = reply["ChangeInfo"]["Id"]
    return change_id


def http_check(address: str = "192.0.2.1", **more: Any) -> dict[str, Any]:
    """Return the settings of an HTTP health check."""
    return {"Type": "HTTP", "IPAddress": address, "ResourcePath": "/", **more}


@contextlib.contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """Expect a refusal by *code* whose message has *words* in it."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert words in error["Message"], error
