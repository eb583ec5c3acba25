"""An address and port: one to answer on (over UDP and TCP), or a resolver's; and the text of one.

Kept apart from the settings, whose reading takes longer than a worker's start.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listen:
    """An address and port."""

    address: str  # without brackets; IPv6 in its shortest form
    port: int  # 1 to 65535

    @property
    def ipv6(self) -> bool:
        """Whether the address is an IPv6 one."""
        return ":" in self.address

    @property
    def wildcard(self) -> bool:
        """Whether this means every address of the machine."""
        return self.address in {"0.0.0.0", "::"}  # noqa: S104 - a comparison, not a bind

    def __str__(self) -> str:
        """Return ``192.0.2.1:53`` or ``[2001:db8::1]:53``."""
        return f"[{self.address}]:{self.port}" if self.ipv6 else f"{self.address}:{self.port}"


def parse_listen(text: object, usual_port: int = 53) -> Listen:
    """Return the `Listen` that *text* means, or is; ``:53`` may be left out. Raises ValueError."""
    if isinstance(text, Listen):
        return text
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not an address and port such as 192.0.2.1:53")
    host, port = text, str(usual_port)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not an address and port such as [2001:db8::1]:53")
        port = rest[1:] if rest else port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    elif text.count(":") > 1:
        raise ValueError(f"an IPv6 address goes in brackets: {_bracketed(text)}")
    alone = text.removeprefix(":")
    if alone.isascii() and alone.isdecimal():
        raise ValueError(
            f"{text!r} has no address; write 0.0.0.0:{alone} for all IPv4 addresses of the machine,"
            f" [::]:{alone} for IPv6"
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(
            f"{host!r} is not an IP address (host names are not looked up here)"
        ) from None
    if not (port.isascii() and port.isdecimal() and 1 <= int(port[:6]) <= 65535):
        raise ValueError(f"{port!r} is not a port (1 to 65535)")
    return Listen(address=str(address), port=int(port))


def _bracketed(text: str) -> str:
    """Return what somebody may have meant by an IPv6 address without brackets."""
    whole = f"[{text}]:53"
    host, _, port = text.rpartition(":")
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return whole
    return f"[{host}]:{port}" if not _is_address(text) else f"[{host}]:{port}, or {whole}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


DEFAULT_LISTEN = (
    Listen(address="0.0.0.0", port=53),  # noqa: S104 - a name server is there for everybody
    Listen(address="::", port=53),
)
