"""YAML text to plain values, strictly, with the place of every key and value.

Built on the parser's events, so that nothing of YAML that we do not mean can get through: only
``true``/``false``, decimal integers, decimals with a point and null are more than text (``NO``,
``on``, ``010`` and ``1:30`` stay text, as in YAML 1.2), no tags, no merge keys, no key twice, and
bounds on size, depth and what aliases may expand to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from gslb.policy.problems import Problem, Where
from gslb.policy.syntax import describe, place, unusable
from gslb.policy.wording import shown

MAX_OCTETS: Final = 64 << 20  # of all files of one policy together
MAX_NODES: Final = 5_000_000  # values and keys, those behind aliases counted at each use
MAX_DEPTH: Final = 32
MAX_ALIASES: Final = 10_000  # uses
MAX_ENTRIES: Final = 10_000  # of one mapping, but for those at the top whose keys are names
MAX_KEY: Final = 1024  # characters; YAML's own bound for a key without "?"
MAX_TOLD: Final = 1000  # problems of the text; a file with more is not one that somebody wrote
_KEPT_TEXTS: Final = 65_536  # short texts that are kept once
_KEPT_LENGTH: Final = 64  # characters

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})\.[0-9]{1,18}")
_WORDS: Final[dict[str, bool | None]] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}

# Where things stand: a scalar's place is an int, a collection's a pair of its own place and the
# places inside it. Under a key the place packs that of the key above that of the value.
Places = Any
_COLUMN_BITS, _LINE_BITS, _FILE_BITS = 16, 24, 12
_PLACE_BITS = _COLUMN_BITS + _LINE_BITS + _FILE_BITS
_PLACE_MASK = (1 << _PLACE_BITS) - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may grow to."""

    octets: int = MAX_OCTETS
    nodes: int = MAX_NODES
    depth: int = MAX_DEPTH
    aliases: int = MAX_ALIASES
    entries: int = MAX_ENTRIES


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file's value and its places."""

    data: Any
    places: Places


@dataclass(slots=True)
class Reader:
    """Reads the files of one document: shares their limits, collects their problems."""

    limits: Limits = DEFAULT_LIMITS
    crowds: frozenset[str] = frozenset()  # keys at the top under which a mapping may be of any size
    empty_keys: bool = False  # octoDNS calls the apex of a zone ''
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    octets: int = 0
    nodes: int = 0
    aliases: int = 0
    _texts: dict[str, str] = field(default_factory=dict)

    def read(self, path: Path, octets: bytes) -> Parsed | None:
        """Return the value in *octets*; None, and a problem, when there is none.

        Duplicate keys, tags and the like are noted and reading goes on; what breaks the text or
        passes a limit ends it.
        """
        self.files.append(path)
        text = self._text(path, octets)
        if text is None:
            return None
        try:
            return _Composer(self, path, len(self.files) - 1, text).document()
        except _StopError:
            return None
        except yaml.MarkedYAMLError as error:
            self.note(path, "E003", *describe(error, text))
            return None

    def where(self, place: int) -> Where:
        """Return the place that *place* packs."""
        column = place & ((1 << _COLUMN_BITS) - 1)
        line = (place >> _COLUMN_BITS) & ((1 << _LINE_BITS) - 1)
        return Where(self.files[(place & _PLACE_MASK) >> (_COLUMN_BITS + _LINE_BITS)], line, column)

    def _text(self, path: Path, octets: bytes) -> str | None:
        self.octets += len(octets)
        if self.octets > self.limits.octets:
            text = f"more than {self.limits.octets:,} octets of text"
            self.problems.append(Problem(Where(path), "E002", text))
            return None
        try:
            text = octets.decode().removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            before = octets[: error.start].decode().removeprefix("\ufeff")
            where = Where(path, *place(before, len(before)))
            self.problems.append(Problem(where, "E001", "not UTF-8 text", hint="save it as UTF-8"))
            return None
        found = unusable(text)
        if found is not None:
            self.problems.append(Problem(Where(path, found[0], found[1]), "E003", found[2]))
            return None
        return text

    def note(self, path: Path, code: str, mark: Any, text: str, hint: str = "") -> None:
        """Keep a problem at *mark*, where the parser was; None: the file as a whole."""
        where = Where(path) if mark is None else Where(path, mark.line + 1, mark.column + 1)
        self.problems.append(Problem(where, code, text, hint=hint))

    def keep(self, text: str) -> str:
        """Return *text*, the same object for equal short texts: files repeat themselves."""
        if len(text) > _KEPT_LENGTH or len(self._texts) >= _KEPT_TEXTS:
            return text
        return self._texts.setdefault(text, text)


