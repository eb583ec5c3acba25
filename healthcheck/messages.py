"""What a checker and whoever runs it say to each other: JSON, one object a line, versioned, bounded.

    orders  →  agent      every probe that is wanted, in parts, with a generation
    agent   →  votes      what it believes of them (`healthcheck.votes`), again with each outcome
               turn       a belief that changed, with the outcome that tipped it
               heartbeat  signs of life and counters

Clocks differ, so ages are sent and never times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite

from healthcheck.model import Kind, Probe, Status, Transition, Verdict
from healthcheck.schedule import MAX_PROBES
from healthcheck.tally import BOUNDS
from healthcheck.votes import Doubt, Vote, VoteError, from_json, key_of, to_json

VERSION = 1
MAX_LINE = 1024 * 1024  # octets, the newline included
_PART = 256 * 1024  # octets of probes in one part of orders
_MAX_PARTS = 65_536
VOTES_IN_LINE = 500
MAX_COUNTS = 256  # (type, kind) pairs of one heartbeat
_MAX_TEXT = 65_536  # characters of one field
_MAX_ITEMS = 256  # of one field


class MessageError(ValueError):
    """A line that is no message; the text says why, in our words only."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A probe that is to be run, and what was last known of its target."""

    probe: Probe
    status: Status = Status.UNKNOWN
    age: float = 0.0  # seconds since the last verdict
    reference: bool = False  # its failure says more of the checker than of itself


