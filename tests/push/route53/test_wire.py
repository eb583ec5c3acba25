"""What Route 53 lists is what plans hold, and back."""

from __future__ import annotations

import pytest

from gslb.push.objects import Action, Batch, Change, Rrset
from gslb.push.route53.wire import complained, raced, read_rrset, write_batch

ALIAS = {
    "Name": "\\052.example.com.", "Type": "A",
    "AliasTarget": {"HostedZoneId": "Z1", "DNSName": "_p-x.example.com.", "EvaluateTargetHealth": True},
}  # fmt: skip
CHECKED = {
    "Name": "_v-x.example.com.", "Type": "A", "SetIdentifier": "gslb/me/1", "Weight": 1, "TTL": 60,
    "ResourceRecords": [{"Value": "192.0.2.2"}], "HealthCheckId": "uuid-1",
}  # fmt: skip


def change(action: Action, one: Rrset) -> Change:
    old = one if action is not Action.CREATE else None
    return Change(action, old, one if action is not Action.DELETE else None)


def written(*changes: Change) -> list[tuple[str, str]]:
    found = write_batch(Batch(changes, 1, 1), "Z1", {"h1": "uuid-1"})
    return [(one["Action"], one["ResourceRecordSet"]["Name"]) for one in found]


def test_names_and_identifiers_become_ours_and_back() -> None:
    alias = read_rrset(ALIAS, "Z1", {})
    assert alias.name == "*.example.com."
    assert alias.body["AliasTarget"]["HostedZoneId"] == "@zone"  # type: ignore[index]
    checked = read_rrset(CHECKED, "Z1", {"uuid-1": "h1"})
    assert checked.body["HealthCheckId"] == "h1"
    batch = Batch((change(Action.CREATE, alias), change(Action.CREATE, checked)), 1, 1)
    back = [one["ResourceRecordSet"] for one in write_batch(batch, "Z1", {"h1": "uuid-1"})]
    assert back == [{**ALIAS, "Name": "*.example.com."}, CHECKED]


def test_an_alias_to_another_zone_stays() -> None:
    target = {"HostedZoneId": "Z2", "DNSName": "lb.example.net.", "EvaluateTargetHealth": False}
    one = read_rrset({**ALIAS, "AliasTarget": target}, "Z1", {})
    assert one.body["AliasTarget"] == target


def test_simple_sets_are_swapped_exactly_and_those_of_the_tree_replaced() -> None:
    simple, tree = read_rrset(ALIAS, "Z1", {}), read_rrset(CHECKED, "Z1", {"uuid-1": "h1"})
    names = {simple.name: "simple", tree.name: "tree"}
    found = written(*(change(action, one) for action in Action for one in (simple, tree)))
    assert [(action, names[name]) for action, name in found] == [
        ("CREATE", "simple"), ("CREATE", "tree"),
        ("DELETE", "simple"), ("CREATE", "simple"), ("UPSERT", "tree"),
        ("DELETE", "simple"), ("DELETE", "tree"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "is_race"),
    [
        (("[Tried to delete resource record set [name='_v-x.example.com.', type='A'] but it was not "
         "found]"), True),
        (("[Tried to create resource record set [name='_v-x.example.com.', type='A', "
         "set-identifier='a'] but it already exists]"), True),
        (("[RRSet with DNS name _v-x.example.com., type A, SetIdentifier a cannot be created as other "
         "RRSets exist with the same name and type.]"), False),
        (("[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid "
         "IPv4 address) encountered with '192.0.2.2'']"), False),
        (("The request contains an invalid set of changes for a resource record set "
         "'A _v-x.example.com.'"), False),
    ],
)  # fmt: skip
def test_complaints_are_understood(message: str, is_race: bool) -> None:
    made = [change(Action.CREATE, read_rrset(one, "Z1", {})) for one in (ALIAS, CHECKED)]
    assert raced(message) is is_race
    assert list(complained(message, made)) == ["_v-x.example.com."]
