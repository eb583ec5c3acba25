"""Logs: one event, one line, whatever the fields hold; never in the way of what is logged."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gslb import logs


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises


def written(path: Path, form: str, *, level: str = "info", **fields: logs.Field) -> list[str]:
    """Return the lines that one event of each level leaves in a file."""
    with path.open("w") as stream:
        logs.set_up(level, form, "test", stream)
        log = logs.Log("gslb.test")
        log.debug("a detail", **fields)
        log.info("an event", **fields)
        log.warning("a warning", **fields)
        log.error("an error", **fields)
    return path.read_text().split("\n")[:-1]


def test_json_lines_have_fixed_names(tmp_path: Path) -> None:
    """Collectors find time, level, event, process and pid in every line, and the event's fields."""
    lines = [json.loads(line) for line in written(tmp_path / "log", "json", worker=3, ok=True)]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "an event"),
        ("warning", "a warning"),
        ("error", "an error"),
    ]
    assert all(line["process"] == "test" and line["pid"] == os.getpid() for line in lines)
    assert all(line["worker"] == 3 and line["ok"] is True for line in lines)
    assert all(line["time"].endswith("Z") for line in lines)


def test_logfmt_quotes_what_has_to_be_quoted(tmp_path: Path) -> None:
    """Words stand bare; blanks, quotes and line ends do not break a line."""
    line = written(tmp_path / "log", "logfmt", plain="a/b", blank="a b", end='x\n"y"', none=None)[0]
    assert 'event="an event"' in line
    assert 'plain=a/b blank="a b" end="x\\n\\"y\\"" none=-' in line


def test_human_lines_begin_with_time_and_level(tmp_path: Path) -> None:
    """What a person reads has no process and pid in it, and no colour in a file."""
    line = written(tmp_path / "log", "human", seconds=1.5)[0]
    assert line[12:].startswith(" info    an event  seconds=1.5")
    assert "\033" not in line


def test_the_level_is_kept(tmp_path: Path) -> None:
    """Lines below the level are not written."""
    assert len(written(tmp_path / "log", "logfmt", level="debug")) == 4
    assert len(written(tmp_path / "log", "logfmt", level="error")) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.sampled_from(["human", "logfmt", "json"]), st.text() | st.floats() | st.integers())
def test_one_event_is_one_line(tmp_path: Path, form: str, value: str | float) -> None:
    """Nothing that a field holds can make a second line, or a line that is too long."""
    lines = written(tmp_path / "log", form, value=value)
    assert len(lines) == 3
    assert all(len(line.encode()) < logs.MAX_LINE for line in lines)


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    """A line fits what a pipe takes in one piece."""
    line = written(tmp_path / "log", "logfmt", value="ä" * 10_000)[0]
    assert len(line.encode()) + 1 <= logs.MAX_LINE
    assert line.endswith("...")


def test_a_full_pipe_drops_lines_and_says_so_later() -> None:
    """A reader that does not read holds nobody up, and learns how many lines it missed."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    try:
        while True:
            os.write(write_end, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write_end, True)
    with os.fdopen(write_end, "w") as stream, os.fdopen(read_end, "rb", 0) as reader:
        handler = logs.set_up("info", "json", "test", stream)
        log = logs.Log("gslb.test")
        log.info("lost")
        log.info("lost")
        assert handler.dropped == 2
        reader.read(8192)
        log.info("found")
        assert handler.dropped == 0
        os.set_blocking(read_end, False)
        last = b"".join(iter(lambda: reader.read(65536), None)).splitlines()[-1]
    found = json.loads(last.lstrip(b"x"))
    assert (found["event"], found["dropped"]) == ("found", 2)


def test_a_reader_that_has_gone_is_no_failure() -> None:
    """A broken pipe loses lines and nothing else."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as stream:
        handler = logs.set_up("info", "json", "test", stream)
        logs.Log("gslb.test").info("lost")
        assert handler.dropped == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/56"),
    ],
)
def test_clients_are_logged_as_networks(address: str, network: str) -> None:
    """A log holds /24 and /56 at most."""
    assert logs.client_network(address) == network
