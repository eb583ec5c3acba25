"""Which files a command line means: policies themselves, or the policies in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gslb.policy.problems import Problem, Where

STDIN = Path("-")
MAX_POLICY_FILES = 10_000  # in one folder; one file is one zone
_SUFFIXES = {".yaml", ".yml"}
_EXPECTATIONS = (".expect.yaml", ".expect.yml")
_DNS_BLOCK = re.compile(rb"""^(?:dns|"dns"|'dns')[ \t]*:""", re.MULTILINE)


def policy_files(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the policy files at or under *paths*, each once, and the paths that hold none.

    A folder stands for every ``*.yaml`` in it or below with a ``dns`` block: included parts, hidden
    folders and ``*.expect.yaml`` are left out. ``-`` stands for standard input.
    """
    found: dict[Path, None] = {}
    problems = []
    for path in paths:
        if not path.is_dir() or path == STDIN:
            found[path] = None
            continue
        inside = list(_inside(path))
        found.update(dict.fromkeys(inside[:MAX_POLICY_FILES]))
        if not inside:
            text = f"no policy in {path}: no *.yaml with a dns block"
            problems.append(Problem(Where(path), "E218", text))
        elif len(inside) > MAX_POLICY_FILES:
            text = f"more than {MAX_POLICY_FILES} policies in {path}"
            problems.append(Problem(Where(path), "E218", text))
    return list(found), problems


def _inside(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.suffix not in _SUFFIXES or file.name.endswith(_EXPECTATIONS):
            continue
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if not hidden and file.is_file() and _DNS_BLOCK.search(_octets(file)):
            yield file


def _octets(file: Path) -> bytes:
    """Return the file's octets; what cannot be read is kept, so that reading it says why."""
    try:
        return file.read_bytes()
    except OSError:
        return b"dns:"
