"""Overrides: an operator's word over a part of the tree, and what holds an endpoint because of it.

Two things are said apart, so that neither can undo the other by accident. *Drains* take traffic
away, whatever health says; of several the one that leaves least counts. *Forces* stand in for the
checks; of several force-down counts. A force-up also lifts a drain that is written in a policy
file, never one that an operator called for: order is API, file, health (policy language, D.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gslb.errors import GslbError
from gslb.state.locations import LocationError, matches, parse_pattern

DEFAULT_LASTS = timedelta(hours=4)
MAX_LASTS = timedelta(hours=72)
MAX_OVERRIDES = 1000  # at one time; an operator has tens
MAX_AUTHOR = 128  # characters
MAX_REASON = 500  # characters; they go into each listing, event and audit line
MAX_TTL = 86_400  # seconds, of a stage of a gradual drain
GRADUAL = (0.5, 0.25, 0.0)  # share of its weight that a drained part keeps, one TTL each
AT_ONCE = (0.0,)
RESIDUAL_TTLS = 10  # resolvers that stretch TTLs are gone after so many of them (failures F14)
RESIDUAL_AT_LEAST = timedelta(minutes=15)
STRETCHING = 0.1  # share of resolvers that keep short answers longer (failures F14)
STRETCHED_SECONDS = 300  # for so long


class Kind(StrEnum):
    """What an override does to the endpoints that it covers."""

    DRAIN = "drain"
    FORCE_UP = "force-up"
    FORCE_DOWN = "force-down"


@dataclass(frozen=True, slots=True)
class Draft:
    """An override that has been checked and not been stored: it has no id."""

    kind: Kind
    pattern: str  # as `locations.parse_pattern` returns it
    author: str
    reason: str
    created: datetime  # aware, UTC
    expires: datetime | None  # aware, UTC; None: until somebody ends it
    stages: tuple[float, ...] = AT_ONCE  # of a drain: shares kept, each for one `ttl`, the last 0
    ttl: int = 0  # seconds: the longest of the names that it touches
    forced: bool = False  # a guard spoke against it and was overruled


@dataclass(frozen=True, slots=True)
class Override(Draft):
    """A stored override. Ids rise and are never used again."""

    id: int = 0

    def live(self, at: datetime) -> bool:
        """Return whether it holds at *at*; a clock that was set back ends nothing."""
        return self.expires is None or at < self.expires

    def share(self, at: datetime) -> float:
        """Return the share of their weight that a drain leaves its endpoints at *at*, 0 to 1."""
        if self.kind is not Kind.DRAIN:
            return 1.0
        passed = max(0.0, (at - self.created).total_seconds())
        stage = int(passed // self.ttl) if self.ttl > 0 else len(self.stages)
        return self.stages[min(stage, len(self.stages) - 1)]

    @property
    def off_at(self) -> datetime:
        """When its endpoints are out of every answer that we give."""
        return self.created + timedelta(seconds=self.ttl * (len(self.stages) - 1))

    @property
    def safe_to_stop_at(self) -> datetime:
        """When hardly any client is left: not every resolver keeps to the TTL."""
        return self.off_at + residual(self.ttl)

    def next_change(self, at: datetime) -> datetime | None:
        """Return when it next changes by itself after *at*: a stage or its end. None: never."""
        ends = [self.expires] if self.expires is not None else []
        if self.kind is Kind.DRAIN:
            ends += [
                self.created + timedelta(seconds=self.ttl * number)
                for number in range(1, len(self.stages))
            ]
        return min((end for end in ends if end > at), default=None)

    def to_json(self) -> dict[str, object]:
        """Return all of it for the API, events and the audit log; times as RFC 3339."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "location": self.pattern,
            "author": self.author,
            "reason": self.reason,
            "created": rfc3339(self.created),
            "expires": None if self.expires is None else rfc3339(self.expires),
            "stages": list(self.stages),
            "ttl": self.ttl,
            "forced": self.forced,
            "dns_off_at": rfc3339(self.off_at) if self.kind is Kind.DRAIN else None,
            "safe_to_stop_at": rfc3339(self.safe_to_stop_at) if self.kind is Kind.DRAIN else None,
        }


