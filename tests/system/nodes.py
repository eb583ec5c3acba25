"""Real servers on loopback: started, asked, hurt and watched; every wait has an end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dns.message
import dns.query

from gslb import control
from tests import bytecode
from tests.patience import PATIENCE_SECONDS
from tests.system.commands import commands

LOST_SECONDS = 20.0  # a query that has no answer by then was lost
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GSLB_")},
    **bytecode.ENVIRONMENT,
}
POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {{ns1.example.com: [192.0.2.53, "2001:db8::53"], ns2.example.com: [198.51.100.53]}}
  static: |
    mail A 192.0.2.25
sites:
  aws/us-east-1: {{zones: {{a: {{A: {address}}}}}}}
records:
  www.example.com: {{rules: [{{to: aws/us-east-1}}]}}
"""
_Value = TypeVar("_Value")


def until(
    look: Callable[[], _Value | None], what: str, seconds: float = PATIENCE_SECONDS
) -> _Value:
    """Return what *look* finds, looking again until it is something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)  # between two looks; what is looked for ends the wait


def free_port(*addresses: str) -> int:
    """Return a port that is free on all *addresses*, over UDP and TCP."""
    for _ in range(100):
        with contextlib.ExitStack() as held:
            port = 0
            try:
                for address in addresses or ("127.0.0.1",):
                    family = socket.AF_INET6 if ":" in address else socket.AF_INET
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        sock = held.enter_context(socket.socket(family, kind))
                        sock.bind((address, port))
                        port = sock.getsockname()[1]
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


@dataclass
class Node:
    """One state directory, one policy, and the `gslb serve` processes that run on them."""

    folder: Path
    addresses: tuple[str, ...] = ("127.0.0.1",)
    workers: int = 2
    port: int = 0
    program: tuple[str, ...] = ("-m", "gslb")
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port(*self.addresses)
        self.state = self.folder / "state"
        self.policy = self.folder / "policy.yaml"
        self.log = self.folder / "log"
        self.log.touch()
        self.write_policy("192.0.2.1")

    def write_policy(self, address: str) -> None:
        """Say that www.example.com has *address*."""
        self.policy.write_text(POLICY.format(address=address))

    def command(self, *more: str) -> list[str]:
        """Return the command line of `gslb serve`."""
        listen = [f"[{a}]:{self.port}" if ":" in a else f"{a}:{self.port}" for a in self.addresses]
        return [
            *(sys.executable, *self.program, "serve", "--state-directory", str(self.state)),
            *("--policies", str(self.policy), "--workers", str(self.workers)),
            *("--log-format", "json"),
            *(word for address in listen for word in ("--listen", address)),
            *more,
        ]

    def start(self, *more: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a server and wait until it says that it serves."""
        before = len(self.events("serving"))
        return self._until_serving(self.spawn(*more, **environment), before)

    def start_in(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start a server from *folder*, as an installed program does, and wait until it serves."""
        command = [sys.executable, "-P", *self.command()[1:]]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT, cwd=folder)
        self.processes.append(process)
        return self._until_serving(process, 0)

    def _until_serving(
        self, process: subprocess.Popen[bytes], before: int
    ) -> subprocess.Popen[bytes]:
        def serves() -> bool:
            assert process.poll() is None, self.log.read_text()
            return len(self.events("serving")) > before

        until(serves, "the server serves")
        return process

    def spawn(self, *more: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a server and wait for nothing."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command(*more), stdout=log, stderr=log, env={**ENVIRONMENT, **environment}
            )
        self.processes.append(process)
        return process

    def fail(self, *more: str) -> tuple[int, str]:
        """Run a server that must end by itself; return its exit code and what it said."""
        done = subprocess.run(
            self.command(*more),
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            env=ENVIRONMENT,
        )
        return done.returncode, done.stderr.decode()

    def gslb(
        self, *words: str, seconds: float = PATIENCE_SECONDS, **environment: str
    ) -> tuple[int, str, str]:
        """Run another command; return its exit code, output and errors."""
        return commands().run(words, {**ENVIRONMENT, **environment}, seconds)

    def reload(self) -> tuple[int, str, str]:
        """Run `gslb reload`."""
        return self.gslb("reload", "--state-directory", str(self.state))

    def replace(self, *more: str) -> tuple[int, str, str]:
        """Run `gslb replace`, which waits until another server serves."""
        words = ("replace", "--state-directory", str(self.state), *more)
        return self.gslb(*words, seconds=2 * PATIENCE_SECONDS)

    def status(self) -> dict[str, Any]:
        """Return what the server says of itself."""
        return control.ask(
            self.state / control.SUPERVISOR_SOCKET, {"do": "status"}, PATIENCE_SECONDS
        )

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log that tell of *event*."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [found for line in lines if (found := json.loads(line))["event"] == event]

    def ask(
        self,
        name: str = "www.example.com",
        rtype: str = "A",
        *,
        tcp: bool = False,
        address: str = "",
        seconds: float = LOST_SECONDS,
    ) -> dns.message.Message:
        """Return the response to a question."""
        query = dns.message.make_query(name, rtype, use_edns=0)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, address or self.addresses[0], port=self.port, timeout=seconds)

    def addresses_of(self, name: str = "www.example.com", **how: Any) -> list[str]:
        """Return the addresses that a name is answered with."""
        response = self.ask(name, **how)
        return sorted(str(rdata) for rrset in response.answer for rdata in rrset)

    def addresses_of_some(self) -> set[str]:
        """Return every address that some queries are answered with, as far as they are answered."""
        found: set[str] = set()
        for _ in range(8):
            with contextlib.suppress(dns.exception.Timeout, OSError):
                found |= set(self.addresses_of(seconds=0.3))
        return found

    def answers(self, address: str) -> bool:
        """Return whether every one of some queries is answered with *address* now."""
        return all(self.addresses_of() == [address] for _ in range(8))

    def await_answers(self, address: str) -> None:
        """Wait until every one of some queries is answered with *address*; nobody may serve yet."""

        def answered() -> bool:
            with contextlib.suppress(dns.exception.Timeout, OSError):
                return all(self.addresses_of(seconds=1.0) == [address] for _ in range(8))
            return False

        until(answered, f"{address} is answered")

    def stop(self) -> None:
        """End whatever still runs on this node."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_SECONDS)
            begun = children(process.pid)  # of one that hangs before it has told of them
            process.kill()
            process.wait()
            for worker in filter(_is_worker, begun):
                os.kill(worker, signal.SIGKILL)
        for successor in {e["new_pid"] for e in self.events("another version prepares itself")}:
            self._end(successor)
        for worker in {event["worker_pid"] for event in self.events("worker serves")}:
            if _is_worker(worker):
                os.kill(worker, signal.SIGKILL)

    def _end(self, pid: int) -> None:
        """End a server that replaced one of ours: it is not a child of ours."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if str(self.state).encode() in _command_line(pid) and is_alive(pid):
                os.kill(pid, number)
                with contextlib.suppress(AssertionError):
                    until(lambda: not is_alive(pid), "it has ended")


def _is_worker(pid: int) -> bool:
    return b"gslb.dataplane.worker" in _command_line(pid)


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def children(pid: int) -> set[int]:
    """Return the processes that one has started, whichever thread of it did."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for one in lists for child in one.read_text().split()}


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that is dead and not yet waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
