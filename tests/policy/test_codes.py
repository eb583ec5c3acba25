"""The table of problem codes: whole, and nothing in it that is not used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import gslb
from gslb.policy.codes import CODES

CODE = re.compile(r"[EWN]\d{3}")
ROOT = Path(gslb.__file__).parent
TABLE = ROOT / "policy" / "codes.py"


def used() -> Iterator[tuple[str, Path]]:
    """Yield every text in the program that is a code and nothing else, and its file."""
    for file in ROOT.rglob("*.py"):
        if file == TABLE:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and CODE.fullmatch(value):
                yield value, file


def test_every_code_that_is_used_is_explained() -> None:
    unknown = {(code, file.name) for code, file in used() if code not in CODES}
    assert unknown == set()


def test_every_code_that_is_explained_is_used() -> None:
    assert set(CODES) - {code for code, _ in used()} == set()


def test_no_code_is_explained_twice() -> None:
    keys = re.findall(r'^\s+"([EWN]\d{3})":', TABLE.read_text(), re.MULTILINE)
    assert len(keys) == len(set(keys)) == len(CODES)


def test_codes_and_explanations_are_well_formed() -> None:
    for code, text in CODES.items():
        assert CODE.fullmatch(code)
        assert text == text.strip()
        assert 0 < len(text) <= 100
        assert "\n" not in text
        assert not text.endswith(".")
    assert len(set(CODES.values())) == len(CODES)


def test_letters_tell_the_severity_and_numbers_the_kind() -> None:
    for code in CODES:
        kinds = {"E": "012", "W": "3", "N": "4"}[code[0]]
        assert code[1] in kinds, code


def test_every_code_is_provoked_by_a_test_or_a_mistake_of_the_corpus() -> None:
    """Each code stands in a test that asks for it, or in the head of a file that must have it."""
    tests = ROOT.parent / "tests"
    texts = [file.read_text() for file in tests.rglob("test_*.py")]
    corpus = (tests / "policy" / "mistakes").glob("*.yaml")
    texts += [file.read_text("latin-1").partition("version:")[0] for file in corpus]
    provoked = set(CODE.findall("\n".join(texts)))
    assert set(CODES) - provoked == set()