class OverrideError(GslbError):
    """An override was refused. `problems` has every reason: (field, what is wrong with it)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(text for _, text in problems))
        self.problems = tuple(problems)


def draft(
    kind: Kind,
    location: str,
    author: str,
    reason: str,
    now: datetime,
    *,
    until: datetime | None = None,
    endless: bool = False,
    gradual: bool = False,
    ttl: int = 0,
    forced: bool = False,
) -> Draft:
    """Return a checked override that begins at *now* (aware).

    Args:
        kind: what it does.
        location: a pattern of the tree (`gslb.state.locations`).
        author: who says so.
        reason: why; it is shown to everybody who wonders.
        now: the moment.
        until: its end, at most `MAX_LASTS` away; None: `DEFAULT_LASTS` from now.
        endless: it has no end; *until* must be None.
        gradual: a drain goes by the stages of `GRADUAL`, one *ttl* each.
        ttl: the longest TTL of the names that it touches, in seconds.
        forced: a guard was overruled.

    Raises:
        OverrideError: with every reason.
    """
    problems: list[tuple[str, str]] = []
    pattern = ""
    try:
        pattern = parse_pattern(location)
    except LocationError as error:
        problems.append(("location", str(error)))
    author, reason = author.strip(), reason.strip()
    problems += _text_problems("author", author, MAX_AUTHOR)
    problems += _text_problems("reason", reason, MAX_REASON)
    start = now.astimezone(UTC)
    end = _end(start, until, endless, problems)
    if gradual and kind is not Kind.DRAIN:
        problems.append(("gradual", f"only a drain can be gradual, not {kind.value}"))
    if not 0 <= ttl <= MAX_TTL:
        problems.append(("ttl", f"a TTL is 0 to {MAX_TTL} seconds"))
    stages = GRADUAL if gradual else AT_ONCE
    if gradual and end is not None and not problems:
        last = start + timedelta(seconds=ttl * (len(stages) - 1))
        if end <= last:
            problems.append(("until", f"it would end before its last stage at {rfc3339(last)}"))
    if problems:
        raise OverrideError(problems)
    return Draft(kind, pattern, author, reason, start, end, stages, ttl, forced)


def _text_problems(field: str, text: str, longest: int) -> list[tuple[str, str]]:
    if not text:
        return [(field, f"a {field} is wanted")]
    if len(text) > longest:
        return [(field, f"a {field} has at most {longest} characters")]
    if not text.isprintable():  # line breaks and escapes would forge lines where it is shown
        return [(field, f"a {field} is one line of printable characters")]
    return []


def _end(
    start: datetime, until: datetime | None, endless: bool, problems: list[tuple[str, str]]
) -> datetime | None:
    if endless:
        if until is not None:
            problems.append(("until", "it cannot both end and have no end"))
        return None
    if until is None:
        return start + DEFAULT_LASTS
    if until.tzinfo is None:
        problems.append(("until", "a time with its zone is wanted, such as 2026-12-01T06:00Z"))
        return None
    end = until.astimezone(UTC)
    if end <= start:
        problems.append(("until", f"{rfc3339(end)} has passed"))
    elif end - start > MAX_LASTS:
        hours = int(MAX_LASTS.total_seconds() // 3600)
        problems.append(
            ("until", f"at most {hours} hours from now; for longer, say that it has no end")
        )
    return end


@dataclass(frozen=True, slots=True)
class Hold:
    """What operators' calls say of one endpoint at one moment."""

    drain: Override | None = None  # the drain that counts
    share: float = 1.0  # of its weight that the drain leaves it; 0: it is drained
    force: Override | None = None  # the force that counts


NO_HOLD = Hold()


def hold(covering: Iterable[Override], at: datetime) -> Hold:
    """Return what the overrides that cover one endpoint say of it at *at*, in whatever order.

    Of drains that leave equally little, the one that lasts longest counts, then the newest.
    """
    live = [one for one in covering if one.live(at)]
    drains = [one for one in live if one.kind is Kind.DRAIN]
    forces = [one for one in live if one.kind is not Kind.DRAIN]
    drain = min(drains, key=lambda one: (one.share(at), _lasts(one), -one.id), default=None)
    force = min(
        forces, key=lambda one: (one.kind is Kind.FORCE_UP, _lasts(one), -one.id), default=None
    )
    return Hold(drain, 1.0 if drain is None else drain.share(at), force)


def _lasts(override: Override) -> float:
    """Return a number that is lower the later *override* ends."""
    return float("-inf") if override.expires is None else -override.expires.timestamp()


def covering(overrides: Iterable[Override], endpoint: str) -> tuple[Override, ...]:
    """Return the overrides whose pattern covers the endpoint with this id."""
    return tuple(one for one in overrides if matches(one.pattern, endpoint))


def next_change(overrides: Iterable[Override], at: datetime) -> datetime | None:
    """Return when the first of *overrides* changes by itself after *at*; None: never."""
    moments = (one.next_change(at) for one in overrides)
    return min((moment for moment in moments if moment is not None), default=None)


def residual(ttl: int) -> timedelta:
    """Return for how long clients still come after the last answer with an address of *ttl*."""
    return max(timedelta(seconds=RESIDUAL_TTLS * ttl), RESIDUAL_AT_LEAST)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What still arrives some time after the last answer that had an address."""

    seconds: int
    share: float  # of the usual traffic of the address, 0 to 1


def arrivals(ttl: int) -> tuple[Arrival, ...]:
    """Return how the traffic of a drained address fades, for answers that live *ttl* seconds.

    Resolvers asked at times spread evenly over the last TTL, so what they keep runs out evenly
    over the next; of ten, one keeps answers for five minutes at least (failures F14). Pinned
    connections and clients that never ask again are not in it: `residual` is for them.
    """
    longest = max(ttl, STRETCHED_SECONDS)
    moments = sorted({0, ttl // 2, ttl, longest // 2, longest})

    def share(seconds: int) -> float:
        usual = max(0.0, 1.0 - seconds / ttl) if ttl else 0.0
        return (1.0 - STRETCHING) * usual + STRETCHING * max(0.0, 1.0 - seconds / longest)

    return tuple(Arrival(seconds, share(seconds)) for seconds in moments)


def rfc3339(moment: datetime) -> str:
    """Return *moment* (aware) in UTC, to the second or, where it has parts of one, finer."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
