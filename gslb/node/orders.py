"""What every worker is told, from the node's settings."""

from __future__ import annotations

from gslb.dataplane.orders import Orders
from gslb.dataplane.settings import TcpSettings
from gslb.settings import Settings

MIN_CONNECTIONS, MIN_PER_CLIENT = 64, 16  # TCP, of a worker, however many share the node's limits


def orders(settings: Settings, secrets: tuple[bytes, ...]) -> Orders:
    """Return what every worker is told; number, sockets and table are filled in for each."""
    tcp = settings.tcp
    share = settings.workers
    return Orders(
        number=0,
        table="",
        generation=0,
        control=-1,
        sockets=(),
        counters=(),
        dataplane=settings.dataplane,
        tcp=TcpSettings(
            max_connections=max(MIN_CONNECTIONS, tcp.max_connections // share),
            max_per_client=max(MIN_PER_CLIENT, tcp.max_per_client // share),
            max_queries=tcp.max_queries,
            max_unanswered=tcp.max_unanswered,
            first_seconds=tcp.first_seconds,
            message_seconds=tcp.message_seconds,
            idle_seconds=tcp.idle_seconds,
        ),
        nsid=settings.nsid,
        version=None,
        ecs_max4=settings.ecs.max_prefix4,
        ecs_max6=settings.ecs.max_prefix6,
        cookie_secrets=tuple(secret.hex() for secret in secrets),
        errors_per_second=settings.rate.errors_per_second,
        responses_per_second=settings.rate.responses_per_second,
        log_level=settings.log.level,
        log_format=settings.log.format,
    )
