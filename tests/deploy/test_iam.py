"""The IAM documents parse, name only what the clouds have, and nothing that the push does not need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.loaders
import botocore.model
import pytest
import yaml
from botocore import xform_name

import gslb.push.clouddns.parent
import gslb.push.route53.parent
from tests.doubles.clouddns import discovery
from tests.doubles.clouddns.project import METHODS
from tests.doubles.route53.operations import OPERATIONS

FOLDER = Path(__file__).parents[2] / "deploy" / "iam"
AWS = sorted(FOLDER.glob("*.json"))
GOOGLE = sorted(FOLDER.glob("*.yaml"))
CONDITIONS = {  # keys of IAM that Route 53 has for record sets, and what their values may be
    "route53:ChangeResourceRecordSetsNormalizedRecordNames": r"(\*\.)?ZONE_NAME",
    "route53:ChangeResourceRecordSetsRecordTypes": r"[A-Z]+",
    "route53:ChangeResourceRecordSetsActions": r"CREATE|UPSERT|DELETE",
}
# Permissions of Google's that are called otherwise than the methods that need them.
RENAMED = {
    "dns.resourceRecordSets.update": "dns.resourceRecordSets.patch",
    "compute.healthChecks.create": "compute.healthChecks.insert",
}
# Parts of dns.changes.create: what a change adds, replaces and deletes; and naming a check in it.
PARTS = {
    "dns.resourceRecordSets.create",
    "dns.resourceRecordSets.delete",
    "dns.resourceRecordSets.update",
    "compute.healthChecks.useReadOnly",
}


def service() -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(
        botocore.loaders.Loader().load_service_model("route53", "service-2")
    )


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def statements(file: Path) -> list[dict[str, Any]]:
    found = json.loads(file.read_text())
    assert set(found) == {"Version", "Statement"}
    assert found["Version"] == "2012-10-17"
    return list(found["Statement"])


def actions(file: Path) -> set[str]:
    named = [action for one in statements(file) for action in listed(one["Action"])]
    assert len(named) == len(set(named)), "an action stands twice"
    return {action.removeprefix("route53:") for action in named}


def permissions(file: Path) -> set[str]:
    found = yaml.safe_load(file.read_text())
    assert set(found) == {"title", "description", "stage", "includedPermissions"}
    assert found["stage"] == "GA"
    named = list(found["includedPermissions"])
    assert named == sorted(set(named))
    return set(named)


def test_both_clouds_have_a_role_that_pushes_and_one_that_plans() -> None:
    assert {file.stem for file in AWS} == {"route53-push", "route53-plan", "route53-delegate"}
    assert {file.stem for file in GOOGLE} == {
        "clouddns-push", "clouddns-checks", "clouddns-plan", "clouddns-delegate"
    }  # fmt: skip


@pytest.mark.parametrize("file", AWS, ids=lambda file: file.stem)
def test_an_action_is_an_operation_of_route53_that_is_tried_here(file: Path) -> None:
    assert actions(file) <= set(service().operation_names)
    assert actions(file) <= set(OPERATIONS)


@pytest.mark.parametrize("file", AWS, ids=lambda file: file.stem)
def test_a_statement_is_whole_and_as_narrow_as_iam_allows(file: Path) -> None:
    for one in statements(file):
        assert set(one) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert re.fullmatch(r"[A-Za-z0-9]+", one["Sid"])
        assert one["Effect"] == "Allow"
        writes = "route53:ChangeResourceRecordSets" in listed(one["Action"])
        zone = any(str(name).split(":")[1] in ZONE_ACTIONS for name in listed(one["Action"]))
        assert not zone or re.fullmatch(
            r"arn:aws:route53:::hostedzone/(PARENT_)?ZONE_ID", one["Resource"]
        )
        assert writes is ("Condition" in one)


ZONE_ACTIONS = {
    "ChangeResourceRecordSets",
    "GetHostedZone",
    "GetHostedZoneLimit",
    "ListResourceRecordSets",
}


def conditions(file: Path) -> Iterator[tuple[str, str, list[str]]]:
    for one in statements(file):
        for operator, keys in one.get("Condition", {}).items():
            for key, values in keys.items():
                yield operator, key, listed(values)


@pytest.mark.parametrize("name", ["route53-push", "route53-delegate"])
def test_writing_is_bound_to_names_types_and_actions(name: str) -> None:
    found = list(conditions(FOLDER / f"{name}.json"))
    bound = {key for operator, key, _ in found if operator.startswith("ForAllValues:")}
    present = {key for operator, key, values in found if (operator, values) == ("Null", ["false"])}
    assert bound == present == set(CONDITIONS)  # ForAllValues alone holds for a key that is missing
    for operator, key, values in found:
        if operator != "Null":
            assert all(re.fullmatch(CONDITIONS[key], value) for value in values), key
            assert values == sorted(values) or key.endswith("Names")


def test_types_are_those_of_route53_without_the_apex_own() -> None:
    known = set(service().shape_for("RRType").enum)
    types = next(
        set(values)
        for operator, key, values in conditions(FOLDER / "route53-push.json")
        if key.endswith("RecordTypes") and operator != "Null"
    )
    assert types == known - {"NS", "SOA"}


def test_the_role_that_plans_reads_what_the_other_reads_and_no_more() -> None:
    push, plan = actions(FOLDER / "route53-push.json"), actions(FOLDER / "route53-plan.json")
    assert all(action.startswith(("Get", "List")) for action in plan)
    assert plan == {one for one in push if one.startswith(("Get", "List"))} - {"GetChange"}
    zone, project = (
        permissions(FOLDER / "clouddns-push.yaml"),
        permissions(FOLDER / "clouddns-checks.yaml"),
    )
    reading = {one for one in zone | project if one.endswith((".get", ".list"))}
    waiting = {"dns.changes.get", "compute.globalOperations.get"}
    assert permissions(FOLDER / "clouddns-plan.yaml") == reading - waiting
    assert not zone & project


@pytest.mark.parametrize("file", GOOGLE, ids=lambda file: file.stem)
def test_a_permission_belongs_to_a_method_that_is_tried_here(file: Path) -> None:
    known = {method.id for method in discovery.methods()}
    for permission in permissions(file) - PARTS:
        method = RENAMED.get(permission, permission)
        assert method in known, permission
        assert method in METHODS, permission
    for permission in permissions(file) & PARTS - {"compute.healthChecks.useReadOnly"}:
        assert RENAMED.get(permission, permission) in known, permission


def called_in(module: ModuleType) -> str:
    """Return the text of a provider's package: its operations stand there by name."""
    assert module.__file__ is not None
    return "".join(file.read_text() for file in sorted(Path(module.__file__).parent.glob("*.py")))


