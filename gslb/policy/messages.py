"""What the model refused, in words for operators, with places and suggestions."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Protocol, Union

from pydantic import BaseModel, ValidationError

from gslb.policy.problems import Problem, Where

Steps = tuple[str | int, ...]

# What a pattern of the model asks for, in words.
PATTERNS: Mapping[str, str] = {
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9-]*[a-z0-9])?$": "a site is cloud/region, such as aws/us-east-1",
    r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9])?$": "a name has letters, digits, and -, _, . inside",
    r"^/": "a path begins with /",
}


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
    error: ValidationError, document: Places, model: type[BaseModel]
) -> Iterator[Problem]:
    """Yield one problem for each thing that *error* says about *document*, read as *model*."""
    seen: set[tuple[Where, str]] = set()
    for one in _relevant(error, document):
        steps = tuple(one["loc"])
        code, text, hint = _words(one, document.holds(steps), steps, model)
        of_key = one["type"] in ("extra_forbidden", "missing") or steps[-1:] == ("[key]",)
        where = document.locate_key(steps) if of_key else document.locate(steps)
        if (where, text) not in seen:
            seen.add((where, text))
            yield Problem(where, code, text, hint=hint)


def _relevant(error: ValidationError, document: Places) -> list[Any]:
    """Return the errors worth telling: one for each value, the most telling of a union's variants.

    A value that is of no variant's type gets one error that names them all.
    """
    told: dict[Steps, list[Any]] = {}
    for one in error.errors(include_url=False):
        told.setdefault(document.holds(tuple(one["loc"])), []).append(one)
    kept: list[Any] = []
    for steps, errors in told.items():
        telling = [one for one in errors if not _wrong_type(one)]
        deeper = any(len(other) > len(steps) and other[: len(steps)] == steps for other in told)
        variants = any(len(one["loc"]) > len(steps) for one in errors)
        if telling or (deeper and variants):
            kept += telling
        elif len(errors) > 1:
            wanted = dict.fromkeys(_TYPES.get(str(one["type"]), "") for one in errors)
            kept.append({**errors[0], "wanted": " or ".join(text for text in wanted if text)})
        else:
            kept += errors
    return kept


def _wrong_type(one: Any) -> bool:
    return str(one["type"]).endswith("_type") or one["type"] == "literal_error"


def _words(one: Any, held: Steps, steps: Steps, model: type[BaseModel]) -> tuple[str, str, str]:
    """Return code, text and hint for one error of pydantic at *steps*, of which *held* exist."""
    kind, given, context = str(one["type"]), one.get("input"), one.get("ctx") or {}
    last = steps[-1] if steps else "policy"
    name = "" if last == "[key]" else _key(held)
    if kind == "extra_forbidden":
        return (
            "E101",
            f'unknown key "{_short(last)}"',
            _did_you_mean(str(last), keys_at(model, steps[:-1])),
        )
    if kind == "missing":
        return "E102", f'"{last}" is missing', ""
    if kind == "literal_error":
        choices = _literals(context)
        return (
            "E104",
            f"{name}{_value(given)} is not one of {', '.join(choices)}",
            _did_you_mean(str(given), choices),
        )
    if kind == "string_pattern_mismatch":
        wanted = PATTERNS.get(
            str(context.get("pattern")), f"it must match {context.get('pattern')}"
        )
        return "E104", f"{name}{_value(given)} will not do: {wanted}", ""
    if kind == "value_error":
        return "E104", f"{name}{str(one['msg']).removeprefix('Value error, ')}", ""
    wanted_type = one.get("wanted") or _TYPES.get(kind)
    if wanted_type is not None:
        hint = (
            "put it in quotes to mean text"
            if kind == "string_type" and isinstance(given, bool | int | float)
            else ""
        )
        return "E103", f"{name}expected {wanted_type}, not {_value(given)}", hint
    bound = _BOUNDS.get(kind)
    if bound is not None:
        return "E105", f"{name}{bound(context)}, not {_value(given)}", ""
    return "E104", f"{name}{str(one['msg'])[:1].lower()}{str(one['msg'])[1:]}", ""


_TYPES: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "none_required": "nothing",
}
_BOUNDS: Mapping[str, Callable[[Any], str]] = {
    "greater_than_equal": lambda c: f"must be at least {c['ge']}",
    "greater_than": lambda c: f"must be above {c['gt']}",
    "less_than_equal": lambda c: f"must be at most {c['le']}",
    "less_than": lambda c: f"must be below {c['lt']}",
    "too_short": lambda c: (
        f"needs at least {c['min_length']} entr{'y' if c['min_length'] == 1 else 'ies'}"
    ),
    "too_long": lambda c: f"takes at most {c['max_length']} entries",
    "string_too_short": lambda c: f"needs at least {c['min_length']} character(s)",
    "string_too_long": lambda c: f"takes at most {c['max_length']} characters",
}


def _key(steps: Steps) -> str:
    names = [step for step in steps if isinstance(step, str)]
    return f"{_short(names[-1])}: " if names else ""


def _short(text: object) -> str:
    plain = "".join(c if c.isprintable() else "?" for c in str(text))
    return plain if len(plain) <= 60 else plain[:60] + "…"


def _value(given: object) -> str:
    if isinstance(given, bool):
        return str(given).lower()
    if given is None:
        return "nothing"
    if isinstance(given, dict):
        return "a mapping"
    if isinstance(given, list):
        return f"a list of {len(given)}"
    return f'"{_short(given)}"' if isinstance(given, str) else _short(given)


def _literals(context: Any) -> list[str]:
    words = str(context.get("expected", "")).replace(" or ", ", ").split(", ")
    return [word.strip("'") for word in words]


def _did_you_mean(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f'did you mean "{close[0]}"?' if close else ""


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
            if step in (field.alias or name, name):
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
    if origin in (Union, types.UnionType):
        return [kind for part in typing.get_args(annotation) for kind in _plain(part)]
    return [annotation]
