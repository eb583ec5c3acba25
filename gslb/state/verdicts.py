"""What the checks together say of one endpoint under one check."""

from __future__ import annotations

from dataclasses import dataclass

from healthcheck.model import Status


@dataclass(frozen=True, slots=True)
class Verdict:
    """Statuses by family, and who agrees with them."""

    v4: Status = Status.UNKNOWN
    v6: Status = Status.UNKNOWN
    detail: str = ""  # for people: "3/3 agents", "HTTP 503 in 41 ms"
    unanimous: bool = True  # every checker with a fresh vote says the same

    @property
    def is_down(self) -> bool:
        """Whether a family is down."""
        return self.v4 is Status.DOWN or self.v6 is Status.DOWN

    @property
    def is_dead(self) -> bool:
        """Whether every family of which anything is known is down."""
        return self.is_down and Status.UP not in {self.v4, self.v6}


UNKNOWN = Verdict()
