"""The service model of Route 53 that botocore ships: routes, requests and replies by its letter.

Requests are refused for what the model refuses (required, lengths, ranges, patterns, enums,
unknown elements), which botocore's client side mostly lets through. Replies go through the same
check, so that the double cannot answer what Route 53 could not.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from tests.doubles.route53.errors import AwsError, bad_input

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_NUMBERS = ("integer", "long")
_BOOLEANS = {"true": True, "false": False}


@functools.cache
def service() -> ServiceModel:
    """Return botocore's model of the service."""
    loader = botocore.session.get_session().get_component("data_loader")
    return ServiceModel(loader.load_service_model("route53", "service-2"), "route53")


@functools.cache
def _routes() -> tuple[tuple[str, re.Pattern[str], OperationModel], ...]:
    found = []
    for name in service().operation_names:
        operation = service().operation_model(name)
        uri = operation.http["requestUri"].partition("?")[0]
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(uri))
        found.append((operation.http["method"], re.compile(pattern), operation))
    return tuple(found)


def route(method: str, path: str) -> tuple[OperationModel, dict[str, str]]:
    """Return the operation at *path* and the parts of the path that are values."""
    for verb, pattern, operation in _routes():
        if verb == method and (match := pattern.fullmatch(path)):
            values = {name: urllib.parse.unquote(v) for name, v in match.groupdict().items()}
            return operation, values
    raise AwsError("UnknownOperationException", f"no operation at {method} {path}")


def read(
    operation: OperationModel,
    parts: Mapping[str, str],
    query: tuple[tuple[str, str], ...],
    body: bytes,
) -> dict[str, Any]:
    """Return the parameters of a request; ``InvalidInput`` names everything wrong with it."""
    shape = operation.input_shape
    if shape is None:
        return {}
    problems: list[str] = []
    values: dict[str, Any] = {}
    known_query = set()
    questions: dict[str, list[str]] = {}
    for name, value in query:
        questions.setdefault(name, []).append(value)
    in_body: dict[str, Shape] = {}
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        location = member.serialization.get("location")
        if location == "uri":
            values[name] = parts[wire]
        elif location == "querystring":
            known_query.add(wire)
            if wire in questions:
                values[name] = _scalar(member, questions[wire][-1], name, problems)
        elif location is None:
            in_body[name] = member
    problems += [f"unknown query parameter '{n}'" for n in questions if n not in known_query]
    if in_body and body:
        values |= _read_body(operation, in_body, body, problems)
    elif body:
        problems.append("a body that the operation does not take")
    problems += check(shape, values, "")
    if problems:
        raise bad_input(_detected(problems))
    return values


