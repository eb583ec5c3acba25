"""Whole servers on either data plane: the same answers, and everybody can see which one runs."""

from __future__ import annotations

import socket
import threading

import dns.message
import pytest

from gslb.dataplane.fast import why_not
from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import Node

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(why_not()), reason="the compiled data plane is not built"),
]


@pytest.mark.parametrize("plane", ["fast", "python"])
def test_a_node_answers_and_says_by_what(node: Node, plane: str) -> None:
    """In the log, in `gslb status`; over UDP and TCP, before a reload and behind it."""
    node.start("--dataplane", plane)
    assert node.addresses_of() == node.addresses_of(tcp=True) == ["192.0.2.1"]
    node.write_policy("192.0.2.2")
    assert node.reload()[0] == 0
    assert node.addresses_of() == node.addresses_of(tcp=True) == ["192.0.2.2"]
    assert node.ask("id.server", "TXT").rcode() == 5
    assert {event["path"] for event in node.events("data plane")} == {plane}
    workers = node.status()["workers"]
    assert {worker["dataplane"] for worker in workers} == {plane}
    assert node.status()["queries"] == {"udp": 3, "tcp": 2}
    _, out, _ = node.gslb("status", "--state-directory", str(node.state))
    assert out.count(f"data plane {plane}") == 2


def test_the_compiled_one_is_taken_by_itself(node: Node) -> None:
    """`auto` is the default, and where it is built it runs."""
    node.start()
    assert {worker["dataplane"] for worker in node.status()["workers"]} == {"fast"}


def test_class_chaos_is_answered_by_python(node: Node) -> None:
    """What is declined costs a moment, not an answer."""
    node.start("--nsid", "fra1")
    query = dns.message.make_query("id.server", "TXT", "CH").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.sendto(query, ("127.0.0.1", node.port))
        response = dns.message.from_wire(client.recv(4096))
    assert str(response.answer[0][0]) == '"fra1"'


def test_udp_is_answered_while_tcp_is_flooded(node: Node) -> None:
    """The loop of UDP needs no lock that TCP holds: every query is answered, none waits for long."""
    node.workers = 1
    node.start("--dataplane", "fast")
    stop = threading.Event()
    query = dns.message.make_query("www.example.com", "A").to_wire()
    framed = (len(query).to_bytes(2, "big") + query) * 100

    def flood() -> None:
        while not stop.is_set():
            with socket.create_connection(
                ("127.0.0.1", node.port), timeout=PATIENCE_SECONDS
            ) as client:
                client.sendall(framed)
                while client.recv(65_536) and not stop.is_set():
                    client.sendall(framed)

    flooding = [threading.Thread(target=flood) for _ in range(2)]
    for thread in flooding:
        thread.start()
    try:
        for _ in range(200):
            assert node.addresses_of() == ["192.0.2.1"]
    finally:
        stop.set()
        for thread in flooding:
            thread.join(PATIENCE_SECONDS)
    assert node.status()["queries"]["tcp"] > 100