def test_the_role_that_pushes_has_just_what_is_called_at_route53() -> None:
    text = called_in(gslb.push.route53)
    called = {
        name
        for name in service().operation_names
        if re.search(rf"\.{xform_name(name)}\b|[\"']{xform_name(name)}[\"']", text)
    }
    assert called == actions(FOLDER / "route53-push.json")


def test_the_roles_that_push_have_just_what_is_called_at_cloud_dns() -> None:
    text = called_in(gslb.push.clouddns)
    known = {method.id for method in discovery.methods()}
    called = set(re.findall(r"[\"']((?:dns|compute)\.\w+\.\w+)[\"']", text))
    assert called <= known
    named = {back: name for name, back in RENAMED.items() if name.startswith("compute.")}
    zone, project = (
        permissions(FOLDER / "clouddns-push.yaml"),
        permissions(FOLDER / "clouddns-checks.yaml"),
    )
    assert (zone | project) - PARTS == {named.get(method, method) for method in called}


def test_the_roles_that_switch_have_just_what_is_called() -> None:
    """The modules that change the parent ask for nothing else."""
    text = Path(gslb.push.route53.parent.__file__).read_text()
    called = {n for n in service().operation_names if f'"{xform_name(n)}"' in text}
    assert called == actions(FOLDER / "route53-delegate.json")
    text = Path(gslb.push.clouddns.parent.__file__).read_text()
    asked = set(re.findall(r'"((?:dns|compute)\.\w+\.\w+)"', text))
    assert permissions(FOLDER / "clouddns-delegate.yaml") - PARTS == asked
