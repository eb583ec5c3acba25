"""What a model refused, in words for operators, with places and suggestions."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from itertools import islice
from typing import Annotated, Any, Final, Protocol, Union

from pydantic import BaseModel, ValidationError

from gslb.policy.problems import Problem, Where
from gslb.policy.wording import did_you_mean, short, shown

MAX_TOLD: Final = 1000  # problems of values; nobody reads more, and a generator makes the same one

Steps = tuple[str | int, ...]

# What a pattern of the model asks for, in words.
PATTERNS: Mapping[str, str] = {
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9-]*[a-z0-9])?$": "a site is cloud/region, such as aws/us-east-1",
    r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9])?$": "a name has letters, digits, and -, _, . inside",
    r"^/[!-~]*$": "a path begins with / and has no spaces",
    r"^/[^\x00-\x1f\x7f-\x9f]*$": "a path on the node begins with /",
    r"^[^\x00-\x20\x7f-\x9f]*$": "a host name has no spaces",
    r"^[^\x00-\x1f\x7f-\x9f]*$": "it must be one line of text",
    r"^[^\x00]*$": "the character U+0000 cannot be part of it",
}
_FEW = 6  # keys that a hint may list
# What to write where a mapping is wanted and its keys alone would not tell how; by one of the keys.
_EXAMPLES: Mapping[str, str] = {
    "why": 'write drained: {why: "CHG-1234", until: "2026-12-01T06:00Z"}',
    "alpn": "write https: {alpn: [h2]}",
}
_SWITCHES = {"yes": "true", "on": "true", "no": "false", "off": "false"}


class Places(Protocol):
    """What tells where a part of the document stands."""

    @property
    def data(self) -> Any:
        """The document's value."""

    def locate(self, steps: Steps) -> Where:
        """Return the place of a value."""

    def locate_key(self, steps: Steps) -> Where:
        """Return the place of a key."""

    def holds(self, steps: Steps) -> Steps:
        """Return the part of *steps* that leads to something."""


def problems_of(
    error: ValidationError, document: Places, model: type[BaseModel], total: int | None = None
) -> Iterator[Problem]:
    """Yield one problem for each thing that *error* says about *document*, read as *model*.

    At most MAX_TOLD, and then one more that says how many there are: *total*, or all of *error*.
    """
    count = error.error_count() if total is None else total
    if count > MAX_TOLD:
        text = f"{count:,} problems of values in all; the first ones are told"
        yield Problem(document.locate(()), "E106", text)
    seen: set[tuple[Where, str]] = set()
    for held, one in islice(_relevant(error, document), MAX_TOLD):
        steps = tuple(one["loc"])
        code, text, hint = _words(one, held, steps, model)
        of_key = one["type"] in {"extra_forbidden", "missing"} or steps[-1:] == ("[key]",)
        where = document.locate_key(steps) if of_key else document.locate(steps)
        if (where, text) not in seen:
            seen.add((where, text))
            yield Problem(where, code, text, hint=hint)


def _relevant(error: ValidationError, document: Places) -> Iterator[tuple[Steps, Any]]:
    """Yield the errors worth telling, each with the part of its path that is in the document.

    A value that may be of several kinds has errors for each kind. Those of the kind that was meant
    are told: what is wrong inside it, or more than its type. If none was, one error names them all.
    """
    told: dict[Steps, list[Any]] = {}
    for one in error.errors(include_url=False):
        told.setdefault(document.holds(tuple(one["loc"])), []).append(one)
    above = {steps[:length] for steps in told for length in range(len(steps))}
    for steps, errors in told.items():
        telling = [one for one in errors if not _wrong_type(one)]
        variants = any(len(one["loc"]) > len(steps) for one in errors)
        if telling or (steps in above and variants):
            words = [_wanted(one) for one in errors if one["type"] == "literal_error"]
            yield from ((steps, {**one, "or": ", ".join(words)}) for one in telling)
        elif len(errors) > 1:
            wanted = dict.fromkeys(_wanted(one) for one in errors)
            yield steps, {**errors[0], "wanted": " or ".join(text for text in wanted if text)}
        else:
            yield steps, errors[0]


def _wrong_type(one: Any) -> bool:
    return str(one["type"]).endswith("_type") or one["type"] == "literal_error"


def _wanted(one: Any) -> str:
    """Return what one kind of a value would be."""
    if one["type"] == "literal_error":
        return ", ".join(_literals(one.get("ctx") or {}))
    return _TYPES.get(str(one["type"]), "")


