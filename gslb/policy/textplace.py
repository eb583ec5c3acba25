"""Where a line of a block of text in a policy stands: the block's first line and its indentation."""

from __future__ import annotations

import re
from collections.abc import Callable

from gslb.policy.places import Path, Places
from gslb.policy.problems import Where

# The header of a literal block (YAML 1.2 §8.1.1): only there is a line of text a line of the file.
_LITERAL = re.compile(r"\|[-+0-9]{0,2}\s*(?:#.*)?")


def text_place(places: Places, steps: Path, source: str) -> Callable[[int], Where]:
    """Return the function that places a line, counted from 0, of the text at *steps*.

    *source* is the file that the text stands in. Lines of a folded or quoted text are not told
    apart: they all have the place of the text.
    """
    start = places.locate(steps)
    lines = source.splitlines()[max(0, start.line - 1) :]
    if not lines or not _LITERAL.fullmatch(lines[0][start.column - 1 :]):
        return lambda _line: start
    inside = next((line for line in lines[1:] if line.strip()), "")
    column = len(inside) - len(inside.lstrip(" ")) + 1
    return lambda line: Where(start.path, start.line + 1 + line, column)
