"""Every checker of a node: its own process, and the remote ones that have come to it.

Who may come is decided at the door (`gslb.desk.agents`); what a vote is worth where votes are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from gslb.logs import Log
from gslb.node.checker import Checker, Limits
from gslb.node.seats import Seats
from gslb.node.talk import SILENT_SECONDS, Talk
from healthcheck.messages import Heartbeat, Report, Votes, Wanted
from healthcheck.votes import Doubt, Vote

MAX_AGENTS = 32  # remote checkers; each vote costs, and more of them say nothing new

_log = Log(__name__)


class Panel:
    """Our own checker and the remote ones, told what to run and heard."""

    def __init__(
        self,
        name: str,
        limits: Limits,
        wanted: Callable[[str], Sequence[Wanted]],
        hear: Callable[[str, Report], None],
        clock: Callable[[], float],
    ) -> None:
        """Nobody runs yet.

        Args:
            name: of our own checker.
            limits: what this node lets it touch.
            wanted: the probes of a checker, by its name.
            hear: is told what a checker says.
            clock: monotonic seconds.
        """
        self.own = Checker(name, limits, lambda: wanted(name), lambda report: hear(name, report))
        self.seats = Seats(name)
        self.slowest = 0.0  # seconds between two runs of the slowest probe
        self.expected: Callable[[], Collection[str]] = frozenset  # who may come, by the door
        self._wanted = wanted
        self._hear = hear
        self._clock = clock
        self._began = clock()
        self._talks: dict[str, Talk] = {}  # of those that are here now
        self._life = 0
        self._alarmed: list[str] = []

    def order(self) -> None:
        """Have every checker told anew what is wanted."""
        self.own.order()
        for talk in self._talks.values():
            talk.order()

    def generation(self, name: str) -> int:
        """Return the generation of the orders that a checker had last; 0: none."""
        talk = self._talks.get(name)
        return self.own.generation if name == self.own.name else talk.generation if talk else 0

    def join(self, name: str) -> Talk | None:
        """Let a remote checker in; None: there is no seat for it. A new one replaces the old."""
        if name == self.own.name or len(self._talks.keys() | {name}) > MAX_AGENTS:
            return None
        # Its own clock may go back between two lives; the order of its visits does not.
        self._life = life = self._life + 1
        talk = Talk(lambda: self._wanted(name), lambda report: self._take(name, talk, life, report))
        self._talks[name] = talk
        talk.begin()
        _log.info("agent has come", agent=name)
        return talk

    def leave(self, name: str, talk: Talk, cause: str, *, for_good: bool = False) -> None:
        """Note that a remote checker has gone; *for_good*: it has no right to come back."""
        if self._talks.get(name) is talk:
            del self._talks[name]
            _log.warning("agent has gone", agent=name, cause=cause or "it closed the connection")
        if for_good:
            self.seats.forget(name)

    def _take(self, name: str, talk: Talk, life: int, report: Report) -> None:
        if self._talks.get(name) is not talk:
            return  # another connection of the same agent has taken its place
        if isinstance(report, Heartbeat):
            done = report.completed if report.probes else int(self._clock())  # idle, and well
            self.seats.beat(name, done, self.slowest, self._clock())
        elif isinstance(report, Votes):
            votes = tuple(_by(vote, name, life) for vote in report.votes)
            report = Votes(report.generation, votes)
        self._hear(name, report)

    def alarms(self) -> list[str]:
        """Return what is wrong with remote checkers, a line each, and log what is new."""
        now = self._clock()
        silent = set(self.seats.silent(now))
        if now - self._began > SILENT_SECONDS:
            silent |= set(self.expected()) - self.seats.known
        what = "what was known is held" if self.seats.held else "it counts for nothing"
        alarms = [f"agent {name} is silent: {what}" for name in sorted(silent)]
        alarms += [
            f"agent {name} doubts itself ({talk.heartbeat.doubt.value}): it counts for nothing"
            for name, talk in sorted(self._talks.items())
            if talk.heartbeat is not None and talk.heartbeat.doubt is not Doubt.NONE
        ]
        for line in alarms:
            if line not in self._alarmed:
                _log.warning("agent", problem=line)
        self._alarmed = alarms
        return alarms

    def status(self) -> list[dict[str, object]]:
        """Return how each remote checker is, as JSON values."""
        now = self._clock()
        silent, found = self.seats.silent(now), []
        for name in sorted(self.seats.known - {self.own.name} | self._talks.keys()):
            talk = self._talks.get(name)
            beat = talk.heartbeat if talk is not None else None
            found.append(
                {
                    "name": name,
                    "connected": talk is not None,
                    "alive": name in self.seats.known and name not in silent,
                    "probes": beat.probes if beat else 0,
                    "completed": beat.completed if beat else 0,
                    "doubt": beat.doubt.value if beat else "",
                }
            )
        return found


def _by(vote: Vote, name: str, life: int) -> Vote:
    """Return *vote* as cast by whoever has shown to be *name*, whatever it calls itself."""
    return replace(vote, checker=name, life=life)
