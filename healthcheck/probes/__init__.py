"""How each type of probe tries its target, ``tcp`` and ``http`` excepted (`healthcheck.streams`)."""

from __future__ import annotations

from collections.abc import Mapping

from healthcheck.probes.base import Attempt, CannotTryError, Found, Tools, Try
from healthcheck.probes.dns import try_dns
from healthcheck.probes.execute import try_exec
from healthcheck.probes.grpc import try_grpc
from healthcheck.probes.https import try_https
from healthcheck.probes.icmp import try_icmp
from healthcheck.probes.tls import try_tls

TRIES: Mapping[str, Try] = {
    "https": try_https,
    "tls": try_tls,
    "dns": try_dns,
    "grpc": try_grpc,
    "icmp": try_icmp,
    "exec": try_exec,
}

__all__ = ["TRIES", "Attempt", "CannotTryError", "Found", "Tools", "Try"]
