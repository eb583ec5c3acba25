"""Sites of a rule → pools of octoDNS: weights of 1 to 100, one fallback each, none a rule's twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Any

from gslb.push.octodns.model import MAX_WEIGHT
from gslb.push.octodns.sites import reduced, slug, unique

_TAKEN = frozenset({"default"})  # octoDNS reads a fallback of this name as none
ROUNDED = Fraction(1, 200)  # an error of a share that is worth telling


@dataclass(frozen=True, slots=True)
class Part:
    """A value of a pool: its share of the pool's traffic, and how it is to be believed."""

    text: str
    share: Fraction
    status: str  # "up", "down", "obey"


@dataclass(frozen=True, slots=True)
class Step:
    """What is tried together: values, and a name for the pool of them."""

    name: str
    parts: tuple[Part, ...]

    @property
    def endless(self) -> bool:
        """Whether it never fails, because something of it is not probed."""
        return any(part.status == "up" for part in self.parts)

    def always(self) -> Step:
        """Return the step that answers the same values whatever the checks say."""
        kept = [part for part in self.parts if part.status != "down"] or list(self.parts)
        return Step(f"{self.name}-always", tuple(Part(p.text, p.share, "up") for p in kept))


def whole_weights(shares: Sequence[Fraction]) -> tuple[list[int], Fraction]:
    """Return *shares* as weights of 1 to 100, and by how much the worst share is wrong.

    >>> whole_weights([Fraction(2, 5), Fraction(3, 5)])
    ([2, 3], Fraction(0, 1))
    """
    if len(shares) == 1:
        return [1], Fraction(0)
    common = lcm(*(share.denominator for share in shares))
    weights = [int(share * common) for share in shares]
    if max(weights) > MAX_WEIGHT:
        most = max(shares)
        weights = [max(1, round(share / most * MAX_WEIGHT)) for share in shares]
    weights = reduced(weights)
    whole, total = sum(shares), sum(weights)
    return weights, max(
        abs(Fraction(w, total) - share / whole) for w, share in zip(weights, shares, strict=True)
    )


@dataclass(slots=True)
class PoolBook:
    """The pools of one record in the making."""

    pools: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: Fraction = Fraction(0)  # of the worst share
    _known: dict[Any, str] = field(default_factory=dict)
    _targets: set[str] = field(default_factory=set)

    def chain(self, steps: Sequence[Step], *, everybody: bool) -> str:
        """Return the name of the pool that begins the chain of *steps*: the target of one rule.

        Only a rule for everybody may share a pool with another.
        """
        following: str | None = None
        for step in reversed(steps[1:]):
            following = self._pool(step, following)
        name = self._pool(steps[0], following)
        if name in self._targets and not everybody:
            name = self._make(steps[0], following)
        self._targets.add(name)
        return name

    def _pool(self, step: Step, fallback: str | None) -> str:
        key = step.parts, fallback
        if key not in self._known:
            self._known[key] = self._make(step, fallback)
        return self._known[key]

    def _make(self, step: Step, fallback: str | None) -> str:
        weights, error = whole_weights([part.share for part in step.parts])
        self.error = max(self.error, error)
        values = []
        for part, weight in zip(step.parts, weights, strict=True):
            value: dict[str, Any] = {"value": part.text}
            if weight != 1:
                value["weight"] = weight
            if part.status != "obey":
                value["status"] = part.status
            values.append(value)
        name = unique(slug(step.name), {*self.pools, *_TAKEN})
        self.pools[name] = {"values": values}
        if fallback is not None:
            self.pools[name]["fallback"] = fallback
        return name