def _words(one: Any, held: Steps, steps: Steps, model: type[BaseModel]) -> tuple[str, str, str]:
    """Return code, text and hint for one error of pydantic at *steps*, of which *held* exist."""
    kind, given, context = str(one["type"]), one.get("input"), one.get("ctx") or {}
    last = steps[-1] if steps else "policy"
    name = "" if last == "[key]" else _key(held)
    if kind == "extra_forbidden":
        keys = keys_at(model, steps[:-1])
        hint = _colon(last, keys) or did_you_mean(str(last), keys)
        return "E101", f"unknown key {shown(str(last))}", hint
    if kind == "missing":
        return "E102", f"{shown(str(last))} is missing", ""
    if kind == "value_error":
        hint = f"or {one['or']}" if one.get("or") else ""
        return "E104", f"{name}{str(one['msg']).removeprefix('Value error, ')}", hint
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern"))
        wanted = PATTERNS.get(pattern, f"it must match {pattern}")
        return "E104", f"{name}{shown(given)} will not do: {wanted}", ""
    if "wanted" in one or kind in _TYPES:
        wanted = one.get("wanted") or _TYPES[kind]
        return (
            "E103",
            f"{name}expected {wanted}, not {shown(given)}",
            _hint(kind, given, name, keys_at(model, steps)) if "wanted" not in one else "",
        )
    if kind == "literal_error":
        choices = _literals(context)
        must = (
            f"is not one of {', '.join(choices)}" if len(choices) > 1 else f"should be {choices[0]}"
        )
        word = given if isinstance(given, str) else ""
        hint = did_you_mean(word, choices)
        if word and not _texts(context):
            hint = f"write {choices[0]} without quotes"
        return "E104", f"{name}{shown(given)} {must}", hint
    bound = _BOUNDS.get(kind)
    if bound is not None:
        empty = "an empty mapping" if given == {} else shown(given)
        return "E105", f"{name}{bound(context)}, not {empty}", ""
    return "E104", f"{name}{str(one['msg'])[:1].lower()}{str(one['msg'])[1:]}", ""


def _hint(kind: str, given: object, name: str, keys: list[str]) -> str:
    if kind == "model_type":
        return _mapping(given, keys)
    if kind == "int_type" and isinstance(given, str) and given.endswith("%"):
        if "/" in name:  # a site of `to`
            return "shares are whole numbers from 0 to 1000, such as 50; what counts is their ratio"
        return "a number without %"
    if kind == "string_type" and isinstance(given, bool | int | float):
        return "put it in quotes to mean text"
    if kind == "bool_type" and isinstance(given, str):
        word = given.lower()
        meant = _SWITCHES.get(word, word)
        return f"write {meant}" if meant in {"true", "false"} else ""
    return ""


def _mapping(given: object, keys: list[str]) -> str:
    """Return what to write where a mapping with *keys* is wanted and *given* is written."""
    for key, example in _EXAMPLES.items():
        if key in keys:
            return example
    if isinstance(given, str) and "AAAA" in keys and "weight" in keys:
        return _endpoint(given)
    return _colon(given, keys) or (
        f"its keys are {', '.join(keys)}" if 0 < len(keys) <= _FEW else ""
    )


def _endpoint(given: str) -> str:
    """Return how an address, or the name of a host, is written as an endpoint."""
    try:
        version = ip_address(given).version
    except ValueError:
        return f"write {{alias: {short(given)}}}" if "." in given and " " not in given else ""
    return f"write {{A: {given}}}" if version == 4 else f'write {{AAAA: "{given}"}}'


def _colon(given: object, keys: list[str]) -> str:
    """Return a hint if *given* is a key and its value, but for the colon."""
    key, space, value = given.partition(" ") if isinstance(given, str) else ("", "", "")
    return f"a colon is missing: {key}: {short(value)}" if space and key in keys else ""


_TYPES: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number with an end",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "path_type": "a path",
    "none_required": "nothing",
}
_BOUNDS: Mapping[str, Callable[[Any], str]] = {
    "greater_than_equal": lambda c: f"must be at least {c['ge']}",
    "greater_than": lambda c: f"must be above {c['gt']}",
    "less_than_equal": lambda c: f"must be at most {c['le']}",
    "less_than": lambda c: f"must be below {c['lt']}",
    "too_short": lambda c: f"needs at least {_count(c['min_length'], 'entry', 'entries')}",
    "too_long": lambda c: f"takes at most {_count(c['max_length'], 'entry', 'entries')}",
    "string_too_short": lambda c: f"needs at least {_count(c['min_length'], 'character')}",
    "string_too_long": lambda c: f"takes at most {_count(c['max_length'], 'character')}",
}


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _key(steps: Steps) -> str:
    names = [step for step in steps if isinstance(step, str)]
    return f"{short(names[-1])}: " if names else ""


def _texts(context: Any) -> bool:
    """Return whether the words that an error of pydantic wants are texts: it quotes those."""
    return "'" in str(context.get("expected", ""))


def _literals(context: Any) -> list[str]:
    words = str(context.get("expected", "")).replace(" or ", ", ").split(", ")
    return [{"False": "false", "True": "true"}.get(word, word.strip("'")) for word in words]


def keys_at(model: type[BaseModel], steps: Steps) -> list[str]:
    """Return the keys that *model* knows at *steps*; none where it takes any key."""
    kinds: list[Any] = [model]
    for step in steps:
        kinds = [found for kind in kinds for found in _below(kind, step)] or kinds
    return [
        field.alias or name
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, field in kind.model_fields.items()
    ]


def _below(kind: Any, step: str | int) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in {field.alias or name, name}:
                return _plain(field.annotation)
        return []
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and isinstance(step, int):
        return _plain(arguments[0])
    if origin is dict and isinstance(step, str):
        return _plain(arguments[1])
    return []


def _plain(annotation: Any) -> list[Any]:
    """Return what *annotation* may be: unions apart, wrappings off."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return [kind for part in typing.get_args(annotation) for kind in _plain(part)]
    return [annotation]
