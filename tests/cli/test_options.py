"""How the program is called again: as it can be from where it was called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gslb.cli.options import program


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_on_the_path_it_has_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link in the path to the very file counts too."""
    started = executable(tmp_path / "venv" / "gslb")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gslb").symlink_to(started)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "argv", [str(started)])
    assert program() == "gslb"


def test_elsewhere_it_is_called_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program of that name in the path is not meant."""
    monkeypatch.setattr(sys, "argv", [".venv/bin/gslb"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == ".venv/bin/gslb"
    executable(tmp_path / "gslb")
    assert program() == ".venv/bin/gslb"
    monkeypatch.setattr(sys, "argv", ["/example/with space/gslb"])
    assert program() == "'/example/with space/gslb'"


def test_as_a_module_it_is_called_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the interpreter that has it."""
    monkeypatch.setattr(sys, "argv", ["/example/gslb/__main__.py"])
    assert program() == f"{sys.executable} -m gslb"
