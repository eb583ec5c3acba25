"""A policy's files as one document: the named file, and those that its ``include:`` adds.

`read_document` gives plain values with their places; `gslb.policy.reading` the checked model of them.
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from gslb.policy.problems import PolicyError, Problem, Where
from gslb.policy.wording import shown
from gslb.policy.yamltext import (
    DEFAULT_LIMITS,
    Limits,
    Parsed,
    Places,
    Reader,
    key_place,
    value_place,
)

MAX_FILES: Final = 4000  # of one policy; the places of a document have 12 bits for the file
MERGED: Final = ("checks", "sites", "policies", "records")  # their entries may come from many files


Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What the files of one policy say, as one value; and where each part of it stands."""

    data: dict[str, Any]
    files: tuple[Path, ...]
    digest: str  # BLAKE2b of the files' octets, in their order
    _reader: Reader
    _places: Places

    def locate(self, steps: Steps) -> Where:
        """Return where the value at *steps* stands, or the deepest part of it that is there."""
        return self._reader.where(value_place(self._deepest(steps)[0]))

    def locate_key(self, steps: Steps) -> Where:
        """Return where the last key of *steps* stands; the value, if it has none."""
        places, key = self._deepest(steps)
        return self._reader.where(key_place(places) if key else value_place(places))

    def _deepest(self, steps: Steps) -> tuple[Places, bool]:
        """Return the places at the end of *steps*, and whether the last step was a key."""
        places: Any = self._places
        key = False
        for step in self.holds(steps):
            places, key = places[1][step], isinstance(step, str)
        return places, key

    def holds(self, steps: Steps) -> Steps:
        """Return the part of *steps* that leads to something.

        Steps that are not there (names of a model's variants, missing keys) are passed over.
        """
        places: Places = self._places
        held: list[str | int] = []
        for step in steps:
            inner: Any = places[1] if isinstance(places, tuple) else None
            known = isinstance(inner, dict) and step in inner
            if isinstance(inner, list) and isinstance(step, int):
                known = step < len(inner)
            if known:
                places = inner[step]
                held.append(step)
        return tuple(held)


def read_document(
    path: Path, limits: Limits = DEFAULT_LIMITS, octets: bytes | None = None
) -> Document:
    """Read the policy in *path* with its includes. Raises PolicyError with every problem of the text.

    *octets* stand for the file's own (standard input).
    """
    gathering = _Gathering(Reader(limits, frozenset(MERGED)))
    gathering.add(path, octets)
    reader = gathering.reader
    if reader.problems:
        raise PolicyError(sorted(reader.problems))
    places = (_place_of_first(gathering.places), gathering.places)
    return Document(
        gathering.data, tuple(reader.files), gathering.digest.hexdigest(), reader, places
    )


def _place_of_first(places: dict[str, Any]) -> int:
    return min((key_place(inner) for inner in places.values()), default=0)


class _Gathering:
    """Puts the files of a policy together."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.digest = hashlib.blake2b(digest_size=20)
        self.data: dict[str, Any] = {}
        self.places: dict[str, Any] = {}
        self.root = Path()
        self.seen: set[Path] = set()

    def add(self, path: Path, octets: bytes | None = None, asked: Where | None = None) -> None:
        """Read the file *path* and what it includes; *asked*: where an include names it."""
        if not self.seen:
            self.root = Path(os.path.realpath(path)).parent
        self.seen.add(Path(os.path.realpath(path)))
        if octets is None:
            try:
                octets = _read(path, self.reader.limits.octets)
            except OSError as error:
                what = (
                    f"{shown(str(path))} cannot be read: {(error.strerror or str(error)).lower()}"
                )
                self.note(asked or Where(path), "E011", what)
                return
        self.digest.update(len(octets).to_bytes(8, "big") + octets)
        parsed = self.reader.read(path, octets)
        if parsed is None:
            return
        if not isinstance(parsed.data, dict):
            where = self.reader.where(value_place(parsed.places))
            text = f"a policy file is a mapping, not {shown(parsed.data)}"
            self.note(where, "E012", text, "version:, dns:, sites:, records: …")
            return
        include = parsed.data.pop("include", None)
        places = parsed.places[1].pop("include", None)
        self.merge(parsed)
        if places is not None:
            self.follow(path, include, places)

    def merge(self, parsed: Parsed) -> None:
        """Add what the file says; a key that another file has is a problem, entries of maps are not."""
        for key, value in parsed.data.items():
            places = parsed.places[1][key]
            if key not in self.data:
                self.data[key], self.places[key] = value, places
                if key in MERGED and isinstance(value, dict):  # an alias may share what grows here
                    self.data[key] = dict(value)
                    self.places[key] = places[0], dict(places[1])
            elif key in MERGED and isinstance(value, dict) and isinstance(self.data[key], dict):
                whole, inner = self.data[key], self.places[key][1]
                for name, entry in value.items():
                    if name in whole:
                        self.again(f"{key}: {name}", places[1][name], inner[name])
                    else:
                        whole[name], inner[name] = entry, places[1][name]
            else:
                self.again(key, places, self.places[key])

    def again(self, what: str, places: Any, first: Any) -> None:
        where = self.reader.where(key_place(first))
        text = f"{shown(what)} is already in {where}"
        self.note(self.reader.where(key_place(places)), "E013", text)

    def follow(self, path: Path, include: Any, places: Any) -> None:
        """Read the files that *include* names: pattern by pattern, in the order of their names."""
        patterns, inner = (
            ([include], [places]) if not isinstance(include, list) else (include, places[1])
        )
        for pattern, place in zip(patterns, inner, strict=True):
            where = self.reader.where(value_place(place))
            if not isinstance(pattern, str) or not _below(pattern):
                text = f"include takes paths below the policy's own folder, not {shown(pattern)}"
                self.note(where, "E014", text, "such as sites/*.yaml")
                continue
            try:
                found = sorted(islice(path.parent.glob(pattern), MAX_FILES + 1))
            except (OSError, ValueError, IndexError) as error:  # IndexError: pathlib, for "."
                reason = getattr(error, "strerror", None) or error
                self.note(where, "E014", f"include: {shown(pattern)}: {str(reason).lower()}")
                continue
            if not found:
                self.note(where, "E014", f"include: nothing matches {shown(pattern)}")
            for file in found:
                self.include(file, where)

    def include(self, file: Path, where: Where) -> None:
        real = Path(os.path.realpath(file))  # resolve() raises where a link leads to itself
        if not real.is_relative_to(self.root):
            self.note(
                where, "E014", f"include: {shown(str(file))} lies outside the policy's folder"
            )
            return
        name = shown(str(real.relative_to(self.root)))
        if real in self.seen:
            self.note(where, "E014", f"include: {name} is read twice")
        elif len(self.seen) >= MAX_FILES:
            self.note(where, "E014", f"include: {name} is one of more than {MAX_FILES:,} files")
        else:
            self.add(file, asked=where)

    def note(self, where: Where, code: str, text: str, hint: str = "") -> None:
        self.reader.problems.append(Problem(where, code, text, hint=hint))


def _below(pattern: str) -> bool:
    """Return whether *pattern* names something below the folder that it starts from."""
    parts = Path(pattern).parts
    return (
        bool(parts)
        and not Path(pattern).is_absolute()
        and ".." not in parts
        and "\0" not in pattern
    )


def _read(path: Path, most: int) -> bytes:
    """Return the octets of a file, and at most one more than allowed. Raises OSError."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a file")  # a device or a pipe may never end
    with path.open("rb") as stream:
        return stream.read(most + 1)
