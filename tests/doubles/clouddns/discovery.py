"""Google's discovery documents: which requests there are, and what they and their replies hold.

The documents come with google-api-python-client, a dependency of the tests that is only read,
never imported. Each schema becomes JSON Schema 2020-12 and takes no unknown member. In one way
this is stricter than Google: a number written as text is refused.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

from tests.doubles.clouddns.errors import GoogleError

_GLOBAL = ("alt", "prettyPrint", "key", "quotaUser", "$.xgafv", "upload_protocol", "uploadType")
_FORMATS: dict[str, dict[str, Any]] = {
    "int32": {"minimum": -(2**31), "maximum": 2**31 - 1},
    "uint32": {"minimum": 0, "maximum": 2**32 - 1},
    "int64": {"pattern": "^-?[0-9]+$"},
    "uint64": {"pattern": "^[0-9]+$"},
}
_DROPPED = (
    "id", "description", "default", "readOnly", "required", "enumDescriptions", "enumDeprecated",
    "deprecated", "annotations", "format", "$ref", "pattern", "properties", "items",
    "additionalProperties",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Method:
    """One method of an API; *schemas* are those of its document."""

    id: str
    verb: str
    path: re.Pattern[str]
    spec: Mapping[str, Any]
    schemas: Mapping[str, Any]


def find(verb: str, path: str) -> tuple[Method, dict[str, str]]:
    """Return the method at *path* and the values in the path; 404 when there is none."""
    for method in methods():
        if method.verb == verb and (match := method.path.fullmatch(path)):
            return method, {k: urllib.parse.unquote(v) for k, v in match.groupdict().items()}
    raise GoogleError(404, "notFound", f"No method at {verb} {path}")


@functools.cache
def methods() -> tuple[Method, ...]:
    """Return the methods of Cloud DNS and those of compute that concern health checks."""
    dns, compute = _document("dns.v1"), _document("compute.v1")
    found = _collect(dns["resources"], dns, "/" + dns["servicePath"])
    wanted = {name: compute["resources"][name] for name in ("healthChecks", "globalOperations")}
    return tuple(found + _collect(wanted, compute, "/" + compute["servicePath"]))


def read_query(method: Method, query: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return the parameters of the query by the document; 400 for what it does not know."""
    parameters = method.spec.get("parameters", {})
    values: dict[str, Any] = {}
    for name, text in query:
        spec = parameters.get(name)
        if spec is None or spec["location"] != "query":
            if name not in _GLOBAL:
                raise _bad(f'Unknown name "{name}": Cannot bind query parameter.')
            if name == "alt" and text != "json":
                raise _bad(f"alt={text} is not in the double")
            continue
        values[name] = _parameter(name, text, spec)
    return values


def check_body(method: Method, body: bytes, content_type: str) -> dict[str, Any]:
    """Return the body as the document allows it; 400 with the place of what it does not."""
    wanted = method.spec.get("request")
    if wanted is None:
        if body:
            raise _bad(f"{method.id} takes no body.")
        return {}
    if content_type.partition(";")[0].strip() != "application/json":
        raise _bad(f"Content-Type {content_type!r} is not application/json.")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise _bad(f"Invalid JSON payload received. {error}") from None
    if problem := _problem(method, wanted["$ref"], value):
        raise _bad(f"Invalid JSON payload received. {problem}")
    if not isinstance(value, dict):
        raise _bad("Invalid JSON payload received. Not an object.")
    return value


def check_reply(method: Method, value: Mapping[str, Any] | None) -> None:
    """Refuse a reply that Google could not give (``AssertionError``)."""
    wanted = method.spec.get("response")
    if wanted is None or value is None:
        assert wanted is None, f"{method.id} answers {wanted}"
        assert value is None, f"{method.id} has no reply"
        return
    problem = _problem(method, wanted["$ref"], value)
    assert not problem, f"{method.id} would answer what the document forbids: {problem}"


def _problem(method: Method, name: str, value: object) -> str:
    error = next(
        iter(_validator(method.spec["id"].partition(".")[0], name).iter_errors(value)), None
    )
    return f"{error.message} at '{error.json_path}'" if error else ""


@functools.cache
def _validator(api: str, name: str) -> jsonschema.Draft202012Validator:
    schemas = _document(f"{api}.v1")["schemas"]
    needed: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in needed:
            needed[one] = _converted(schemas[one])
            waiting += re.findall(r'"#/\$defs/([^"]+)"', json.dumps(needed[one]))
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": needed})


def _converted(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of a discovery document as JSON Schema."""
    if "$ref" in spec:
        return {"$ref": f"#/$defs/{spec['$ref']}"}
    if spec.get("type") == "any":
        return {}
    made: dict[str, Any] = {name: v for name, v in spec.items() if name not in _DROPPED}
    made |= _FORMATS.get(spec.get("format", ""), {})
    if "pattern" in spec:
        made["pattern"] = f"^(?:{spec['pattern']})$"
    if "items" in spec:
        made["items"] = _converted(spec["items"])
    if "properties" in spec:
        made["properties"] = {n: _converted(s) for n, s in spec["properties"].items()}
        kind = spec["properties"].get("kind", {})
        if "default" in kind:
            made["properties"]["kind"] = {"const": kind["default"]}
    if spec.get("type") == "object":
        more = spec.get("additionalProperties")
        made["additionalProperties"] = _converted(more) if more else False
    return made


def _collect(resources: Mapping[str, Any], document: Any, prefix: str) -> list[Method]:
    found = []
    for resource in resources.values():
        for spec in resource.get("methods", {}).values():
            pattern = _path_pattern(prefix + spec["path"], spec.get("parameters", {}))
            method = Method(spec["id"], spec["httpMethod"], pattern, spec, document["schemas"])
            found.append(method)
        found += _collect(resource.get("resources", {}), document, prefix)
    return found


def _path_pattern(template: str, parameters: Mapping[str, Any]) -> re.Pattern[str]:
    def one(match: re.Match[str]) -> str:
        rest = "+" in match[1]
        pattern = parameters[match[2]].get("pattern", ".+" if rest else "[^/]+")
        return f"(?P<{match[2]}>{pattern.removeprefix('^').removesuffix('$')})"

    parts = re.split(r"(\{\+?\w+\})", template)
    return re.compile(
        "".join(
            re.sub(r"\{(\+?)(\w+)\}", one, part) if part.startswith("{") else re.escape(part)
            for part in parts
        )
    )


def _parameter(name: str, text: str, spec: Mapping[str, Any]) -> Any:
    if spec["type"] == "integer":
        if not re.fullmatch(r"-?[0-9]+", text):
            raise _bad(f"Invalid value at '{name}' (TYPE_INT32), \"{text}\"")
        return int(text)
    if spec["type"] == "boolean":
        if text not in ("true", "false"):
            raise _bad(f"Invalid value at '{name}' (TYPE_BOOL), \"{text}\"")
        return text == "true"
    if "enum" in spec and text not in spec["enum"]:
        raise _bad(f"Invalid value at '{name}', \"{text}\"")
    return text


def _bad(message: str) -> GoogleError:
    return GoogleError(400, "badRequest", message)


@functools.cache
def _document(name: str) -> dict[str, Any]:
    spec = importlib.util.find_spec("googleapiclient")
    assert spec is not None, "the tests need google-api-python-client"
    assert spec.submodule_search_locations is not None
    folder = Path(next(iter(spec.submodule_search_locations)))
    text = (folder / "discovery_cache" / "documents" / f"{name}.json").read_bytes()
    document: dict[str, Any] = json.loads(text)
    return document
