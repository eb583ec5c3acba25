"""What is installed is what is in the tree: a list by hand forgets nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SETUPTOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "setuptools"
]


def test_every_package_of_the_tree_is_installed_and_no_other() -> None:
    """A folder with Python files in it is a package; data folders are mapped by name."""
    folders = {
        file.parent.relative_to(ROOT)
        for top in ("gslb", "healthcheck")
        for file in ROOT.glob(f"{top}/**/*.py")
    }
    of_tree = {".".join(folder.parts) for folder in folders}
    assert all((ROOT / folder / "__init__.py").exists() for folder in folders)
    listed = SETUPTOOLS["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) - SETUPTOOLS["package-dir"].keys() == of_tree


def test_every_package_with_data_is_installed() -> None:
    """What is mapped to a folder exists, is listed, and has the files that it is there for."""
    for package, folder in SETUPTOOLS["package-dir"].items():
        assert package in SETUPTOOLS["packages"]
        for pattern in SETUPTOOLS["package-data"][package]:
            assert list((ROOT / folder).glob(pattern)), (package, pattern)
