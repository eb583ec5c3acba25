"""Problems in a terminal: the caret stands below the character that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gslb.policy import quote
from gslb.policy.problems import Problem, Severity, Where
from gslb.policy.quote import MAX_LINE, Quoter


def blocks(path: Path, *problems: Problem) -> list[str]:
    return [block.plain for block in Quoter().format(problems)]


def problem(path: Path, line: int, column: int, text: str = "wrong", hint: str = "") -> Problem:
    return Problem(Where(path, line, column), "E104", text, Severity.ERROR, hint)


def test_a_block_has_place_line_caret_and_hint(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\nb: twoo\n")
    (block,) = blocks(file, problem(file, 2, 4, "no", "did you mean two?"))
    assert block == f"{file}:2:4: error[E104] no\n    b: twoo\n       ^\n    did you mean two?"


@pytest.mark.parametrize(("line", "column"), [(0, 0), (3, 1), (99, 1), (1, 0)])
def test_a_place_without_a_line_has_no_quotation(tmp_path: Path, line: int, column: int) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\n")
    (block,) = blocks(file, problem(file, line, column))
    assert block == f"{file}:{line}:{column}: error[E104] wrong"


@pytest.mark.parametrize("name", ["-", "missing.yaml", "."])
def test_what_is_no_file_is_not_quoted(name: str, tmp_path: Path) -> None:
    (block,) = blocks(Path(name), problem(Path(name), 1, 1))
    assert block == f"{name}:1:1: error[E104] wrong"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_yaml_counts_them(tmp_path: Path, end: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(end.join(["a: \x0b\x1c1", "b: 2", "c: 3"]).encode())
    (block,) = blocks(file, problem(file, 2, 4))
    assert block.splitlines()[1:] == ["    b: 2", "       ^"]


def test_tabs_and_what_does_not_print_take_one_cell(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a:\t\x1b[31m x\n")
    (block,) = blocks(file, problem(file, 1, 10, "bad \x1b[31m", "\x07"))
    assert block.splitlines() == [
        f"{file}:1:10: error[E104] bad ?[31m",
        "    a:  [31m x",
        "             ^",
        "    ?",
    ]


def test_octets_that_are_no_text_are_quoted_as_well_as_possible(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xff\n")
    (block,) = blocks(file, problem(file, 1, 4))
    assert block.splitlines()[1:] == ["    a: \ufffd", "       ^"]


def test_a_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\n")
    found = Quoter().format([problem(file, 1, 1), problem(file, 1, 4)])
    next(found)
    file.unlink()
    assert "a: 1" in next(found).plain


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=400), st.data())
def test_the_caret_stands_below_its_character(line: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(1, len(line) + 1))
    shown, cells = quote._window(line, column)
    assert len(shown) <= MAX_LINE
    plain = "".join(c if c.isprintable() else " " for c in line)
    start = plain.find(shown) if len(plain) <= MAX_LINE else None
    before = [i for i in range(len(shown) + 1) if cell_len(shown[:i]) == cells]
    assert before
    if start is not None:
        assert any(i == column - 1 for i in before)
    elif column <= len(line):
        assert any(shown[i : i + 1] == plain[column - 1] for i in before)
