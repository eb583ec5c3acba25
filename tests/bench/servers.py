"""Yardsticks for the responder: a bare UDP loop in Python, and a plain server on dnslib.

    python -m tests.bench.servers bare|dnslib PORT

Both answer ``static.bench.test A``; they are measured in the same run as the product, so that the
ratio says something on any machine.
"""

from __future__ import annotations

import socket
import sys

import dnslib


def bare(sock: socket.socket) -> None:
    """Send each query back with one answer appended: what the interpreter and kernel cost alone."""
    answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\xc0\x00\x02\x63"
    while True:
        message, client = sock.recvfrom(2048)
        end = message.index(b"\0", 12) + 5
        header = message[:2] + b"\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00"
        sock.sendto(header + message[12:end] + answer, client)


def plain_dnslib(sock: socket.socket) -> None:
    """Answer as the library's own examples do: parse, reply object, pack."""
    data = dnslib.A("192.0.2.99")
    while True:
        message, client = sock.recvfrom(2048)
        query = dnslib.DNSRecord.parse(message)
        reply = query.reply()
        reply.add_answer(dnslib.RR(query.q.qname, dnslib.QTYPE.A, rdata=data, ttl=30))
        sock.sendto(reply.pack(), client)


def main() -> None:
    """Serve until killed."""
    kind, port = sys.argv[1:]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind(("127.0.0.1", int(port)))
    {"bare": bare, "dnslib": plain_dnslib}[kind](sock)


if __name__ == "__main__":
    main()
