"""Opening sockets: nobody else's address is taken, and each trouble is said in words."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from gslb.listen import DEFAULT_LISTEN, Listen
from gslb.node.sockets import UDP_BUFFER_OCTETS, claim, open_shared, without_missing_ipv6


def free_listen() -> Listen:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return Listen(address="127.0.0.1", port=sock.getsockname()[1])


def failing(code: int, *, at: str = "bind") -> type[socket.socket]:
    """Return a kind of socket that cannot be made, or bound."""

    class Failing(socket.socket):
        def __init__(self, family: int, kind: int) -> None:
            if at == "make":
                raise OSError(code, os.strerror(code))
            super().__init__(family, kind)

        def bind(self, address: object, /) -> None:
            raise OSError(code, os.strerror(code))

    return Failing


def test_workers_share_an_address_that_is_ours() -> None:
    """Any number of sockets of each kind can be opened for one address."""
    listen = free_listen()
    assert claim([listen]) == ([listen], [])
    opened = [open_shared(kind, listen) for kind in ("udp", "tcp") for _ in range(3)]
    for one in opened:
        assert one.sock.getsockname() == ("127.0.0.1", listen.port)
        assert not one.sock.getblocking()
        one.sock.close()


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_an_address_that_somebody_shares_is_not_ours(kind: str) -> None:
    """SO_REUSEPORT on both sides would let it pass; the bind without it does not."""
    listen = free_listen()
    other = open_shared("udp" if kind == "udp" else "tcp", listen)
    good, troubles = claim([listen])
    other.sock.close()
    assert good == []
    (trouble,) = troubles
    assert str(trouble) == (
        f"cannot listen on {listen} ({kind.upper()}): the port is in use by another program;"
        f" `ss -lnp sport = :{listen.port}` shows which"
    )


def test_every_address_is_tried() -> None:
    """One that cannot be had does not hide the next."""
    good, troubles = claim(
        [
            Listen(address="198.51.100.1", port=5300),
            free_listen(),
            Listen(address="203.0.113.1", port=5300),
        ]
    )
    assert len(good) == 1
    assert len(troubles) == 2
    assert all("no such address" in str(trouble) for trouble in troubles)


@pytest.mark.parametrize(
    ("code", "address", "says"),
    [
        (errno.EACCES, "192.0.2.1", "CAP_NET_BIND_SERVICE"),
        (errno.EPERM, "192.0.2.1", "--listen 127.0.0.1:5300"),
        (errno.EADDRINUSE, "0.0.0.0", "systemd-resolved"),
        (errno.EADDRINUSE, "192.0.2.1", "ss -lnp"),
        (errno.EADDRNOTAVAIL, "192.0.2.1", "no such address"),
        (errno.EAFNOSUPPORT, "2001:db8::1", "no IPv6"),
        (errno.ENOBUFS, "192.0.2.1", os.strerror(errno.ENOBUFS)),
    ],
)
def test_each_trouble_says_what_to_do(code: int, address: str, says: str) -> None:
    """The text names the address and the remedy, in one line."""
    _, (trouble,) = claim([Listen(address=address, port=53)], failing(code))
    assert says in str(trouble)
    assert address in str(trouble)
    assert "\n" not in str(trouble)


def test_only_the_default_ipv6_address_may_be_missing() -> None:
    """A machine without IPv6 serves by IPv4; an address that was asked for is a trouble."""
    missing = failing(errno.EAFNOSUPPORT, at="make")
    _, troubles = claim([DEFAULT_LISTEN[1]], missing)
    assert len(troubles) == 1
    assert without_missing_ipv6(troubles) == []
    _, troubles = claim([Listen(address="2001:db8::1", port=53)], missing)
    assert without_missing_ipv6(troubles) == troubles
    _, troubles = claim([DEFAULT_LISTEN[1]], failing(errno.EADDRINUSE))
    assert without_missing_ipv6(troubles) == troubles


@pytest.mark.parametrize("privileged", [True, False])
def test_a_udp_socket_has_as_large_a_buffer_as_it_may(privileged: bool) -> None:
    """More than the system's limit with the privilege; without it what an option of ours may ask for."""
    wanted = []

    class Recording(socket.socket):
        def setsockopt(self, level: int, option: int, value: int) -> None:  # type: ignore[override]
            if value == UDP_BUFFER_OCTETS:
                wanted.append(option)
                if not privileged and option != socket.SO_RCVBUF:
                    raise OSError(errno.EPERM, os.strerror(errno.EPERM))
                option = socket.SO_RCVBUF
            super().setsockopt(level, option, value)

    opened = open_shared("udp", free_listen(), Recording)
    opened.sock.close()
    forced = wanted[0]
    assert forced != socket.SO_RCVBUF
    assert wanted == ([forced] if privileged else [forced, socket.SO_RCVBUF])
