"""The ``gslb`` command: help without delay, errors in one line, exit codes that scripts can use."""

from __future__ import annotations

import argparse
import subprocess
import sys
import types

import pytest

from gslb import __version__
from gslb.cli import main as cli
from gslb.errors import GslbError
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A command called ``status`` whose run is set by the test."""
    fake = types.SimpleNamespace(run=lambda _: 0)

    def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        parser = commands.add_parser("status")
        parser.add_argument("--number", type=int)
        parser.set_defaults(run=lambda options: fake.run(options))  # noqa: PLW0108 - as it is by then

    fake.add_parser = add_parser
    monkeypatch.setitem(sys.modules, "gslb.cli.status", fake)  # type: ignore[arg-type]  # enough of one
    return fake


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """And exits with 0."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(f"\n    {name} " in out for name in cli.COMMANDS)


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """One line."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"gslb {__version__}\n"


@pytest.mark.parametrize("words", [[], ["unheard"], ["--unheard"], ["status", "--number", "x"]])
def test_a_wrong_command_line_ends_with_1_and_shows_the_way(
    words: list[str], command: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 would mean warnings, as in `gslb check --strict`."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert ": error: " in error
    assert hint.startswith("Try: gslb")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_its_module(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own help can be shown, and its summary is the one of the list."""
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: gslb {name}" in capsys.readouterr().out
    parser = cli.make_parser(name)
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    assert set(action.choices) == set(cli.COMMANDS)


def test_the_commands_exit_code_is_the_programs(command: types.SimpleNamespace) -> None:
    """Commands may have more than 0 and 1."""
    command.run = lambda options: options.number
    assert cli.main(["status", "--number", "4"]) == 4


def test_an_error_is_one_line(
    command: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a person can put right comes without a traceback, on standard error."""

    def fail(_: argparse.Namespace) -> int:
        raise GslbError("the thing is not there")

    command.run = fail
    assert cli.main(["status"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "gslb: the thing is not there\n")


def test_problems_of_a_file_begin_with_their_place(
    command: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """Editors jump to file:line:column at the beginning of a line."""

    def fail(_: argparse.Namespace) -> int:
        error = GslbError("a.yaml:1:2: error")
        error.problems = ["…"]  # type: ignore[attr-defined]  # as those of policies and settings
        raise error

    command.run = fail
    assert cli.main(["status"]) == 1
    assert capsys.readouterr().err == "a.yaml:1:2: error\n"


def test_ctrl_c_is_quiet(
    command: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code is the shell's for SIGINT."""

    def interrupted(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    command.run = interrupted
    assert cli.main(["status"]) == 130
    assert capsys.readouterr().err == ""


def test_help_loads_no_command() -> None:
    """`gslb --help` imports none of the heavy parts."""
    script = (
        "import sys\nfrom gslb.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in sys.modules if m in ('numpy', 'pydantic', 'yaml', 'dns', 'aiohttp')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("word", "says"),
    [("drian", 'no command "drian"; did you mean drain?'), ("zzz", 'no command "zzz"\n')],
)
def test_a_command_that_is_none_is_named_with_the_nearest(
    word: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([word])
    assert says in capsys.readouterr().err
