"""The first line that a remote checker says: who it is, and its token. Read before anything else is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from healthcheck.messages import VERSION, MessageError
from healthcheck.votes import MAX_NAME

MAX_HELLO = 1024  # octets, the newline included: strangers may say no more


@dataclass(frozen=True, slots=True)
class Hello:
    """Who wants to be heard."""

    name: str  # of the checker, and of its token
    token: str = field(repr=False)


def hello_line(hello: Hello) -> bytes:
    """Return *hello* as a line. Raises MessageError if it is too long."""
    value = {"v": VERSION, "type": "hello", "name": hello.name, "token": hello.token}
    line = json.dumps(value, separators=(",", ":")).encode() + b"\n"
    if len(line) > MAX_HELLO:
        raise MessageError(f"a hello of more than {MAX_HELLO} octets")
    return line


def read_hello(line: bytes) -> Hello:
    """Return what a stranger said. Raises MessageError, which quotes none of it."""
    if len(line) > MAX_HELLO or not line.endswith(b"\n"):
        raise MessageError("not one short line")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MessageError("not JSON") from error
    if not isinstance(value, dict) or value.get("type") != "hello":
        raise MessageError("not a hello")
    if value.get("v") != VERSION or isinstance(value.get("v"), bool):
        raise MessageError(f"only version {VERSION} of messages is understood")
    name, token = value.get("name"), value.get("token")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise MessageError(f"name is a printable one of 1 to {MAX_NAME} characters")
    if not isinstance(token, str):
        raise MessageError("token is a text")
    return Hello(name, token)
