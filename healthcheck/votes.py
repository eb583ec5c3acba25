"""What one checker says of one target, as a value and as the JSON that checkers send each other.

Clocks differ between checkers, so a vote carries an age, and whoever receives it subtracts that
from the time of receipt. Order is by `life` and `sequence`, never by a wall clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from hashlib import blake2b
from math import isfinite
from typing import TypeVar

from healthcheck.model import Probe, Status
from healthcheck.tracker import Belief

VERSION = 1
MAX_NAME = 128  # characters of a checker's name and of a target's key
MAX_DETAIL = 200  # characters
MAX_AGE = 86_400.0  # seconds; what is older says nothing to anybody
MAX_COUNTER = 2**63 - 1

_Known = TypeVar("_Known", bound=StrEnum)


class VoteError(ValueError):
    """A message that is no vote; the text says why, in our words only."""


class Doubt(StrEnum):
    """Why a vote counts for nothing. The first two a checker finds out about itself."""

    NONE = ""
    REFERENCES = "references"  # it does not reach what surely works
    OVERLOAD = "overload"  # too many of its tries said nothing
    UNRELATED = "unrelated"  # nearly everything looks down to it, not only this
    QUARANTINE = "quarantine"  # it turned much down at once, and the others did not


@dataclass(frozen=True, slots=True)
class Vote:
    """One checker's belief in one target."""

    checker: str
    target: str  # `key_of` its probe
    status: Status
    failing: bool  # the last verdict was a failure, though it may not have changed the status yet
    life: int  # grows with each start of the checker
    sequence: int  # grows with each vote of one life
    age: float  # seconds from the last verdict until this was sent
    doubt: Doubt = Doubt.NONE
    detail: str = ""  # one line for people

    @property
    def order(self) -> tuple[int, int]:
        """What makes one vote newer than another of the same checker."""
        return (self.life, self.sequence)


def key_of(probe: Probe) -> str:
    """Return the key of *probe*, the same for equal probes on every node: 32 hexadecimal digits."""
    # 5 and 5.0 are equal, but not the same text.
    times = replace(probe, every=float(probe.every), timeout=float(probe.timeout))
    content = json.dumps(astuple(times), ensure_ascii=True).encode("ascii")
    return blake2b(content, digest_size=16).hexdigest()


def vote_of(
    belief: Belief,
    *,
    checker: str,
    target: str,
    life: int,
    sequence: int,
    now: float,
    doubt: Doubt = Doubt.NONE,
    detail: str = "",
) -> Vote:
    """Return the vote that *belief* amounts to at *now*; *detail* is cut to a short line."""
    age = 0.0 if belief.seen_at is None else min(MAX_AGE, max(0.0, now - belief.seen_at))
    line = _one_line(detail)
    return Vote(checker, target, belief.status, belief.failing, life, sequence, age, doubt, line)


def to_json(vote: Vote) -> dict[str, object]:
    """Return *vote* as an object of JSON; `from_json` reads it back."""
    return {
        "v": VERSION,
        "checker": vote.checker,
        "target": vote.target,
        "status": vote.status.value,
        "failing": vote.failing,
        "life": vote.life,
        "seq": vote.sequence,
        "age": vote.age,
        "doubt": vote.doubt.value,
        "detail": vote.detail,
    }


def from_json(value: object) -> Vote:
    """Return the vote in *value*, as decoded from JSON. Keys that it does not know are let be.

    Raises:
        VoteError: another version, a missing or wrong field, a name too long. A detail is
            for people and is cut instead.
    """
    if not isinstance(value, Mapping):
        raise VoteError("a vote is an object")
    if value.get("v") != VERSION or isinstance(value.get("v"), bool):
        raise VoteError(f"only version {VERSION} of votes is understood")
    failing, detail = value.get("failing"), value.get("detail", "")
    if not isinstance(failing, bool) or not isinstance(detail, str):
        raise VoteError("failing is true or false, detail a text")
    return Vote(
        checker=_name(value, "checker"),
        target=_name(value, "target"),
        status=_one_of(Status, value, "status"),
        failing=failing,
        life=_counter(value, "life"),
        sequence=_counter(value, "seq"),
        age=_age(value),
        doubt=_one_of(Doubt, value, "doubt"),
        detail=_one_line(detail),
    )


def _name(value: Mapping[str, object], key: str) -> str:
    name = value.get(key)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise VoteError(f"{key} is a printable name of 1 to {MAX_NAME} characters")
    return name


def _counter(value: Mapping[str, object], key: str) -> int:
    number = value.get(key)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_COUNTER:
        raise VoteError(f"{key} is a whole number from 0")
    return number


def _age(value: Mapping[str, object]) -> float:
    age = value.get("age")
    if not isinstance(age, int | float) or isinstance(age, bool):
        raise VoteError("age is a number of seconds")
    # Compared before it is made a float: JSON has whole numbers that no float can hold.
    if not 0 <= age <= MAX_AGE or not isfinite(age):
        raise VoteError(f"age is from 0 to {MAX_AGE:.0f} seconds")
    return float(age)


def _one_of(kind: type[_Known], value: Mapping[str, object], key: str) -> _Known:
    word = value.get(key)
    for known in kind:
        if word == known.value and isinstance(word, str):
            return known
    raise VoteError(f"{key} is none of the words it may be")


def _one_line(text: str) -> str:
    """Return *text* without anything that could move a terminal's cursor, and not too long."""
    return "".join(c if c.isprintable() else " " for c in text[:MAX_DETAIL])
