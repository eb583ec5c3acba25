"""What a drain would do, as a value: for whoever asks, shows or carries it without making it."""

from __future__ import annotations

from dataclasses import dataclass

from gslb.steering.flows import Move


@dataclass(frozen=True, slots=True)
class NameCapacity:
    """The rule that is left with the least, of one name and type."""

    name: str
    rtype: str
    rule: str
    before: float  # healthy undrained weight over declared weight of what the rule may use
    after: float
    endpoints: int  # healthy and undrained, after
    moved: float  # share of the name's answers that go elsewhere


@dataclass(frozen=True, slots=True)
class DrainPlan:
    """What a drain would do."""

    endpoints: tuple[str, ...]  # ids that would be drained and are not yet
    already: tuple[str, ...]  # ids that are drained as it is
    names_touched: int
    ttl: int  # seconds: the longest of the names that use any of them, drained already or not
    moved: float  # share of the answers of the names touched that go elsewhere
    moves: tuple[Move, ...]
    names: tuple[NameCapacity, ...]
    refusals: tuple[str, ...]  # why the guard refuses; empty: it does not
    reasons: tuple[str, ...] = ()  # why traffic leaves sites drained in part; which are nearly full
    unheeded: float = 0.0  # share of the answers that go on to drained ones: nothing else is left

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "endpoints": list(self.endpoints),
            "already": list(self.already),
            "names_touched": self.names_touched,
            "ttl": self.ttl,
            "moved": self.moved,
            "moves": [{"source": m.source, "to": m.to, "share": m.share} for m in self.moves],
            "names": [
                {
                    "name": n.name,
                    "rtype": n.rtype,
                    "rule": n.rule,
                    "before": n.before,
                    "after": n.after,
                    "endpoints": n.endpoints,
                    "moved": n.moved,
                }
                for n in self.names
            ],
            "refusals": list(self.refusals),
            "reasons": list(self.reasons),
            "unheeded": self.unheeded,
        }
