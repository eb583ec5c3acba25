"""The ``tcp`` probe: something accepts connections."""

from __future__ import annotations

import asyncio

from healthcheck.model import Kind
from healthcheck.probes.base import Attempt, Found, connect_tcp

_CONNECTED = Found(Kind.OK, "connected")


async def try_tcp(attempt: Attempt) -> Found:
    """Connect and close. Nothing is sent or read."""
    transport = await connect_tcp(attempt, asyncio.Protocol)
    transport.abort()
    return _CONNECTED
