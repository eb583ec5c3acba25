"""Problems in files that people write: each with its place, all at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gslb.errors import GslbError


class Severity(StrEnum):
    """An error keeps a policy from being used; a warning only with ``--strict``."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file; line and column count from 1. Line 0: the file as a whole."""

    path: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return ``file:line:column``, the form that editors jump to."""
        return f"{self.path}:{self.line}:{self.column}"


NOWHERE = Where(Path("-"))


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to say about a file; prints as ``file:line:column: error[CODE] text``."""

    where: Where
    code: str  # stable, for searching the documentation: E012, W103, N001
    text: str
    severity: Severity = field(default=Severity.ERROR, compare=False)
    hint: str = field(default="", compare=False)  # what to do about it, if known

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where}: {self.severity}[{self.code}] {self.text}{hint}"


class PolicyError(GslbError):
    """A policy was refused. Carries every problem found, never only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
