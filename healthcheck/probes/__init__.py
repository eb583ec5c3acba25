"""How each type of probe tries its target: one connection a try, nothing kept between tries."""

from __future__ import annotations

from collections.abc import Mapping

from healthcheck.probes.base import Attempt, CannotTryError, Found, Tools, Try
from healthcheck.probes.dns import try_dns
from healthcheck.probes.execute import try_exec
from healthcheck.probes.grpc import try_grpc
from healthcheck.probes.http import try_http
from healthcheck.probes.icmp import try_icmp
from healthcheck.probes.tcp import try_tcp
from healthcheck.probes.tls import try_tls

TRIES: Mapping[str, Try] = {
    "tcp": try_tcp,
    "http": try_http,
    "https": try_http,
    "tls": try_tls,
    "dns": try_dns,
    "grpc": try_grpc,
    "icmp": try_icmp,
    "exec": try_exec,
}

__all__ = ["TRIES", "Attempt", "CannotTryError", "Found", "Tools", "Try"]
