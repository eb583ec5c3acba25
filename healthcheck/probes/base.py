"""What all probes share: an attempt, what it found, and the words for what a socket says."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from healthcheck.model import Kind, Probe, Verdict

_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN})
_SHORT_OF_PORTS = frozenset({errno.EADDRNOTAVAIL, errno.EADDRINUSE})
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EAFNOSUPPORT, errno.EINVAL})
_FORBIDDEN = frozenset({errno.EPERM, errno.EACCES})
_SAYINGS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection closed",
    errno.EPIPE: "connection closed",
    errno.EHOSTUNREACH: "host unreachable",
}


class Found(NamedTuple):
    """How a try ended. *detail* is our own wording, never a peer's."""

    kind: Kind
    detail: str

    @property
    def verdict(self) -> Verdict:
        """What it says of the target."""
        if self.kind is Kind.OK:
            return Verdict.PASSED
        if self.kind is Kind.LATE or self.kind is Kind.LOCAL:
            return Verdict.UNKNOWN
        return Verdict.FAILED


class CannotTryError(Exception):
    """A probe cannot be run here, whatever its target does; the text says why."""


@dataclass(slots=True)
class Tools:
    """What tries have in common: TLS contexts by CA file, our name, what this node lets them do."""

    agent: str = "gslb-health"  # HTTP User-Agent
    may_execute: bool = False
    commands: int = 0  # of ``exec`` probes, under way now
    _contexts: dict[tuple[str, tuple[str, ...]], ssl.SSLContext] = field(default_factory=dict)

    def tls(self, ca_file: str = "", alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """Return the context that trusts the system's store, or *ca_file* alone.

        Raises:
            CannotTryError: the file cannot be read or has no certificate.
        """
        key = (ca_file, alpn)
        if key not in self._contexts:
            try:
                context = ssl.create_default_context(cafile=ca_file or None)
            except (OSError, ssl.SSLError) as error:
                raise CannotTryError("the CA file cannot be used") from error
            if alpn:
                context.set_alpn_protocols(list(alpn))
            self._contexts[key] = context
        return self._contexts[key]


@dataclass(slots=True)
class Attempt:
    """One try under way. `stage` is for people: what it was doing when time ran out."""

    probe: Probe
    tools: Tools
    stage: str = "connecting"

    def option(self, name: str, default: str = "") -> str:
        """Return a field that only this type of probe has."""
        return next((value for key, value in self.probe.extra if key == name), default)

    @property
    def server_name(self) -> str:
        """The name that the certificate must be for; an address where no name is given."""
        return self.probe.host or self.probe.address


Try = Callable[[Attempt], Awaitable[Found]]


def from_os_error(error: OSError, stage: str) -> Found:
    """Return what *error* of a socket call says of the target, or of ourselves.

    A host that a router reports unreachable is the target's failure; a network that we have no
    route to is ours.
    """
    number = error.errno or (errno.ECONNRESET if isinstance(error, ConnectionError) else 0)
    if number in _SHORTAGES:
        return Found(Kind.LOCAL, "this checker is out of descriptors or memory")
    if number in _SHORT_OF_PORTS:
        return Found(Kind.LOCAL, "this checker is out of local ports")
    if number in _NO_ROUTE:
        return Found(Kind.LOCAL, "no route from here")
    if number in _FORBIDDEN:
        return Found(Kind.LOCAL, "not permitted here")
    if number == errno.ETIMEDOUT:
        return Found(Kind.TIMEOUT, f"timed out while {stage}")
    if number in _SAYINGS:
        return Found(Kind.REFUSED, f"{_SAYINGS[number]} while {stage}")
    name = errno.errorcode.get(number, "unknown error")
    return Found(Kind.LOCAL, f"{name} while {stage}")


# By X509_V_ERR_* of OpenSSL.
_CERTIFICATE = {
    9: "certificate is not valid yet",
    10: "certificate has expired",
    18: "certificate is self-signed",
    19: "certificate chain ends in an unknown authority",
    20: "certificate is of an unknown authority",
    21: "certificate chain is incomplete",
    62: "certificate is for another name",
    63: "certificate is for another name",
    64: "certificate is for another address",
}


def from_tls_error(error: ssl.SSLError) -> Found:
    """Return what went wrong in a handshake: the certificate, or the handshake itself."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        return Found(Kind.TLS, _CERTIFICATE.get(code, f"certificate does not verify ({code})"))
    reason = (error.reason or "").replace("_", " ").lower()  # OpenSSL's own constants
    return Found(Kind.TLS, f"TLS handshake failed: {reason or 'no reason given'}")


@contextlib.contextmanager
def open_socket(attempt: Attempt, kind: socket.SocketKind) -> Iterator[socket.socket]:
    """Yield a non-blocking socket of the family of the probe's address. Raises OSError."""
    family = socket.AF_INET6 if ":" in attempt.probe.address else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.setblocking(False)
        yield sock


async def connect_tcp(
    attempt: Attempt, factory: Callable[[], asyncio.Protocol]
) -> asyncio.Transport:
    """Connect, and hand the connection to the protocol of *factory*. Raises OSError."""
    loop = asyncio.get_running_loop()
    probe = attempt.probe
    transport, _ = await loop.create_connection(factory, probe.address, probe.port)
    return transport


async def connect_tls(
    attempt: Attempt, factory: Callable[[], asyncio.Protocol], alpn: tuple[str, ...] = ()
) -> asyncio.Transport:
    """Connect, shake hands, verify; then hand the connection to the protocol of *factory*.

    Raises:
        OSError: of the connection; `ssl.SSLError` among them.
        CannotTryError: the CA file of the probe is not usable.
    """
    loop = asyncio.get_running_loop()
    probe = attempt.probe
    context = attempt.tools.tls(attempt.option("ca"), alpn)
    options: dict[str, Any] = {"ssl": context, "server_hostname": attempt.server_name}
    # The timeout of the try ends the handshake too; the loop's own only must not come first.
    options["ssl_handshake_timeout"] = probe.timeout + 1.0
    family = socket.AF_INET6 if ":" in probe.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, (probe.address, probe.port))
        attempt.stage = "shaking hands"
        transport, _ = await loop.create_connection(factory, sock=sock, **options)
    except BaseException:  # cancellation too: the loop owns the socket only when all went well
        sock.close()
        raise
    return transport
