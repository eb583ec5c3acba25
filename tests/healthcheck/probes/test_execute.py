"""The ``exec`` probe: off by default, no shell, nothing of ours in its environment, no survivors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from healthcheck.model import Kind, Probe
from healthcheck.probes import Tools
from healthcheck.probes.execute import MAX_COMMANDS, environment


def command(*words: str) -> tuple[tuple[str, str], ...]:
    return tuple(("command", word) for word in words)


@pytest.fixture
def tools() -> Tools:
    return Tools(may_execute=True)


async def test_commands_are_off_unless_the_node_allows_them(once, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    seen = await once("exec", extra=command("touch", str(mark)))
    assert (seen.kind, seen.detail) == (Kind.LOCAL, "commands are not allowed on this node")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("words", "kind", "detail"),
    [
        (["true"], Kind.OK, "exit code 0"),
        (["false"], Kind.STATUS, "exit code 1"),
        (["sh", "-c", "exit 7"], Kind.STATUS, "exit code 7"),
        (["sh", "-c", "kill -9 $$"], Kind.STATUS, "killed by signal 9"),
    ],
)
async def test_the_exit_code_decides(
    once, tools: Tools, words: list[str], kind: Kind, detail: str
) -> None:
    seen = await once("exec", tools=tools, extra=command(*words))
    assert seen.kind is kind
    assert seen.detail.startswith(detail)
    assert tools.commands == 0


async def test_there_is_no_shell(once, tools: Tools, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    await once("exec", tools=tools, extra=command("true", f"; touch {mark}", f"$(touch {mark})"))
    assert not mark.exists()


@pytest.mark.parametrize("words", [[], ["tr\0ue"]])
async def test_what_is_no_command_says_nothing(once, tools: Tools, words: list[str]) -> None:
    assert (await once("exec", tools=tools, extra=command(*words))).kind is Kind.LOCAL


async def test_a_command_that_is_not_there_says_nothing(once, tools: Tools) -> None:
    seen = await once("exec", tools=tools, extra=command("/nonexistent/check"))
    assert (seen.kind, seen.detail) == (Kind.LOCAL, "ENOENT while running")


async def test_the_whole_group_dies_at_the_timeout(once, tools: Tools, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! >{pids}; echo $$ >>{pids}; wait"
    seen = await once("exec", tools=tools, timeout=0.3, extra=command("sh", "-c", script))
    assert seen.kind is Kind.TIMEOUT
    child, shell = map(int, pids.read_text().split())
    assert not alive(shell)
    assert not alive(child)
    assert tools.commands == 0


def alive(pid: int) -> bool:
    """Whether *pid* runs; one that only waits for its parent to look does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_only_so_many_run_at_once(once, tools: Tools) -> None:
    tools.commands = MAX_COMMANDS
    assert (await once("exec", tools=tools, extra=command("true"))).kind is Kind.LOCAL


async def test_the_environment_is_minimal_and_names_the_target(
    once, tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    out = tmp_path / "environment"
    probe = {"host": "www.example.com", "timeout": 1.5}
    script = command("sh", "-c", f"env >{out}")
    await once("exec", 443, tools=tools, extra=script, **probe)
    told = dict(line.split("=", 1) for line in out.read_text().splitlines())
    expected = environment(Probe("exec", "127.0.0.1", 443, 5.0, 1.5, 3, 3, host="www.example.com"))
    assert expected.items() <= told.items()
    assert told.keys() - expected.keys() <= {"PWD", "SHLVL", "_", "OLDPWD"}
    assert os.environ["SECRET_TOKEN"] == "hidden"
