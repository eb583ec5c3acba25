"""Problems as a terminal shows them: the place, the line itself, a caret under the column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.text import Text

from gslb.policy.problems import Problem, Severity

MAX_LINE = 160  # characters of a quoted line
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}


class Quoter:
    """Formats problems; reads each file once, however many problems it has."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._lines: dict[Path, list[str]] = {}

    def format(self, problems: Iterable[Problem]) -> Iterator[Text]:
        """Yield one block of styled text for each problem."""
        for problem in problems:
            yield self._block(problem)

    def _block(self, problem: Problem) -> Text:
        style = _STYLES[problem.severity]
        text = Text(f"{problem.where}: ")
        text.append(f"{problem.severity}[{problem.code}]", style=style)
        text.append(f" {problem.text}")
        quoted = self._line(problem.where.path, problem.where.line)
        if quoted is not None and problem.where.column > 0:
            shown, caret = _window(quoted, problem.where.column)
            text.append(f"\n    {shown}\n    {' ' * caret}")
            text.append("^", style=style)
        if problem.hint:
            text.append(f"\n    {problem.hint}", style="italic")
        return text

    def _line(self, path: Path, number: int) -> str | None:
        if path not in self._lines:
            try:
                self._lines[path] = path.read_text("utf-8", errors="replace").splitlines()
            except OSError:
                self._lines[path] = []  # standard input, or gone since
        lines = self._lines[path]
        return lines[number - 1] if 0 < number <= len(lines) else None


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the part of *line* around *column* and where the caret goes in it; tabs become spaces."""
    plain = "".join(c if c.isprintable() else " " for c in line)
    start = max(0, min(column - 1 - MAX_LINE // 2, len(plain) - MAX_LINE))
    return plain[start : start + MAX_LINE], column - 1 - start
