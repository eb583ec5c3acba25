"""``gslb``: the parser, and the way from a command's name to its module.

A command's module is imported only when it is the one that is asked for, so that help and
completion are quick. Exit codes: 0 done, 1 it could not be done; a command may have more.
"""

from __future__ import annotations

import argparse
import importlib
import io
import keyword
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from gslb import __version__
from gslb.errors import GslbError

COMMANDS = {  # in the order in which somebody meets them
    "init": "write a small policy to begin with",
    "check": "find the problems in policy files",
    "explain": "say what a client is answered, and why",
    "serve": "answer queries",
    "reload": "have a running server read its policies again",
    "replace": "replace a running server by the version that is installed now",
    "status": "say what a running server does",
    "drain": "take a cloud, region or zone out of the answers",
    "undrain": "end a drain",
    "drains": "list what is drained",
    "events": "show what happens, as it happens",
    "push": "keep copies of zones at Route 53 and Cloud DNS",
    "audit": "verify the audit log",
    "token": "make, list or revoke tokens for the API",
    "stop": "end workers whose supervisor has died",
    "import": "turn an octoDNS zone file into a policy",
    "export": "write policies as octoDNS zone files",
    "geo": "build, describe or ask a geo table",
    "latency": "import or show latency measurements",
    "demo": "serve an example zone with stand-in endpoints on this machine",
}
EXIT_FAILED = 1


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes end with 1, as every other failure: 2 means warnings."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and where help is."""
        print(f"{self.prog}: error: {message}\nTry: {self.prog} --help", file=sys.stderr)
        raise SystemExit(EXIT_FAILED)


def make_parser(command: str | None) -> Parser:
    """Return the parser; the options of *command* only, the others by name."""
    parser = Parser(prog="gslb", description="A global traffic manager.")
    parser.add_argument("--version", action="version", version=f"gslb {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    if command is not None and command not in COMMANDS:
        from difflib import get_close_matches  # noqa: PLC0415 - slow to import

        close = get_close_matches(command, COMMANDS, n=1)
        parser.error(
            f'there is no command "{command}"' + (f"; did you mean {close[0]}?" if close else "")
        )
    for name, summary in COMMANDS.items():
        if name == command:
            module = f"gslb.cli.{name}{'_' * keyword.iskeyword(name)}"
            importlib.import_module(module).add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    return parser


def parse(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Return the options that *words* give; exit where they cannot be understood.

    argparse takes the places of a command together: those behind an option are left over. A command
    that has something to say of too many has `more`, and gets them wherever they stand.
    """
    options, over = parser.parse_known_args(words)
    if hasattr(options, "more") and not any(word.startswith("-") for word in over):
        options.more += over
    elif over:
        parser.error(f"unrecognized arguments: {' '.join(over)}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* (default: the process's) name, and return the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks "…" must not end a command
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = next((word for word in words if not word.startswith("-")), None)
    try:
        options = parse(make_parser(command), words)
        return int(options.run(options))
    except GslbError as error:
        # Problems of a file begin with their place, so that editors jump to it.
        print(error if hasattr(error, "problems") else f"gslb: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # `gslb … | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
