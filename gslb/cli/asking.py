"""Asking a running server; and where nobody answers, saying what is there and what to do."""

from __future__ import annotations

from typing import Any

from gslb import control
from gslb.control import Message, NobodyThereError
from gslb.node.takeover import look_for_workers
from gslb.settings import Settings


class SupervisorGoneError(NobodyThereError):
    """The supervisor is gone, and its workers still answer queries."""

    def __init__(self, settings: Settings, workers: list[Message]) -> None:
        """Take what each worker said."""
        self.workers = workers
        self.state_directory = settings.state_directory
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        which = ", ".join(
            f"pid {worker.get('pid')} (generation {worker.get('generation')})"
            for worker in self.workers
        )
        count = len(self.workers)
        here = f"--state-directory {self.state_directory}"
        return [
            f"the supervisor is gone; {count} of its workers still answer queries: {which}",
            f"gslb: to take over without losing a query: gslb serve {here}, with the other options as before",
            f"gslb: to end the workers: gslb stop {here}",
        ]


def ask_supervisor(settings: Settings, request: Message, seconds: float) -> dict[str, Any]:
    """Return the answer of the server on the settings' state directory.

    Raises:
        SupervisorGoneError: only workers of an earlier one are there.
        ControlError: nobody is there, or nobody answers.
    """
    path = settings.state_directory / control.SUPERVISOR_SOCKET
    try:
        return control.ask(path, request, seconds)
    except NobodyThereError as nobody:
        workers = look_for_workers(settings.state_directory)
        if workers:
            raise SupervisorGoneError(settings, workers) from None
        raise nobody_there(nobody) from None


def nobody_there(nobody: NobodyThereError) -> NobodyThereError:
    """Return what to tell a person when nothing listens on a socket of the state directory."""
    return NobodyThereError(
        f"{nobody}: does the server run (gslb serve), and on this state directory?"
        " (--state-directory FOLDER names another)"
    )
