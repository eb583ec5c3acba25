"""A node's settings put together: the file, over it the environment, over both the command line.

Every problem is found at once and says where it is: file:line:column, the variable, or the option.
"""

from __future__ import annotations

import os
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node.inputs import CONFIG_VARIABLE, PREFIX, Inputs
from gslb.policy.messages import Steps, problems_of
from gslb.policy.problems import PolicyError, Problem, Where
from gslb.settings import Settings

if TYPE_CHECKING:
    from gslb.policy.document import Document

EMPTY_FILE = "E004"  # no problem here: everything has a default
_PATHS = {("policies",), ("state_directory",)} | {
    ("geo", field) for field in ("table", "country", "asn", "city")
}
_PATHS |= {("api", "certificate"), ("api", "key")}

Key = tuple[str, ...]  # ("workers",) or ("ecs", "max_prefix4")

_log = Log(__name__)


class SettingsError(GslbError):
    """A node's settings were refused. Carries every problem, as ``place: text``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_settings(
    path: Path | None,
    given: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Return the settings of a node.

    Args:
        path: the settings file; None: that of GSLB_CONFIG, else the system's, if there is one.
        given: what the command line says, in the settings' own shape.
        environment: where GSLB_… variables are looked for.

    Raises:
        SettingsError: with every problem that there is.
    """
    inputs = Inputs.of(path, given, environment)
    document = _document(inputs.path) if inputs.path is not None else None
    values = _of_file(document) if document else {}
    sources: dict[Key, str] = {}  # of the values that are not the file's
    for key, (name, value) in _of_environment(environment).items():
        values[key], sources[key] = value, name
    for key, value in _flat(given).items():
        values[key], sources[key] = value, _option(key)
    merged = _Merged(_nested(values), sources, document)
    try:
        return Settings.model_validate(merged.data)
    except ValidationError as error:
        problems = sorted(problems_of(error, merged, Settings))
        raise SettingsError([_line(problem) for problem in problems]) from None


def _document(path: Path) -> Document | None:
    from gslb.policy.document import read_document  # noqa: PLC0415 - YAML, for who has a file

    try:
        return read_document(path)
    except PolicyError as error:
        if [problem.code for problem in error.problems] == [EMPTY_FILE]:
            return None
        raise SettingsError([str(problem) for problem in error.problems]) from None


def _of_file(document: Document) -> dict[Key, Any]:
    """Return the file's values; paths in it are relative to its folder."""
    folder = document.files[0].parent
    values = _flat(document.data)
    for key in _PATHS & values.keys():
        value = values[key]
        if isinstance(value, str):
            values[key] = folder / value
        elif isinstance(value, list):
            values[key] = [folder / one if isinstance(one, str) else one for one in value]
    return values


def _of_environment(environment: Mapping[str, str]) -> dict[Key, tuple[str, Any]]:
    """Return the variables that mean a setting; GSLB_ECS_MAX_PREFIX4 is ecs.max_prefix4.

    Others with our prefix are not ours to refuse (Kubernetes sets GSLB_PORT and the like for a
    service of our name), but one that looks like a slip is worth a warning.
    """
    known = {PREFIX + "_".join(key).upper(): key for key in _keys(Settings)}
    found: dict[Key, tuple[str, Any]] = {}
    for name, value in environment.items():
        if name in known:
            key = known[name]
            found[key] = name, _split(value) if _is_list(key) else value
        elif name.startswith(PREFIX) and name != CONFIG_VARIABLE:
            close = get_close_matches(name, known, n=1, cutoff=0.85)
            if close:
                _log.warning("variable not known", variable=name, perhaps=close[0])
    return found


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _keys(model: type[BaseModel], above: Key = ()) -> Iterator[Key]:
    """Yield the key of every setting."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _keys(kind, (*above, name))
        else:
            yield (*above, name)


def _is_list(key: Key) -> bool:
    model: type[BaseModel] = Settings
    for name in key[:-1]:
        kind = model.model_fields[name].annotation
        assert isinstance(kind, type)
        model = kind
    return typing.get_origin(model.model_fields[key[-1]].annotation) is tuple


def _flat(values: Mapping[str, Any]) -> dict[Key, Any]:
    """Return the settings of *values* by key; sections are opened, anything else stays whole."""
    flat: dict[Key, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= {(name, inner): one for inner, one in value.items()}
        else:
            flat[(name,)] = value
    return flat


def _nested(values: Mapping[Key, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        if len(key) == 1:
            nested.setdefault(key[0], value)
        elif isinstance(section := nested.setdefault(key[0], {}), dict):
            section[key[1]] = value
    return nested


def _option(key: Key) -> str:
    return "--" + "-".join(key).replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Merged:
    """All that was said, and where each part of it was."""

    data: dict[str, Any]
    sources: Mapping[Key, str]  # of the values that are not the file's
    document: Document | None

    def locate(self, steps: Steps) -> Where:
        """Return the place of a value; of one that no file holds, its variable or option."""
        return self._elsewhere(steps) or self._document().locate(steps)

    def locate_key(self, steps: Steps) -> Where:
        """Return the place of a key."""
        return self._elsewhere(steps) or self._document().locate_key(steps)

    def holds(self, steps: Steps) -> Steps:
        """Return the part of *steps* that leads to something."""
        held = 0
        value: Any = self.data
        for step in steps:
            inner = dict(enumerate(value)) if isinstance(value, list) else value
            if not isinstance(inner, dict) or step not in inner:
                break
            value = inner[step]
            held += 1
        return steps[:held]

    def _elsewhere(self, steps: Steps) -> Where | None:
        names = tuple(step for step in steps[:2] if isinstance(step, str))
        source = self.sources.get(names) or self.sources.get(names[:1])
        return Where(Path(source)) if source else None

    def _document(self) -> Document:
        assert self.document is not None  # a value is the file's, or has another source
        return self.document


def _line(problem: Problem) -> str:
    """Return *problem* as text: a variable or an option has no lines to name."""
    text = str(problem)
    return text if problem.where.line else text.replace(":0:0:", ":", 1)
