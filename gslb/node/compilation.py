"""Having policies compiled, in a process of its own: what is asked of it, and what it answers.

The process (`gslb.node.tablemaker`) is started for one reading of the policies and then kept: it holds
the plan and what was rendered, and patches the table that the workers map whenever the situation
changes. A reload starts another beside it; the old one, and all its memory, goes when the new
table is served. So the supervisor's loop never waits for a compilation, and never holds a policy.
How it is started and asked is in `gslb.node.compiler`, which the process itself has no use for.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gslb.errors import GslbError
from gslb.geo.settings import GeoSettings
from gslb.node.probing import Wish
from gslb.policy.problems import Problem, Severity
from gslb.state import inventory as inventories
from gslb.state.inventory import Inventory
from gslb.steering.draineffect import DrainPlan
from gslb.steering.explanation import Explanation
from gslb.steering.flows import Shift
from gslb.steering.labels import LabelChange
from gslb.steering.situation import Situation

LENGTH_OCTETS = 8  # in front of each pickled value
MAX_SHOWN_NAMES = 5  # of those that a reload changed
MAX_SHOWN = 200  # problems that are carried to a log or a caller; the rest is counted


@dataclass(frozen=True, slots=True)
class Job:
    """One reading of the policies."""

    policies: tuple[Path, ...]
    state_directory: Path
    geo: GeoSettings
    generation: int  # of the table to be made
    serial: int  # of the zones that leave it to us
    situation: Situation
    former: bytes = b""  # `Compiler.describe` of what is served; empty: make a table in any case
    past: bytes = b""  # `Compiler.past` of what is served: how answers were shared out
    last_good: bool = False  # not the policies: the plan that was served last (`gslb.state.plans`)


@dataclass(frozen=True, slots=True)
class Change:
    """A new situation for the table that was compiled."""

    situation: Situation
    spare_generation: int  # for a new table, should one be needed
    rewrite: bool = False  # make a new table in any case
    look_around: bool = False  # read the geography and the measurements again


@dataclass(frozen=True, slots=True)
class Difference:
    """Which zones or names differ: of each kind how many, and the first few."""

    added: tuple[int, tuple[str, ...]]
    removed: tuple[int, tuple[str, ...]]
    changed: tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is served now and was not before, or the other way round."""

    zones: Difference  # changed: SOA, delegations, use of client subnets
    names: Difference  # changed: their rules, the sites of these, or their fixed records
    world: bool  # geography or measurements differ

    @property
    def lines(self) -> list[str]:
        """The changes in words, at least one line."""
        lines = [*_lines("zone", self.zones), *_lines("name", self.names)]
        if self.world:
            lines.append("geography or measurements are new")
        return lines or ["no name is answered differently"]


def _lines(noun: str, difference: Difference) -> Iterator[str]:
    for done in ("added", "removed", "changed"):
        count, some = getattr(difference, done)
        if count:
            more = ", …" if count > len(some) else ""
            yield f"{count} {noun}{'' if count == 1 else 's'} {done}: {', '.join(some)}{more}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A table on disk, ready to be served."""

    path: Path
    generation: int
    serial: int
    policy: str  # hash of the policy files
    zones: tuple[str, ...]
    names: int
    aliases: tuple[bytes, ...]  # wire-form names to be resolved
    ends: tuple[datetime, ...]  # when a drain in the files ends, ascending
    warnings: tuple[str, ...]  # at most MAX_SHOWN, and then how many more
    warning_count: int  # all of them
    geo: str  # which geography, for people
    geo_alarms: tuple[str, ...]
    seconds: float
    octets: int
    geo_ranges: tuple[int, int] = (0, 0)  # of the geo table: IPv4, IPv6
    measured: bool = False  # measurements are in use; they age
    changes: Changes | None = None  # since what was served before; None: nothing to compare with
    inventory: Inventory = inventories.EMPTY  # endpoints, checks and what protects them
    wishes: tuple[Wish, ...] = ()  # what is to be probed
    unkept: str = ""  # why the plan is not on disk for a start with policies that are refused


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The policies and the world are those of the served table: no table was made."""

    warnings: tuple[str, ...]
    warning_count: int
    geo_alarms: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Describe:
    """The wish for the description of what was compiled; the answer is octets."""


@dataclass(frozen=True, slots=True)
class GivePast:
    """The wish for how answers were shared out lately; the answer is octets."""


@dataclass(frozen=True, slots=True)
class Look:
    """The wish to know whether much has moved; the answer to it is `Looked`.

    What is to be found out is worked at when nothing else is asked; so ask again.
    """


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found since the last look."""

    shifts: tuple[Shift, ...]
    more: bool  # there is work left: ask again


@dataclass(frozen=True, slots=True)
class GivePlan:
    """The wish for the plan that is served; the answer is octets: a pickled `Plan`."""


@dataclass(frozen=True, slots=True)
class Explain:
    """A question about an answer of what was compiled; the answer to it is an `Explanation`."""

    name: str
    client: str  # address or prefix
    rtype: str
    resolver: str | None
    what_if: tuple[str, ...]  # suppositions
    situation: Situation


@dataclass(frozen=True, slots=True)
class PlanDrain:
    """The wish to know what a drain would do; the answer to it is a `DrainPlan`."""

    endpoints: tuple[str, ...]  # ids
    situation: Situation
    force_down: bool = False  # they are forced down, not drained


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The plan of a drain is not done yet: what is urgent may come first."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """The wish to go on with the plan that was begun last."""


@dataclass(frozen=True, slots=True)
class Mistaken:
    """A question that makes no sense, and why."""

    reason: str


class PoliciesRefusedError(GslbError):
    """A node's first policies may not be used, and there is nothing else that it could serve."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(
            "the policies are refused, and no valid table is on disk: nothing to serve"
        )
        self.problems = problems


class MistakenError(GslbError):
    """A question to what was compiled makes no sense; its text is for whoever asked."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Policies that may not be used, and every reason."""

    problems: tuple[Problem, ...]

    @property
    def lines(self) -> list[str]:
        """The reasons as ``file:line:column: error[CODE] text``, `MAX_SHOWN` of them."""
        return lines_of(self.problems, Severity.ERROR)


@dataclass(frozen=True, slots=True)
class Patched:
    """The served table was changed in place."""

    choices: int
    pools: int
    relabelled: LabelChange = field(default_factory=LabelChange)


def lines_of(problems: Iterable[Problem], severity: Severity) -> list[str]:
    """Return the problems of one *severity* as text, `MAX_SHOWN` of them, by place."""
    lines = [str(problem) for problem in sorted(problems) if problem.severity is severity]
    more = len(lines) - MAX_SHOWN
    return lines[:MAX_SHOWN] + ([f"… and {more} more {severity}s"] if more > 0 else [])


@dataclass(frozen=True, slots=True)
class Failed:
    """The work could not be done, for a reason that is not in the policies."""

    reason: str


Work = Job | Change | Describe | GivePast | GivePlan | Explain | Look | PlanDrain | GoOn
Answer = (
    Compiled | Refused | Unchanged | Patched | bytes | Explanation | Looked | DrainPlan | Unfinished
)


def packed(value: object) -> bytes:
    """Return *value* pickled, behind its length."""
    octets = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(octets).to_bytes(LENGTH_OCTETS, "big") + octets