def write(operation: OperationModel, output: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """Return headers and XML of a reply; ``AssertionError`` when the model forbids it."""
    shape = operation.output_shape
    assert shape is not None, operation.name
    problems = check(shape, output, "")
    assert not problems, f"{operation.name} would answer what the model forbids: {problems}"
    headers = {}
    root = ET.Element(shape.name, xmlns=NAMESPACE)
    for name, value in output.items():
        member = shape.members[name]
        if member.serialization.get("location") == "header":
            headers[member.serialization["name"]] = str(value)
        else:
            _write_element(root, member.serialization.get("name", name), member, value)
    return headers, _document(root)


def write_error(error: AwsError, request_id: str) -> bytes:
    """Return the XML of an error."""
    root = ET.Element("ErrorResponse", xmlns=NAMESPACE)
    inner = ET.SubElement(root, "Error")
    ET.SubElement(inner, "Type").text = "Sender" if error.status < 500 else "Receiver"
    ET.SubElement(inner, "Code").text = error.code
    ET.SubElement(inner, "Message").text = error.message
    ET.SubElement(root, "RequestId").text = request_id
    return _document(root)


def check(shape: Shape, value: Any, path: str) -> list[str]:
    """Return every way in which *value* breaks the constraints of *shape*."""
    return list(_check(shape, value, path))


def _check(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _failed("null", _join(path, name), "must not be null")
        for name, one in value.items():
            if name not in shape.members:
                yield f"unknown member '{name}' at '{path}'"
            else:
                yield from _check(shape.members[name], one, _join(path, name))
        return
    limits = shape.metadata
    low, high = limits.get("min"), limits.get("max")
    if isinstance(shape, ListShape):
        yield from _bounds(len(value), value, path, low, high, "length")
        for index, one in enumerate(value, 1):
            yield from _check(shape.member, one, f"{path}.{index}.member")
    elif shape.type_name == "string":
        yield from _bounds(len(value), value, path, low, high, "length")
        if (pattern := limits.get("pattern")) and not _pattern(pattern).fullmatch(value):
            yield _failed(value, path, f"must satisfy regular expression pattern: {pattern}")
        if (enum := limits.get("enum")) and value not in enum:
            yield _failed(value, path, f"must satisfy enum value set: [{', '.join(enum)}]")
    elif shape.type_name in _NUMBERS:
        yield from _bounds(value, value, path, low, high, "value")


def _bounds(
    measure: int, value: Any, path: str, low: int | None, high: int | None, what: str
) -> Iterator[str]:
    if low is not None and measure < low:
        yield _failed(value, path, f"must have {what} greater than or equal to {low}")
    if high is not None and measure > high:
        yield _failed(value, path, f"must have {what} less than or equal to {high}")


def _failed(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: Member {constraint}"


def _detected(problems: list[str]) -> str:
    errors = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
    return f"{errors} detected: {'; '.join(problems)}"


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


@functools.cache
def _pattern(java: str) -> re.Pattern[str]:
    """Compile a pattern of the model, which is Java's, as Python's."""
    return re.compile(java.replace(r"\p{ASCII}", r"[\x00-\x7F]"), re.DOTALL)


def _read_body(
    operation: OperationModel, members: Mapping[str, Shape], body: bytes, problems: list[str]
) -> dict[str, Any]:
    shape = operation.input_shape
    assert shape is not None
    expected = shape.serialization.get("name", shape.name)
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise AwsError("MalformedInput", f"XML: {error}") from None
    if root.tag != f"{{{NAMESPACE}}}{expected}":
        problems.append(f"root element {root.tag!r}, not {expected!r} of {NAMESPACE}")
        return {}
    return _read_members(members, root, "", problems)


def _read_members(
    members: Mapping[str, Shape], element: ET.Element, path: str, problems: list[str]
) -> dict[str, Any]:
    by_tag = {
        f"{{{NAMESPACE}}}{member.serialization.get('name', name)}": (name, member)
        for name, member in members.items()
    }
    values: dict[str, Any] = {}
    for child in element:
        if child.tag not in by_tag:
            problems.append(f"Invalid XML ; unexpected element {child.tag!r} at '{path}'")
            continue
        name, member = by_tag[child.tag]
        if name in values:
            problems.append(f"Invalid XML ; element {name!r} twice at '{path}'")
        values[name] = _read_element(member, child, _join(path, name), problems)
    return values


def _read_element(shape: Shape, element: ET.Element, path: str, problems: list[str]) -> Any:
    if isinstance(shape, StructureShape):
        return _read_members(shape.members, element, path, problems)
    if isinstance(shape, ListShape):
        tag = f"{{{NAMESPACE}}}{shape.member.serialization.get('name', 'member')}"
        problems += [
            f"Invalid XML ; unexpected element {child.tag!r} at '{path}'"
            for child in element
            if child.tag != tag
        ]
        return [
            _read_element(shape.member, child, f"{path}.{index}.member", problems)
            for index, child in enumerate(element, 1)
        ]
    return _scalar(shape, element.text or "", path, problems)


def _scalar(shape: Shape, text: str, path: str, problems: list[str]) -> Any:
    if shape.type_name == "boolean":
        if text not in _BOOLEANS:
            problems.append(f"'{text}' at '{path}' is no boolean")
        return _BOOLEANS.get(text, False)
    if shape.type_name in _NUMBERS:
        if not re.fullmatch(r"-?[0-9]+", text):
            problems.append(f"'{text}' at '{path}' is no integer")
            return shape.metadata.get("min", 0)
        return int(text)
    return text


def _write_element(parent: ET.Element, tag: str, shape: Shape, value: Any) -> None:
    element = ET.SubElement(parent, tag)
    if isinstance(shape, StructureShape):
        for name, one in value.items():
            member = shape.members[name]
            _write_element(element, member.serialization.get("name", name), member, one)
    elif isinstance(shape, ListShape):
        inner = shape.member.serialization.get("name", "member")
        for one in value:
            _write_element(element, inner, shape.member, one)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif isinstance(value, dt.datetime):
        element.text = value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    else:
        element.text = str(value)


def _document(root: ET.Element) -> bytes:
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0"?>\n{text}'.encode()
