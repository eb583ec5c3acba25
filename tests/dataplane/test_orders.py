"""How orders get to a worker, with their descriptors."""

from __future__ import annotations

import dataclasses
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from gslb.dataplane.orders import PASSED_AT_ONCE, Orders, Passed, give, receive
from gslb.errors import GslbError
from tests.dataplane.test_worker import ORDERS


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        yield ours, theirs


def naming(descriptors: list[int]) -> Orders:
    """Return orders that name *descriptors*, all but three of them as sockets'."""
    control, udp, tcp, *rest = descriptors
    sockets = tuple(Passed("udp", "192.0.2.1:53", one) for one in rest)
    return dataclasses.replace(ORDERS, control=control, counters=(udp, tcp), sockets=sockets)


@pytest.mark.parametrize("count", [3, 4, PASSED_AT_ONCE, 2 * PASSED_AT_ONCE + 5])
def test_orders_come_with_copies_of_what_they_name(
    ends: tuple[socket.socket, socket.socket], count: int
) -> None:
    """Each descriptor is the file that it was, whatever its number; no child inherits it."""
    held = [os.memfd_create(f"number {n}") for n in range(count)]
    orders = naming(held)
    giving = threading.Thread(target=give, args=(ends[0], orders))
    giving.start()
    got = receive(ends[1])
    giving.join()
    assert got is not None
    assert got.renumbered(held) == orders
    for mine, theirs in zip(got.descriptors, held, strict=True):
        assert os.fstat(mine).st_ino == os.fstat(theirs).st_ino
        assert not os.get_inheritable(mine)
    for descriptor in (*got.descriptors, *held):
        os.close(descriptor)


def test_who_is_not_wanted_hears_nothing(ends: tuple[socket.socket, socket.socket]) -> None:
    """The supervisor has no use for it, or has died."""
    ends[0].close()
    assert receive(ends[1]) is None


@pytest.mark.parametrize("octets", [b" ", b"{", b"[]", b"\xff"])
def test_orders_that_were_cut_short_are_no_orders(
    ends: tuple[socket.socket, socket.socket], octets: bytes
) -> None:
    ends[0].sendall(octets)
    ends[0].close()
    with pytest.raises(GslbError, match="orders cannot be read"):
        receive(ends[1])


def test_orders_without_their_descriptors_are_refused(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ends[0].sendall(naming([0, 1, 2, 3]).to_json())
    ends[0].close()
    with pytest.raises(GslbError, match="do not name the descriptors"):
        receive(ends[1])


def test_as_many_numbers_as_descriptors_are_wanted() -> None:
    with pytest.raises(GslbError, match="2 descriptors came, not 5"):
        ORDERS.renumbered([1, 2])
