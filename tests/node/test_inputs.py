"""The digest of what settings are read from changes with whatever may change them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gslb.defaults import default_state_directory
from gslb.node import inputs as module
from gslb.node.inputs import MAX_OCTETS, Inputs


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gslb.yaml"
    path.write_text("workers: 2\n")
    return path


def test_the_same_inputs_have_the_same_digest(config: Path) -> None:
    first = Inputs.of(config, {"nsid": "a"}, {"GSLB_WORKERS": "2", "GSLB_NSID": "b", "HOME": "/"})
    again = Inputs.of(config, {"nsid": "a"}, {"GSLB_NSID": "b", "GSLB_WORKERS": "2", "HOME": "/x"})
    assert first.digest() == again.digest() is not None


def test_whatever_may_mean_other_settings_has_another_digest(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.yaml"
    other.write_bytes(config.read_bytes())
    found = [
        Inputs.of(config, {}, {}).digest(),
        Inputs.of(other, {}, {}).digest(),  # paths in it are relative to its folder
        Inputs.of(config, {"nsid": "a"}, {}).digest(),
        Inputs.of(config, {"nsid": ["a"]}, {}).digest(),
        Inputs.of(config, {}, {"GSLB_NSID": "a"}).digest(),
        Inputs.of(config, {}, {"GSLB_NSID": "b"}).digest(),
    ]
    config.write_text("workers: 3\n")
    found.append(Inputs.of(config, {}, {}).digest())
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: set(range(77)))
    found.append(Inputs.of(config, {}, {}).digest())
    monkeypatch.setattr(module, "__version__", "77")
    found.append(Inputs.of(config, {}, {}).digest())
    assert None not in found
    assert len(set(found)) == len(found)


def test_a_file_that_is_missing_or_too_large_has_no_digest(config: Path, tmp_path: Path) -> None:
    assert Inputs.of(tmp_path / "missing", {}, {}).digest() is None
    assert Inputs.of(tmp_path, {}, {}).digest() is None
    config.write_bytes(b"#" * (MAX_OCTETS + 1))
    assert Inputs.of(config, {}, {}).digest() is None


def test_the_file_is_the_one_named_else_the_environments_else_the_systems(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEFAULT_CONFIG", config)
    other = tmp_path / "other"
    assert Inputs.of(other, {}, {"GSLB_CONFIG": "/x"}).path == other
    assert Inputs.of(None, {}, {"GSLB_CONFIG": str(other)}).path == other
    assert Inputs.of(None, {}, {}).path == config
    config.unlink()
    assert Inputs.of(None, {}, {}).path is None


def test_where_the_state_is_by_the_command_line_then_the_environment() -> None:
    told = {"GSLB_STATE_DIRECTORY": "/b"}
    assert Inputs.of(None, {"state_directory": "/a"}, told).state_directory() == Path("/a")
    assert Inputs.of(None, {}, told).state_directory() == Path("/b")
    assert Inputs.of(None, {}, {}).state_directory() == default_state_directory()
