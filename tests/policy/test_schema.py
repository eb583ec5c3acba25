"""The JSON Schema: the shipped one is the model's, and it takes what the model takes."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gslb.policy.document import read_document
from gslb.policy.model import PolicyFile
from gslb.policy.schema import SCHEMA_FILE, policy_schema, schema_text

EXAMPLE = Path(__file__).with_name("data") / "example.com.yaml"
_KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def accepts(schema: Any, value: Any, root: dict[str, Any]) -> bool:
    """Return whether *value* is valid, for the keywords of JSON Schema that pydantic writes."""
    if isinstance(schema, bool):
        return schema
    unknown = set(schema) - KEYWORDS
    assert not unknown, unknown
    if "$ref" in schema and not accepts(root["$defs"][schema["$ref"].split("/")[-1]], value, root):
        return False
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(_is(kind, value) for kind in kinds):
        return False
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "anyOf" in schema and not any(accepts(one, value, root) for one in schema["anyOf"]):
        return False
    if isinstance(value, str):
        return _text(schema, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if isinstance(value, list):
        items = schema.get("items", True)
        fits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return fits and all(accepts(items, one, root) for one in value)
    return _mapping(schema, value, root) if isinstance(value, dict) else True


KEYWORDS = {
    *("$schema", "$defs", "$ref", "title", "description", "default", "format", "type", "const"),
    *("enum", "anyOf", "minimum", "maximum", "minItems", "maxItems", "items", "minLength"),
    *("maxLength", "pattern", "properties", "additionalProperties", "required", "propertyNames"),
    *("minProperties", "maxProperties", "patternProperties"),
}


def _is(kind: str, value: Any) -> bool:
    if kind in {"integer", "number"}:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (kind == "number" and isinstance(value, float))
    return isinstance(value, _KINDS[kind])


def _text(schema: dict[str, Any], value: str) -> bool:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return False
    return "pattern" not in schema or re.search(schema["pattern"], value) is not None


def _mapping(schema: dict[str, Any], value: dict[str, Any], root: dict[str, Any]) -> bool:
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
        return False
    if any(key not in value for key in schema.get("required", ())):
        return False
    for key, inner in value.items():
        if not accepts(schema.get("propertyNames", True), key, root):
            return False
        patterns = [s for p, s in schema.get("patternProperties", {}).items() if re.search(p, key)]
        if key in schema.get("properties", {}):
            patterns.append(schema["properties"][key])
        patterns = patterns or [schema.get("additionalProperties", True)]
        if not all(accepts(one, inner, root) for one in patterns):
            return False
    return True


@pytest.fixture(scope="module")
def example() -> Any:
    return read_document(EXAMPLE).data


def test_the_shipped_schema_is_that_of_the_model() -> None:
    """``make schema`` writes it again."""
    assert SCHEMA_FILE.read_text() == schema_text()


def test_the_example_is_accepted(example: Any) -> None:
    schema = policy_schema()
    assert accepts(schema, example, schema)


POLICIES = [
    file
    for file in sorted(Path(__file__).parents[2].joinpath("policies").glob("*.yaml"))
    if not file.name.endswith(".expect.yaml")
]


@pytest.mark.parametrize("file", [EXAMPLE, *POLICIES], ids=lambda file: file.stem)
def test_policies_are_valid_for_the_validator_that_editors_build_on(file: Path) -> None:
    jsonschema.Draft202012Validator(policy_schema()).validate(read_document(file).data)


def test_the_schema_is_one_and_its_small_reader_here_agrees(example: Any) -> None:
    schema = policy_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for steps, value, good in CHANGES:
        data = changed(example, steps, value)
        assert validator.is_valid(data) is good, steps


CHANGES: list[tuple[tuple[str, ...], Any, bool]] = [
    (("version",), 2, False),
    (("version",), "1", False),
    (("vesion",), 1, False),
    (("include",), "sites/*.yaml", True),
    (("include",), ["a.yaml", "b.yaml"], True),
    (("include",), [1], False),
    (("dns", "zone"), None, False),
    (("dns", "nameservers", "ns1.example.com"), "192.0.2.53", True),
    (("dns", "nameservers", "ns1.example.com"), ["192.0.2.53", "2001:db8::53"], True),
    (("dns", "nameservers", "ns1.example.com"), 1, False),
    (("dns", "soa"), {"minimum": 30, "contact": "dns@example.com"}, True),
    (("dns", "soa"), {"minimun": 30}, False),
    (("defaults", "ttl"), 60, True),
    (("defaults", "ttl"), "5m", True),
    (("defaults", "ttl"), -1, False),
    (("defaults", "ttl"), True, False),
    (("defaults", "check"), False, True),
    (("defaults", "check"), {"use": "https", "from": "cn"}, True),
    (("defaults", "check"), {"use": "https", "form": "cn"}, False),
    (("defaults", "protect"), {"slow_start": "off", "damping": "on"}, True),
    (("defaults", "protect"), {"removal": {"share": "25%", "per": "30s"}}, True),
    (("defaults", "protect"), {"removal": "on"}, False),
    (("defaults", "headroom"), 0.5, True),
    (("defaults", "answer"), {"count": 9}, False),
    (("checks", "https", "expect"), [200, "301-302"], True),
    (("checks", "https", "type"), "htps", False),
    (("sites", "aws"), {"zones": {"a": {"A": "192.0.2.1"}}}, False),
    (("sites", "aws/us-east-2"), {"zones": {"a": {"A": "192.0.2.1"}}}, True),
    (("sites", "aws/us-east-2"), {"zones": {"a": [{"A": "192.0.2.1", "weight": 3}]}}, True),
    (("sites", "aws/us-east-2"), {"zones": {}}, False),
    (("sites", "aws/us-east-2"), {"zones": {"a": []}}, False),
    (("sites", "aws/us-east-2"), {"zones": {"a": {"alias": "lb.example.net"}}, "at": [39.0, -77]}, True),
    (("sites", "aws/us-east-2"), {"zones": {"a": {"A": "192.0.2.1"}}, "at": [39.0]}, False),
    (("records", "a.example.com"), {"policy": "p"}, True),
    (("records", "a.example.com"), {"polciy": "p"}, False),
    (("records", "a.example.com"), {"rules": [{"to": {"aws/us-east-1": 1001}}]}, False),
    (("records", "a.example.com"), {"rules": [{"to": "aws/us-east-1", "when": {"asn": [64500, "AS64501"]}}]}, True),
    (("records", "a.example.com"), {"rules": [{"to": "aws/us-east-1", "when": {"not": {"area": "CN"}}}]}, True),
    (("records", "a.example.com"), {"rules": [{"to": "aws/us-east-1", "when": {"not": [{"aera": "CN"}]}}]}, False),
    (("records", "a.example.com"), {"rules": [{"to": "aws/us-east-1", "fence": "yes"}]}, False),
    (("records", "a.example.com"), {"rules": []}, False),
]  # fmt: skip


def changed(example: Any, steps: tuple[str, ...], value: Any) -> Any:
    """Return a copy of *example* with *value* at *steps*."""
    data = copy.deepcopy(example)
    *above, last = steps
    inner = data
    for step in above:
        inner = inner[step]
    inner[last] = value
    return data


@pytest.mark.parametrize(("steps", "value", "good"), CHANGES)
def test_schema_and_model_agree(
    example: Any, steps: tuple[str, ...], value: Any, good: bool
) -> None:
    data = changed(example, steps, value)
    schema = policy_schema()
    assert accepts(schema, data, schema) is good
    try:
        PolicyFile.model_validate(data)
    except ValueError:
        assert not good
    else:
        assert good


def test_every_key_has_words_for_an_editor_to_show() -> None:
    schema = policy_schema()
    for name, part in {"PolicyFile": schema, **schema["$defs"]}.items():
        assert part.get("description") or part.get("title"), name
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"
            assert len(value["description"]) <= 120


def test_the_schema_is_json_that_does_not_change_from_run_to_run() -> None:
    assert json.loads(schema_text()) == policy_schema()
    assert schema_text() == schema_text()
    assert schema_text().endswith("}\n")