@dataclass(frozen=True, slots=True)
class Orders:
    """All that is wanted. A higher generation replaces a lower one whole."""

    generation: int
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Votes:
    """What is believed of some targets."""

    generation: int
    votes: tuple[Vote, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of belief."""

    generation: int
    target: str  # `votes.key_of` its probe
    old: Status
    new: Status
    verdict: Verdict
    kind: Kind
    detail: str
    took: float  # seconds, of the try that tipped it
    age: float  # seconds since the change

    @classmethod
    def of(cls, transition: Transition, generation: int, now: float) -> Turn:
        """Return the message about *transition* at *now*."""
        because = transition.because
        return cls(
            generation,
            key_of(transition.probe),
            transition.old,
            transition.new,
            because.verdict,
            because.kind,
            because.detail,
            max(0.0, because.finished - because.started),
            max(0.0, now - transition.at),
        )


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How the checker is. Alive is one whose `completed` advances (failures.md F16)."""

    checker: str
    life: int
    generation: int  # of the orders that it follows; 0: none yet
    probes: int
    tried: int  # of them, with any outcome since the start (F32)
    completed: int
    skipped: int
    running: int
    worst_lag: float  # seconds, of the event loop since the last heartbeat
    doubt: Doubt = Doubt.NONE
    # Type, kind, tries by how long they took (`tally.BOUNDS`), seconds of all together.
    counts: tuple[tuple[str, Kind, tuple[int, ...], float], ...] = ()


Report = Votes | Turn | Heartbeat


def order_lines(orders: Orders) -> Iterator[bytes]:
    """Return *orders* as lines. Raises MessageError where a probe does not fit into one."""
    parts: list[list[str]] = [[]]
    size = 0
    for wanted in orders.wanted:
        text = _dump(_wanted_to_json(wanted))
        if len(text) > MAX_LINE - _PART:
            raise MessageError("a probe is too large")
        if size + len(text) > _PART and parts[-1]:
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += len(text) + 1
    for number, part in enumerate(parts):
        head = f'{{"v":{VERSION},"type":"orders","generation":{orders.generation},'
        yield f'{head}"part":{number},"parts":{len(parts)},"wanted":[{",".join(part)}]}}\n'.encode()


@dataclass(slots=True)
class OrdersReader:
    """Puts orders together from their parts, which come in order. Older generations are refused."""

    generation: int = 0  # of the last complete orders
    _next: int = 0  # generation of the parts so far
    _parts: int = 0
    _wanted: list[Wanted] = field(default_factory=list)

    def feed(self, line: bytes) -> Orders | None:
        """Take a line; return orders when their last part is in. Raises MessageError."""
        value = _load(line)
        if value["type"] != "orders":
            raise MessageError("not orders")
        generation = _whole(value, "generation")
        part, parts = _whole(value, "part"), _whole(value, "parts")
        if generation <= self.generation:
            raise MessageError(f"generation {generation} is not newer than {self.generation}")
        if part == 0:
            self._next, self._parts, self._wanted = generation, 0, []
        if generation != self._next or part != self._parts or not part < parts <= _MAX_PARTS:
            raise MessageError("a part of the orders is missing")
        self._wanted.extend(map(_wanted_from_json, _items(value, "wanted", MAX_PROBES)))
        if len(self._wanted) > MAX_PROBES:
            raise MessageError(f"more than {MAX_PROBES} probes")
        self._parts += 1
        if self._parts < parts:
            return None
        self.generation = generation
        orders = Orders(generation, tuple(self._wanted))
        self._parts, self._wanted = 0, []
        return orders


def report_line(report: Report) -> bytes:
    """Return *report* as a line. `Votes` of more than VOTES_IN_LINE are for several reports."""
    head: dict[str, object] = {"v": VERSION, "generation": report.generation}
    if isinstance(report, Votes):
        body: dict[str, object] = {"type": "votes", "votes": [to_json(v) for v in report.votes]}
    elif isinstance(report, Turn):
        body = {
            "type": "turn",
            "target": report.target,
            "old": report.old.value,
            "new": report.new.value,
            "verdict": report.verdict.value,
            "kind": report.kind.value,
            "detail": report.detail,
            "took": report.took,
            "age": report.age,
        }
    else:
        body = {
            "type": "heartbeat",
            "checker": report.checker,
            "life": report.life,
            "probes": report.probes,
            "tried": report.tried,
            "completed": report.completed,
            "skipped": report.skipped,
            "running": report.running,
            "worst_lag": report.worst_lag,
            "doubt": report.doubt.value,
            "counts": [[type_, kind.value, list(n), s] for type_, kind, n, s in report.counts],
        }
    return (_dump(head | body) + "\n").encode()


def read_report(line: bytes) -> Report:
    """Return what an agent said. Raises MessageError."""
    value = _load(line)
    generation = _whole(value, "generation")
    try:
        if value["type"] == "votes":
            votes = tuple(map(from_json, _items(value, "votes", VOTES_IN_LINE)))
            return Votes(generation, votes)
        if value["type"] == "turn":
            return Turn(
                generation,
                _text(value, "target"),
                Status(_text(value, "old")),
                Status(_text(value, "new")),
                Verdict(_text(value, "verdict")),
                Kind(_text(value, "kind")),
                _text(value, "detail"),
                _seconds(value, "took"),
                _seconds(value, "age"),
            )
        if value["type"] == "heartbeat":
            return _heartbeat(value, generation)
    except (MessageError, VoteError) as error:
        raise MessageError(str(error)) from error
    except ValueError as error:  # of an enumeration
        raise MessageError("a word that is not known") from error
    raise MessageError("a type that is not known")


def _heartbeat(value: Mapping[str, object], generation: int) -> Heartbeat:
    counts: list[tuple[str, Kind, tuple[int, ...], float]] = []
    for item in _items(value, "counts", MAX_COUNTS):
        if not isinstance(item, list) or len(item) != 4:
            raise MessageError("a count is type, kind, tries, seconds")
        named = dict(zip(("type", "kind", "tries", "seconds"), item, strict=True))
        kind = Kind(_text(named, "kind"))
        tries = _items(named, "tries", len(BOUNDS) + 1)
        if len(tries) <= len(BOUNDS):
            raise MessageError("a count has tries for each bucket")
        buckets = tuple(_whole({"tries": one}, "tries") for one in tries)
        counts.append((_text(named, "type"), kind, buckets, _seconds(named, "seconds")))
    numbers = ("life", "probes", "tried", "completed", "skipped", "running")
    life, probes, tried, completed, skipped, running = (_whole(value, name) for name in numbers)
    return Heartbeat(
        checker=_text(value, "checker"),
        life=life,
        generation=generation,
        probes=probes,
        tried=tried,
        completed=completed,
        skipped=skipped,
        running=running,
        worst_lag=_seconds(value, "worst_lag"),
        doubt=Doubt(_text(value, "doubt")),
        counts=tuple(counts),
    )


def _wanted_to_json(wanted: Wanted) -> dict[str, object]:
    probe = wanted.probe
    value: dict[str, object] = {
        "type": probe.type,
        "address": probe.address,
        "port": probe.port,
        "every": probe.every,
        "timeout": probe.timeout,
        "down_after": probe.down_after,
        "up_after": probe.up_after,
        "host": probe.host,
        "path": probe.path,
        "expect": probe.expect,
        "body": probe.body,
        "extra": probe.extra,
    }
    if wanted.status is not Status.UNKNOWN:
        value |= {"status": wanted.status.value, "age": wanted.age}
    if wanted.reference:
        value["reference"] = True
    return value


def _wanted_from_json(value: object) -> Wanted:
    if not isinstance(value, dict):
        raise MessageError("a probe is an object")
    probe = Probe(
        type=_text(value, "type"),
        address=_text(value, "address"),
        port=_whole(value, "port", most=65_535),
        every=_seconds(value, "every"),
        timeout=_seconds(value, "timeout"),
        down_after=_whole(value, "down_after"),
        up_after=_whole(value, "up_after"),
        host=_text(value, "host"),
        path=_text(value, "path"),
        expect=tuple(map(_codes, _items(value, "expect", _MAX_ITEMS))),
        body=_text(value, "body"),
        extra=tuple(map(_words, _items(value, "extra", _MAX_ITEMS))),
    )
    try:
        status = Status(_text(value, "status")) if "status" in value else Status.UNKNOWN
    except ValueError as error:
        raise MessageError("status is none of the words it may be") from error
    age = _seconds(value, "age") if "age" in value else 0.0
    return Wanted(probe, status, age, value.get("reference") is True)


def _codes(item: object) -> tuple[int, int]:
    if isinstance(item, list) and len(item) == 2:
        low, high = item
        if type(low) is int and type(high) is int:
            return low, high
    raise MessageError("expect is pairs of whole numbers")


def _words(item: object) -> tuple[str, str]:
    if isinstance(item, list) and len(item) == 2:
        key, text = item
        if isinstance(key, str) and isinstance(text, str):
            return key, text
    raise MessageError("extra is pairs of texts")


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _load(line: bytes) -> dict[str, object]:
    if len(line) > MAX_LINE:
        raise MessageError(f"a line of more than {MAX_LINE} octets")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MessageError("not JSON") from error
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise MessageError("a message is an object with a type")
    if value.get("v") != VERSION or isinstance(value.get("v"), bool):
        raise MessageError(f"only version {VERSION} of messages is understood")
    return value


def _text(value: Mapping[str, object], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise MessageError(f"{key} is a text of at most {_MAX_TEXT} characters")
    return text


def _whole(value: Mapping[str, object], key: str, most: int = 2**63 - 1) -> int:
    number = value.get(key)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
        raise MessageError(f"{key} is a whole number from 0 to {most}")
    return number


def _seconds(value: Mapping[str, object], key: str) -> float:
    number = value.get(key)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise MessageError(f"{key} is a number of seconds")
    if not 0 <= number <= 1e12 or not isfinite(number):
        raise MessageError(f"{key} is a number of seconds from 0")
    return float(number)


def _items(value: Mapping[str, object], key: str, most: int) -> list[object]:
    items = value.get(key)
    if not isinstance(items, list) or len(items) > most:
        raise MessageError(f"{key} is a list of at most {most}")
    return items
