"""What the last start began with counts only where nothing has changed since."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from gslb.errors import GslbError
from gslb.node.beginning import Beginning
from gslb.node.configuration import read_settings
from gslb.node.inputs import Inputs
from gslb.node.outset import Outset, outset_of
from gslb.node.remembered import FILE, forget, recall, remember
from tests.system.nodes import free_port


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    config = tmp_path / "gslb.yaml"
    config.write_text(f"workers: 2\nlisten: 127.0.0.1:{free_port()}\n")
    state = tmp_path / "state"
    state.mkdir()
    return Inputs.of(config, {"state_directory": str(state)}, {})


def _outset(inputs: Inputs) -> Outset:
    return outset_of(read_settings(inputs.path, inputs.given, inputs.environment))


def _remember(inputs: Inputs) -> Outset:
    outset = _outset(inputs)
    digest = inputs.digest()
    assert digest is not None
    remember(digest, outset)
    return outset


def test_it_is_recalled_until_the_file_changes(inputs: Inputs) -> None:
    assert recall(inputs) is None
    outset = _remember(inputs)
    assert recall(inputs) == outset
    assert inputs.path is not None
    inputs.path.write_text("workers: 1\nlisten: 127.0.0.1:5300\n")
    assert recall(inputs) is None
    changed = _remember(inputs)
    assert recall(inputs) == changed != outset


def test_nobody_else_may_read_it_and_it_is_written_once(inputs: Inputs) -> None:
    _remember(inputs)
    path = inputs.state_directory() / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    inode = path.stat().st_ino
    _remember(inputs)
    assert path.stat().st_ino == inode
    assert [one.name for one in path.parent.iterdir()] == [FILE]


@pytest.mark.parametrize("cut", [0, 1, 40, 100, 300])
def test_a_file_that_was_cut_short_is_nothing(inputs: Inputs, cut: int) -> None:
    _remember(inputs)
    path = inputs.state_directory() / FILE
    path.write_bytes(path.read_bytes()[:cut])
    assert recall(inputs) is None


@pytest.mark.parametrize("text", ["[]", "5", "null", '{"inputs": 5}', "\xff"])
def test_anything_else_is_nothing(inputs: Inputs, text: str) -> None:
    (inputs.state_directory() / FILE).write_text(text, encoding="latin-1")
    assert recall(inputs) is None


def test_the_outset_of_another_folder_is_nothing(inputs: Inputs, tmp_path: Path) -> None:
    """A state directory that was copied, say."""
    _remember(inputs)
    path = inputs.state_directory() / FILE
    data = json.loads(path.read_text())
    data["outset"]["state_directory"] = str(tmp_path)
    path.write_text(json.dumps(data))
    assert recall(inputs) is None


def test_a_folder_that_cannot_be_written_costs_only_time(inputs: Inputs) -> None:
    outset = _outset(inputs)
    inputs.state_directory().rmdir()
    remember("0" * 64, outset)
    assert recall(inputs) is None


def test_settings_that_mean_something_else_end_the_start_and_the_next_one_reads_first(
    inputs: Inputs,
) -> None:
    """Changed between two looks at the file, or read by other code than last time."""
    outset = _remember(inputs)
    beginning = Beginning()
    try:
        assert beginning.recall(inputs) == outset
        begun = beginning.begin(outset)
        assert beginning.begin(outset) is begun
        other = Outset(outset.state_directory, outset.listen, 1, outset.template)
        with pytest.raises(GslbError, match="start again"):
            beginning.begin(other)
        begun.state.close()
        for one in (one for own in begun.sockets for one in own):
            one.sock.close()
    finally:
        beginning.give_up()
    assert recall(inputs) is None
    forget(inputs.state_directory())  # again: nothing to forget is no mistake
