"""``gslb status``: say what a running server does."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from gslb.cli.asking import SupervisorGoneError, ask_supervisor
from gslb.cli.drains import lines as drain_lines
from gslb.cli.options import add_place_options, given_settings
from gslb.cli.push import copy_lines
from gslb.node.configuration import read_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

STATUS_SECONDS = 10.0
EXIT_SUPERVISOR_GONE = 3


def add_parser(commands: Commands) -> None:
    """Add ``status`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "status",
        help="say what a running server does",
        description="Say what a running server does. Exit codes: 0 all is served, 1 the newest"
        " policies are refused or could not be put into service, or nobody is there, 3 the"
        " supervisor is gone and its workers go on answering.",
    )
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the status. Return 1 if the newest is not served, 3 if only workers are there."""
    settings = read_settings(options.config, given_settings(options))
    try:
        status = ask_supervisor(settings, {"do": "status"}, STATUS_SECONDS)
    except SupervisorGoneError as gone:
        if options.json:
            print(json.dumps({"supervisor": None, "workers": gone.workers}, indent=2))
        print(f"gslb: {gone}", file=sys.stderr)
        return EXIT_SUPERVISOR_GONE
    print(json.dumps(status, indent=2) if options.json else "\n".join(describe(status)))
    return 1 if status["refused"] or status["failed"] else 0


def describe(status: dict[str, Any]) -> list[str]:
    """Return *status* as lines for people."""
    lines = [
        f"gslb {status['version']}  pid {status['pid']}  up {_span(status['uptime_seconds'])}",
        f"listen      {', '.join(status['listen'])}",
        f"generation  {status['generation']}  ({status['table']})",
    ]
    if status["policy"] is None:
        lines.append(f"policy      {_uncompiled(status)}")
    else:
        lines.append(f"policy      {status['policy']}  {contents(status)}")
        if status["warnings"]:
            lines.append(f"warnings    {status['warnings']}; gslb check shows them")
        lines.append(f"geography   {status['geo']}")
        lines += [f"            {alarm}" for alarm in status["geo_alarms"]]
        lines += health(status["health"])
        lines += [f"note        {note}" for note in status["notes"]]
    drained = list(drain_lines(status["drains"], status["file_drains"]))
    lines += [f"{'drained' if n == 0 else '':<12}{line}" for n, line in enumerate(drained)]
    lines += [f"{'copies' if n == 0 else '':<12}{line}"
              for n, line in enumerate(copy_lines(status["copies"]))]  # fmt: skip
    lines += [f"RECORDS     {trouble}" for trouble in status["records"]]
    for worker in status["workers"]:
        state = "serves" if worker["serving"] else "DOWN"
        lines.append(
            f"worker {worker['worker']:<4} {state}  pid {worker['pid']}"
            f"  data plane {worker.get('dataplane', '-')}"
            f"  generation {worker.get('generation', '-')}  restarts {worker['restarts']}"
        )
    queries = status["queries"]
    lines.append(f"queries     {queries.get('udp', 0)} UDP, {queries.get('tcp', 0)} TCP in all")
    if status["refused"]:
        lines.append("REFUSED     the newest policies are not served:")
        lines += [f"  {line}" for line in status["refused"]]
    if status["failed"]:
        lines.append("FAILED      the newest state is not served, though nothing is wrong with it:")
        lines += [f"  {line}" for line in status["failed"]]
    return lines


def health(said: dict[str, Any]) -> list[str]:
    """Return how the endpoints stand, and whether anybody looks at them."""
    ends = said["endpoints"]
    states = ", ".join(f"{ends[state]} {state}" for state in ("up", "down", "unknown", "drained"))
    lines = [f"endpoints   {states}"]
    if said["held_back"]:
        lines.append(f"            {said['held_back']} changes wait: not too much goes at once")
    if not said["checks"]:
        return [*lines, "checks      none: every endpoint counts as up"]
    return [*lines, f"checks      {_checks(said)}", *map(_agent, said["agents"])]


def _uncompiled(status: dict[str, Any]) -> str:
    """Return why there are no policies, for one who has just started the server, or broken it."""
    answers = "the last table on disk answers" if status["table"] else "nothing is answered yet"
    if status["refused"] or status["failed"]:
        return f"not compiled in this run; {answers}"
    return f"compiling policies…; meanwhile {answers}"


def _checks(said: dict[str, Any]) -> str:
    """Return how many probes are run, and how the one who runs them is."""
    probes, left_out, checker = said["checks"], said["not_run"], said["checker"]
    words = f"{probes} probe{'' if probes == 1 else 's'}"
    if left_out == probes:
        return f"{words}, none of them run here (see the note): what they would see counts as up"
    if left_out:
        words += f", {left_out} of them not run here (see the note)"
    if checker["starting"]:
        return f"{words}; the checker starts, the first checks are under way"
    if not said["ready"]:
        words += "; the first checks are under way"
    state = "runs" if checker["alive"] else "DOES NOT RUN; what it saw last holds for now"
    doubt = f", doubts itself ({checker['doubt']})" if checker["doubt"] else ""
    counts = f"restarts {checker['restarts']}"
    if not left_out:  # what is left out is completed, too, as far as the checker counts
        counts += f"  completed {checker['completed']}"
    return f"{words}; the checker {state}{doubt}  {counts}"


def _agent(agent: dict[str, Any]) -> str:
    state = "votes" if agent["alive"] else "SILENT"
    doubt = f", doubts itself ({agent['doubt']})" if agent["doubt"] else ""
    return f"agent       {agent['name']}  {state}{doubt}  completed {agent['completed']}"


def contents(said: dict[str, Any]) -> str:
    """Return how many names are served, of which zones."""
    names = f"{said['names']} name{'' if said['names'] == 1 else 's'}"
    return f"{names} in {', '.join(said['zones'])}"


def _span(seconds: float) -> str:
    """Return a duration in its two largest units: 3 d 4 h, 5 min 6 s."""
    left = int(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