class _StopError(Exception):
    """Reading this file cannot go on; the problem is noted."""


class _Composer:
    """Makes values of the events of one text."""

    def __init__(self, reader: Reader, path: Path, number: int, text: str) -> None:
        self.reader = reader
        self.path = path
        self.file = number << (_COLUMN_BITS + _LINE_BITS)
        # The C parser is absent where PyYAML was built without libyaml; the other is 20 times slower.
        self.events: Iterator[Any] = _events(getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text))
        self.anchors: dict[str, tuple[Any, Places, int] | None] = {}
        self.top = ""  # the key at the top that is being read

    def document(self) -> Parsed | None:
        next(self.events)  # stream start
        if isinstance(next(self.events), yaml.StreamEndEvent):
            self.stop(None, "E004", "the file is empty")
        value, places = self.node(next(self.events), 1)
        next(self.events)  # document end
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            self.stop(after.start_mark, "E005", "a second document; one file holds one")
        return Parsed(value, places)

    def node(self, event: Any, depth: int) -> tuple[Any, Places]:
        reader = self.reader
        reader.nodes += 1
        if reader.nodes > reader.limits.nodes:
            self.stop(event.start_mark, "E002", f"more than {reader.limits.nodes:,} values")
        if isinstance(event, yaml.ScalarEvent):
            value: Any = self.scalar(event)
            places: Places = self.place(event.start_mark)
            if event.anchor is not None:
                self.anchors[event.anchor] = (value, places, 1)
            return value, places
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        return self.collection(event, depth)

    def collection(self, event: Any, depth: int) -> tuple[Any, Places]:
        reader = self.reader
        if depth > reader.limits.depth:
            self.stop(event.start_mark, "E002", f"nested more than {reader.limits.depth} deep")
        self.tag(event)
        before = reader.nodes
        if event.anchor is not None:
            self.anchors[event.anchor] = None  # not complete: an alias inside would never end
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        value, inner = (self.mapping if is_mapping else self.sequence)(depth)
        places = (self.place(event.start_mark), inner)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, places, reader.nodes - before + 1)
        return value, places

    def mapping(self, depth: int) -> tuple[dict[str, Any], dict[str, Places]]:
        values: dict[str, Any] = {}
        places: dict[str, Places] = {}
        most = self.reader.limits.entries
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            mark = event.start_mark
            key = self.key(event)
            if depth == 1:
                self.top = key or ""
            value, inner = self.node(next(self.events), depth + 1)
            if key is None:
                continue
            if key in values:
                first = self.reader.where(key_place(places[key]))
                text = f"key {shown(key)} stands twice; the first is in line {first.line}"
                self.note(mark, "E006", text)
                continue
            values[key] = value
            if len(values) > most:
                self.crowd(mark, values, depth)
            at = self.place(mark) << _PLACE_BITS
            places[key] = at | inner if isinstance(inner, int) else (at | inner[0], inner[1])
        return values, places

    def sequence(self, depth: int) -> tuple[list[Any], list[Places]]:
        values: list[Any] = []
        places: list[Places] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            value, inner = self.node(event, depth + 1)
            values.append(value)
            places.append(inner)
        return values, places

    def key(self, event: Any) -> str | None:
        """Return a key: always text, whatever it looks like. None: it was refused."""
        self.reader.nodes += 1
        if not isinstance(event, yaml.ScalarEvent):
            self.stop(event.start_mark, "E008", "a key must be plain text")
        text = self.text(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (text, self.place(event.start_mark), 1)
        if text == "<<" and not event.style:
            hint = "policies and checks are there to be shared"
            self.note(event.start_mark, "E009", 'merge keys ("<<") have no meaning here', hint)
            return None
        if not (text or (event.style and self.reader.empty_keys)) or len(text) > MAX_KEY:
            what = f"a key of {len(text)} characters" if text else "an empty key"
            self.note(event.start_mark, "E008", what)
            return None
        return self.reader.keep(text)

    def scalar(self, event: Any) -> str | int | float | bool | None:
        text = self.text(event)
        if event.style:  # quoted or block: text
            return self.reader.keep(text)
        if text in _WORDS:
            return _WORDS[text]
        if text[0] in "-+0123456789":
            if _INTEGER.fullmatch(text):
                return int(text)
            if _DECIMAL.fullmatch(text):
                return float(text)
        return self.reader.keep(text)

    def crowd(self, mark: Any, value: Any, depth: int) -> None:
        """Stop at a mapping with more entries than its place may have."""
        most = self.reader.limits.entries
        if isinstance(value, dict) and len(value) > most and not self.open(depth):
            self.stop(mark, "E002", f"more than {most:,} entries in one mapping")

    def open(self, depth: int) -> bool:
        return depth == 2 and self.top in self.reader.crowds

    def alias(self, event: Any, depth: int) -> tuple[Any, Places]:
        reader, mark, name = self.reader, event.start_mark, shown(event.anchor)
        reader.aliases += 1
        if reader.aliases > reader.limits.aliases:
            self.stop(mark, "E002", f"more than {reader.limits.aliases:,} aliases")
        if event.anchor not in self.anchors:
            self.stop(mark, "E010", f"alias {name} has no anchor before it", "quotes make it text")
        found = self.anchors[event.anchor]
        if found is None:
            self.stop(mark, "E010", f"alias {name} stands inside its own anchor")
        value, places, nodes = found
        self.crowd(mark, value, depth)
        reader.nodes += nodes
        if reader.nodes > reader.limits.nodes:
            self.stop(mark, "E002", f"aliases expand to more than {reader.limits.nodes:,} values")
        return value, places

    def text(self, event: Any) -> str:
        """Return the text of a scalar; escapes bring in nothing that may not stand there plainly."""
        self.tag(event)
        text = str(event.value)
        if event.style == '"' and (found := unusable(text)) is not None:
            self.stop(event.start_mark, "E003", found[2])
        return text

    def tag(self, event: Any) -> None:
        """Note a tag; a lone ``!`` is one too, though it says nothing."""
        if event.tag is not None:
            text = f"the tag {shown(event.tag)} has no meaning here"
            self.note(event.start_mark, "E007", text, "leave it out, or put the value in quotes")

    def place(self, mark: Any) -> int:
        line = min(mark.line + 1, (1 << _LINE_BITS) - 1)
        column = min(mark.column + 1, (1 << _COLUMN_BITS) - 1)
        return int(self.file | line << _COLUMN_BITS | column)

    def note(self, mark: Any, code: str, text: str, hint: str = "") -> None:
        self.reader.note(self.path, code, mark, text, hint)
        if len(self.reader.problems) >= MAX_TOLD:
            self.stop(mark, "E002", f"more than {MAX_TOLD:,} problems")

    def stop(self, mark: Any, code: str, text: str, hint: str = "") -> NoReturn:
        self.reader.note(self.path, code, mark, text, hint)
        raise _StopError


def _events(parser: Any) -> Iterator[Any]:
    while True:
        yield parser.get_event()


def key_place(places: Places) -> int:
    """Return the packed place of a key, from what a mapping has under it."""
    packed = places if isinstance(places, int) else places[0]
    return int(packed >> _PLACE_BITS)


def value_place(places: Places) -> int:
    """Return the packed place of a value, from what its parent has for it."""
    packed = places if isinstance(places, int) else places[0]
    return int(packed & _PLACE_MASK)
