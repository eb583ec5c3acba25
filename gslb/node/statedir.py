"""The state directory: one supervisor at a time, and the secrets that a node makes for itself."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import Self

from gslb.errors import GslbError
from gslb.logs import Log

SECRET_OCTETS = 16  # of a server cookie's key, RFC 9018 §4.4
MAX_SECRETS = 8  # lines; rotation needs three

_log = Log(__name__)


class LockedError(GslbError):
    """Another gslb runs on a state directory."""


class StateDirectory:
    """A folder that is ours until this process ends or `close` is called."""

    def __init__(self, path: Path) -> None:
        """Make *path* if need be and lock it. Raises LockedError, or GslbError, in one line."""
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise GslbError(
                f"cannot use the state directory {path}: {error.strerror}"
                " (choose another with --state-directory)"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip()
            os.close(self._lock)
            raise LockedError(
                f"another gslb (pid {holder or 'unknown'}) runs on the state directory {path}"
            ) from None
        self.sign()

    @classmethod
    def adopt(cls, path: Path, lock: int) -> Self:
        """Return the folder at *path*, whose lock another process has passed on as a descriptor."""
        adopted = cls.__new__(cls)
        adopted.path, adopted._lock = path, lock
        adopted.sign()
        return adopted

    @property
    def lock(self) -> int:
        """The descriptor that is locked, for passing on: the lock goes with the last copy of it."""
        return self._lock

    def sign(self) -> None:
        """Write down who runs here."""
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let the next one in."""
        os.close(self._lock)

    def cookie_secrets(self) -> tuple[bytes, ...]:
        """Return the secrets of DNS cookies, made once: 32 hexadecimal digits a line.

        The first issues and all verify, so that nodes of one anycast address share and rotate them
        by copying the file (RFC 9018 §5). Raises GslbError.
        """
        path = self.path / "cookie-secrets"
        try:
            if not path.exists():
                _write_private(path, os.urandom(SECRET_OCTETS).hex() + "\n")
            lines = path.read_text().split()
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                _log.warning("secret is readable by others", file=str(path), wanted_mode="0600")
            found = tuple(bytes.fromhex(line) for line in lines)
        except (OSError, ValueError) as error:
            raise GslbError(f"cannot read the cookie secrets {path}: {error}") from None
        if not 1 <= len(found) <= MAX_SECRETS or any(len(one) != SECRET_OCTETS for one in found):
            raise GslbError(
                f"{path}: 1 to {MAX_SECRETS} lines of {2 * SECRET_OCTETS} hexadecimal digits wanted"
            )
        return found


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    fresh.rename(path)
