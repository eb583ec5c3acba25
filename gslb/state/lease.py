"""Who may push, and the numbers that tell a late push from a new one.

Whatever is written to a provider carries a fencing number. Numbers only rise, whoever hands them
out; a writer that was slow and finds a higher one there must not write (failures F06). A node
alone holds its lease as long as it owns its state directory. Several nodes will share one: the
interface is that of a lease which can be lost at any time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gslb.errors import GslbError

FILE_NAME = "push-lease.json"
MAX_NUMBER = 10**15  # far beyond the seconds of any clock; a file that says more is damaged


class LeaseError(GslbError):
    """No number can be had: the lease is another's, or a number could not be kept."""


class Lease(Protocol):
    """The right to push, for now."""

    @property
    def held(self) -> bool:
        """Whether it is ours; another may have it at the next moment."""
        ...

    def number(self) -> int:
        """Return a fencing number above every one before, of any holder. Raises LeaseError."""
        ...


class OwnLease:
    """The lease of a node alone: the owner of the state directory has it."""

    held = True

    def __init__(self, directory: Path, now: Callable[[], datetime]) -> None:
        """Keep the last number in *directory*; *now* is wall time (aware)."""
        self._path = directory / FILE_NAME
        self._now = now
        self._last: int | None = None  # None: not read yet

    def number(self) -> int:
        """Return the seconds since 1970, or one more than the last number if that is higher.

        So a node whose state directory is lost goes on above what it gave out before. The number
        is on the disk before it is used. Raises LeaseError.
        """
        if self._last is None:
            self._last = self._read()
        number = max(self._last + 1, int(self._now().timestamp()))
        self._write(number)
        self._last = number
        return number

    def _read(self) -> int:
        try:
            said = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise LeaseError(f"{self._path}: {error}") from None
        number = said.get("number") if isinstance(said, dict) else None
        if not isinstance(number, int) or not 0 <= number <= MAX_NUMBER:
            raise LeaseError(f"{self._path} holds no number; remove it to begin by the clock")
        return number

    def _write(self, number: int) -> None:
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.write(json.dumps({"number": number}).encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise LeaseError(f"{self._path}: {error.strerror}") from None
