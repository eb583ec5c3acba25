"""API tokens: made here, shown once, kept as hashes in a file of the state directory."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gslb.api.access import Scope
from gslb.errors import GslbError

FILE_NAME = "api-tokens.json"  # in the state directory
PREFIX = "gslb_"  # what scanners for leaked secrets look for
SECRET_OCTETS = 20  # 160 bits; ASVS 11.5.1 wants 128
MAX_DAYS = 90  # that a token is valid
MAX_TOKENS = 1024
MAX_FILE = 1 << 20  # octets
ID_DIGITS = 12  # of a token's hash, hexadecimal: what it is called in lists and logs

_FORM = re.compile(rf"{PREFIX}[0-9a-f]{{{2 * SECRET_OCTETS}}}[0-9a-f]{{8}}")


class TokenError(GslbError):
    """The token file cannot be used, or a token not be made."""


class Token(BaseModel):
    """What is known of a token; not the token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][\w.@ -]*$")]
    scopes: frozenset[Scope] = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created: AwareDatetime
    expires: AwareDatetime

    @property
    def id(self) -> str:
        """What it is called; says nothing about the secret."""
        return self.sha256[:ID_DIGITS]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: tuple[Token, ...] = Field(max_length=MAX_TOKENS)


def new_token(random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return a fresh token: prefix, secret, CRC-32 of both, so that a typing error is told apart."""
    body = PREFIX + random(SECRET_OCTETS).hex()
    return body + _checksum(body)


def well_formed(text: str) -> bool:
    """Return whether *text* has the form of a token, checksum included."""
    return _FORM.fullmatch(text) is not None and hmac.compare_digest(
        _checksum(text[:-8]), text[-8:]
    )


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _hash(text: str) -> str:
    # A random secret of 160 bits cannot be guessed from its hash, so nothing slow is needed.
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Version:
    """What tells one content of a file from another without reading it."""

    inode: int
    changed: int
    size: int


class TokenFile:
    """The tokens that a file holds. A change of the file counts at once, here and elsewhere."""

    def __init__(self, path: Path) -> None:
        """Use the file at *path*; there need be none yet."""
        self.path = path
        self.last_used: dict[str, datetime] = {}  # by id; since this process began
        self._version: _Version | None = None
        self._tokens: tuple[Token, ...] = ()

    def tokens(self) -> tuple[Token, ...]:
        """Return every token, expired ones too. Raises TokenError."""
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                version = _Version(found.st_ino, found.st_mtime_ns, found.st_size)
                if version == self._version:
                    return self._tokens
                self._version = None
                if stat.S_IMODE(found.st_mode) & 0o077:
                    raise TokenError(f"{self.path}: others may read it; mode 0600 is wanted")
                octets = file.read(MAX_FILE + 1)
        except FileNotFoundError:
            self._version, self._tokens = None, ()
            return ()
        except OSError as error:
            raise TokenError(f"cannot read {self.path}: {error.strerror}") from None
        self._tokens = self._parsed(octets)
        self._version = version
        return self._tokens

    def _parsed(self, octets: bytes) -> tuple[Token, ...]:
        if len(octets) > MAX_FILE:
            raise TokenError(f"{self.path}: more than {MAX_FILE >> 20} MiB")
        try:
            return _File.model_validate_json(octets).tokens
        except ValidationError:
            # The error's own text would quote the file.
            raise TokenError(f"{self.path}: not a file of API tokens") from None

    def find(self, text: str, now: datetime) -> Token | None:
        """Return the token that *text* is; None: unknown or expired. Raises TokenError."""
        if not well_formed(text):
            return None
        wanted = _hash(text)
        found = None
        for token in self.tokens():  # all of them: the time taken tells nothing
            if hmac.compare_digest(token.sha256, wanted):
                found = token
        if found is None or found.expires <= now:
            return None
        self.last_used[found.id] = now
        return found

    def valid(self, token: str, now: datetime) -> bool:
        """Return whether the token with this id is there and has not expired. Raises TokenError."""
        return any(one.id == token and one.expires > now for one in self.tokens())

    def create(
        self, name: str, scopes: Iterable[Scope], days: float, now: datetime
    ) -> tuple[str, Token]:
        """Make a token, and return it (this once) with what is kept of it. Raises TokenError."""
        if not 0 < days <= MAX_DAYS:
            raise TokenError(f"a token is valid for {MAX_DAYS} days at most")
        text = new_token()
        try:
            token = Token(
                name=name,
                scopes=frozenset(scopes),
                sha256=_hash(text),
                created=now,
                expires=now + timedelta(days=days),
            )
        except ValidationError as error:
            wrong = ", ".join(str(one["loc"][0]) for one in error.errors())
            raise TokenError(f"no token can have this {wrong}") from None
        with self._alone():
            kept = tuple(one for one in self.tokens() if one.expires > now)
            if len(kept) >= MAX_TOKENS:
                raise TokenError(f"{MAX_TOKENS} tokens are valid already; revoke one")
            self._write((*kept, token))
        return text, token

    def revoke(self, token: str) -> Token:
        """Forget the token with this id; it ends at once. Raises TokenError."""
        with self._alone():
            tokens = self.tokens()
            gone = next((one for one in tokens if one.id == token), None)
            if gone is None:
                raise TokenError(f'no token has the id "{token}"; gslb token list shows the ids')
            self._write(tuple(one for one in tokens if one is not gone))
        self.last_used.pop(token, None)
        return gone

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the right to write."""
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TokenError(f"cannot write {lock}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, tokens: tuple[Token, ...]) -> None:
        fresh = self.path.with_name(self.path.name + ".new")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(_File(tokens=tokens).model_dump_json(indent=1).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError as error:
            raise TokenError(f"cannot write {self.path}: {error.strerror}") from None
