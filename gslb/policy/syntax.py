"""What YAML's parser says of broken text, in words that lead to the mistake."""

from __future__ import annotations

import re
from typing import Any, Final

from gslb.policy.wording import shown

# Characters that YAML 1.2 §5.1 leaves out, and those that it would take for the end of a line
# while editors and compilers do not (U+0085, U+2028, U+2029), and a byte order mark inside.
UNUSABLE: Final = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LINE_END = re.compile(r"\r\n|\r|\n")
_STARTS: Final = {
    "@": "a value cannot begin with @",
    "`": "a value cannot begin with `",
    "%": "a value cannot begin with %",
}
_OPENED: Final = "it begins in line {}"
# What both parsers of PyYAML say, as far as they agree, and what is behind it.
_REASONS: Final = (
    (r"mapping values are not allowed", "a second \":\" in one line", "put the value in quotes, or begin a line"),
    (r"mapping keys are not allowed", "a key cannot begin here", "put the value in quotes"),
    (r"expected the node content|expected node content", "something is missing before this", "IPv6 addresses and text with , [ ] { } # need quotes"),
    (r"expected ',' or '\]'", "a list is not closed, or lacks a comma", _OPENED),
    (r"expected ',' or '\}'", "a mapping is not closed, or lacks a comma", _OPENED),
    (r"unexpected end of stream", "a quote that is never closed", ""),
    (r"unknown escape character", "a backslash with a letter that means nothing", "in single quotes backslashes are plain"),
    (r"could not find expected ':'", "neither a value nor a key with its \":\"", "write it as key: value"),
    (r"found unexpected ':'", "a word that ends with \":\"", "put it in quotes, as an IPv6 address that ends in ::"),
    (r"block collection.*expected", "a key among the entries of a list", "look at the indentation"),
    (r"expected key|expected <block end>", "this does not belong to what is before it", "look at the indentation and the quotes"),
    (r"expected comment or line break|chomping or indentation", "a block of text begins in the next line", "write | or > alone"),
    (r"document start", "something behind the end of the document", ""),
    (r"alphabetic or numeric character", "& and * want a name behind them", "put a value that begins so in quotes"),
    (r"incompatible YAML document", "a version of YAML that is not known", "leave the %YAML line out"),
)  # fmt: skip
# The mistake is where these begin, not where the text ran out.
_BEGINS: Final = (
    "scanning a quoted scalar",
    "scanning a simple key",
    "scanning an alias",
    "scanning an anchor",
)


def describe(error: Any, text: str) -> tuple[Any, str, str]:
    """Return the mark, the words and a hint for a MarkedYAMLError of the parser in *text*."""
    context, problem = str(error.context or ""), str(error.problem or "not YAML")
    mark = error.problem_mark
    if error.context_mark is not None and any(begin in context for begin in _BEGINS):
        mark = error.context_mark
    if "mapping values are not allowed" in problem and (found := _second_colon(mark, text)):
        return mark, *found
    if "cannot start any token" in problem:
        return (mark, *_start(_character(text, mark)))
    for pattern, words, hint in _REASONS:
        if re.search(pattern, f"{context}: {problem}"):
            if hint != _OPENED:
                return mark, words, hint
            return mark, words, hint.format(error.context_mark.line + 1)
    return mark, f"{context}: {problem}" if context else problem, ""


def unusable(text: str) -> tuple[int, int, str] | None:
    """Return line, column and words for the first character that *text* cannot have."""
    match = UNUSABLE.search(text)
    if match is None:
        return None
    line, column = place(text, match.start())
    return line, column, f"the character U+{ord(match[0]):04X} has no place in a policy"


def place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of the character at *offset*."""
    ends = [match.end() for match in _LINE_END.finditer(text, 0, offset)]
    return len(ends) + 1, offset - (ends[-1] if ends else 0) + 1


def lines(text: str) -> list[str]:
    """Return the lines of *text* as YAML counts them; str.splitlines() knows more line ends."""
    return _LINE_END.split(text)


def _second_colon(mark: Any, text: str) -> tuple[str, str] | None:
    """Return words and a hint for a ":" that cannot stand at *mark*, if more is known of it."""
    found = lines(text)[: mark.line + 1]
    before = found[-1][: mark.column] if len(found) > mark.line else ""
    if before.endswith(":"):
        return "an IPv6 address that ends in :: looks like a key", "put it in quotes"
    if not re.search(r":(?:\s|$)", before):  # this line has one: the line above goes on into it
        above = next((n for n in range(mark.line - 1, -1, -1) if found[n].strip()), None)
        if above is None:
            return None
        keyed = re.search(r":(?:\s|$)", found[above])
        hint = "look at the indentation" if keyed else f'line {above + 1} may lack its ":"'
        return "this line is taken as more of the one above", hint
    return None


def _start(character: str) -> tuple[str, str]:
    if character == "\t":
        return "a tab where spaces are wanted", "indent with spaces"
    if character in _STARTS:
        return _STARTS[character], "put it in quotes"
    return f"{shown(character)} cannot stand here", ""


def _character(text: str, mark: Any) -> str:
    found = lines(text)
    return found[mark.line][mark.column : mark.column + 1] if mark.line < len(found) else ""
