"""Who may do what: scopes, callers, and the ways to tell who is calling."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from aiohttp import web

from gslb.api.backoff import Backoff, network_of
from gslb.api.problems import ApiProblem
from gslb.api.services import UnavailableError
from gslb.errors import GslbError
from gslb.logs import Log

_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED
SOCKET = "socket"  # `Caller.via` of who came over the Unix socket
_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 6750 §2.1

_log = Log(__name__)


class Scope(StrEnum):
    """What a token lets its holder do."""

    READ = "read"
    DRAIN = "drain"
    POLICY = "policy"
    ADMIN = "admin"
    AGENT = "agent"  # no caller of the API: a remote checker


# Who changes something must be able to see what he does.
_IMPLIED = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.DRAIN: frozenset({Scope.DRAIN, Scope.READ}),
    Scope.POLICY: frozenset({Scope.POLICY, Scope.READ}),
    Scope.ADMIN: frozenset(Scope) - {Scope.AGENT},
    Scope.AGENT: frozenset({Scope.AGENT}),
}


def everything_in(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return *scopes* and all that they include."""
    return frozenset().union(*(_IMPLIED[scope] for scope in scopes))


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has shown who he is."""

    name: str
    via: str  # "token 1f2e3d4c5b6a" or "socket": unlike the name it is never another's
    scopes: frozenset[Scope]  # with what they include
    address: str = ""


class Access(Protocol):
    """A way to tell who is calling."""

    def admit(self, request: web.Request) -> Caller:
        """Return who sent *request*. Raises ApiProblem: 401, 429 or 503."""
        ...

    def still(self, caller: Caller) -> bool:
        """Return whether *caller* would still be admitted; streams ask now and then."""
        ...


class Bearer(Protocol):
    """A token, as far as access goes (`gslb.api.tokens`)."""

    @property
    def name(self) -> str:
        """Whose it is."""
        ...

    @property
    def id(self) -> str:
        """What it is called in logs; not secret."""
        ...

    @property
    def scopes(self) -> frozenset[Scope]:
        """What it is for."""
        ...


class Tokens(Protocol):
    """Where tokens are known."""

    def find(self, text: str, now: datetime) -> Bearer | None:
        """Return the token that *text* is; None: unknown or expired. Raises GslbError."""
        ...

    def valid(self, token: str, now: datetime) -> bool:
        """Return whether the token with this id still counts. Raises GslbError."""
        ...


class TokenAccess:
    """Bearer tokens (RFC 6750); too many wrong ones, and the network they come from has to wait."""

    def __init__(
        self, tokens: Tokens, now: Callable[[], datetime], clock: Callable[[], float]
    ) -> None:
        """Know *tokens*; *now* is wall time (aware), *clock* monotonic seconds."""
        self._tokens = tokens
        self._now = now
        self._clock = clock
        self._backoff = Backoff()

    def admit(self, request: web.Request) -> Caller:
        """Return whose token *request* carries. Raises ApiProblem."""
        address = request.remote or ""
        network = network_of(address)
        wait = self._backoff.seconds_left(network, self._clock())
        if wait > 0:
            raise ApiProblem(
                429,
                "Too many wrong tokens came from this network.",
                headers={"Retry-After": str(int(wait) + 1)},
            )
        headers = request.headers.getall("Authorization", [])
        if not headers:
            raise _unauthorized("A bearer token is wanted.", "")
        text = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
        try:
            token = self._tokens.find(text[1], self._now()) if text else None
        except GslbError as error:
            _log.error("tokens cannot be read", error=str(error))
            raise UnavailableError("Tokens cannot be checked now.") from None
        if token is None:
            self._backoff.failed(network, self._clock())
            _log.warning("token refused", client=network)
            raise _unauthorized("The token is not valid.", ', error="invalid_token"')
        return Caller(token.name, f"token {token.id}", everything_in(token.scopes), address)

    def still(self, caller: Caller) -> bool:
        """Return whether the caller's token has neither expired nor been revoked."""
        try:
            return self._tokens.valid(caller.via.removeprefix("token "), self._now())
        except GslbError:
            return False


def _unauthorized(detail: str, error: str) -> ApiProblem:
    return ApiProblem(401, detail, headers={"WWW-Authenticate": f'Bearer realm="gslb"{error}'})


class SocketAccess:
    """The Unix socket: file permissions say who may connect, the kernel says who did."""

    def __init__(self, users: Iterable[int]) -> None:
        """Let in processes of these *users* (uid)."""
        self._users = frozenset(users)

    def admit(self, request: web.Request) -> Caller:
        """Return which user's process sent *request*. Raises ApiProblem."""
        transport = request.transport
        sock = transport.get_extra_info("socket") if transport is not None else None
        if sock is None or sock.family != socket.AF_UNIX:
            raise _unauthorized("This is for the local socket only.", "")
        octets = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        _, user, _ = _PEER_CREDENTIALS.unpack(octets)
        if user not in self._users:
            raise _unauthorized("This user may not use the local socket.", "")
        return Caller(f"uid {user}", SOCKET, frozenset(Scope))

    def still(self, caller: Caller) -> bool:
        """Return True: what the kernel said of a connection does not change."""
        return caller.via == SOCKET
