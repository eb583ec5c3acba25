"""The ``tls`` probe: a handshake with a certificate that holds for the name."""

from __future__ import annotations

import asyncio

from healthcheck.model import Kind
from healthcheck.probes.base import Attempt, Found, connect_tls

_SHAKEN = Found(Kind.OK, "TLS handshake")


async def try_tls(attempt: Attempt) -> Found:
    """Shake hands and close. Nothing is sent inside."""
    transport = await connect_tls(attempt, asyncio.Protocol)
    transport.abort()
    return _SHAKEN
