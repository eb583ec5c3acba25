"""Problems as a terminal shows them: the place, the line itself, a caret under the column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.cells import cell_len
from rich.text import Text

from gslb.policy.problems import Problem, Severity
from gslb.policy.syntax import lines

MAX_LINE = 160  # characters of a quoted line
MAX_QUOTED = 64 << 20  # octets; a file that is larger was not read as a policy either
_INDENT = "    "
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}


class Quoter:
    """Formats problems; reads each file once, however many problems it has."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._lines: dict[Path, list[str]] = {}

    def format(self, problems: Iterable[Problem]) -> Iterator[Text]:
        """Yield one block of styled text for each problem.

        What does not print is shown as ``?``: files may hold what moves a terminal.
        """
        for problem in problems:
            yield self._block(problem)

    def _block(self, problem: Problem) -> Text:
        style = _STYLES[problem.severity]
        text = Text(f"{_plain(str(problem.where))}: ")
        text.append(f"{problem.severity}[{problem.code}]", style=style)
        text.append(f" {_plain(problem.text)}")
        quoted = self._line(problem.where.path, problem.where.line)
        if quoted is not None and problem.where.column > 0:
            shown, caret = _window(quoted, problem.where.column)
            text.append(f"\n{_INDENT}{shown}\n{_INDENT}{' ' * caret}")
            text.append("^", style=style)
        if problem.hint:
            text.append(f"\n{_INDENT}{_plain(problem.hint)}", style="italic")
        return text

    def _line(self, path: Path, number: int) -> str | None:
        if number == 0:
            return None
        if path not in self._lines:
            self._lines[path] = _read(path)
        found = self._lines[path]
        return found[number - 1] if number <= len(found) else None


def _read(path: Path) -> list[str]:
    """Return the lines of *path*; none for standard input, and for what has gone since."""
    try:
        if not path.is_file():
            return []
        with path.open("rb") as stream:
            return lines(stream.read(MAX_QUOTED).decode("utf-8-sig", errors="replace"))
    except OSError:
        return []


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the part of *line* around *column*, and how many cells stand before the caret.

    Tabs become spaces; wide characters (East Asian ones) take two cells.
    """
    plain = "".join(character if character.isprintable() else " " for character in line)
    start = max(0, min(column - 1 - MAX_LINE // 2, len(plain) - MAX_LINE))
    shown = plain[start : start + MAX_LINE]
    return shown, cell_len(shown[: column - 1 - start])
