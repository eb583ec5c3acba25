"""How messages show what was written: quoted, short, and without what could move a terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_SHOWN = 60  # characters of a value or key in a message
_SIMILAR = 0.6  # difflib's own measure of two words that are close, 0 to 1
_MAX_WORD = 100  # characters; comparing longer words costs time and helps nobody


def short(text: object) -> str:
    """Return *text* on one line of bearable length; characters that do not print become ``?``."""
    plain = str(text)
    cut = plain[:MAX_SHOWN]
    return "".join(c if c.isprintable() else "?" for c in cut) + (
        "…" if len(plain) > MAX_SHOWN else ""
    )


def shown(value: object) -> str:
    """Return *value* as its writer knows it: text in quotes, ``true``, ``a list of 3``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return f'"{short(value)}"' if isinstance(value, str) else short(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the one of *known* that looks most like *word*, or nothing."""
    if len(word) > _MAX_WORD:
        return ""
    close = difflib.get_close_matches(word, list(known), 1, _SIMILAR)
    return f'did you mean "{close[0]}"?' if close else ""
