"""What of its settings a node has to know before it can answer, and nothing else.

Made from the settings, or recalled from the last start (`gslb.node.remembered`): to load what reads
settings takes longer than all else on the way to the first answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gslb.dataplane.orders import Orders
from gslb.dataplane.settings import TcpSettings
from gslb.errors import GslbError
from gslb.listen import Listen, parse_listen

if TYPE_CHECKING:
    from gslb.settings import Settings

MIN_CONNECTIONS, MIN_PER_CLIENT = 64, 16  # TCP, of a worker, however many share the node's limits


@dataclass(frozen=True, slots=True)
class Outset:
    """Where a node keeps its state, where it listens, and what its workers are told."""

    state_directory: Path
    listen: tuple[Listen, ...]
    workers: int
    template: Orders  # number, sockets, table and secrets are filled in for each

    def orders(self, secrets: tuple[bytes, ...]) -> Orders:
        """Return what every worker is told, with the *secrets* of its cookies."""
        return replace(self.template, cookie_secrets=tuple(secret.hex() for secret in secrets))

    def to_data(self) -> dict[str, Any]:
        """Return this as JSON can hold it. There is no secret in it."""
        return {
            "state_directory": str(self.state_directory),
            "listen": [str(one) for one in self.listen],
            "workers": self.workers,
            "template": json.loads(self.template.to_json()),
        }

    @classmethod
    def from_data(cls, data: Any) -> Outset:
        """Return what `to_data` made *data* of. Raises GslbError."""
        try:
            return cls(
                Path(data["state_directory"]),
                tuple(parse_listen(text) for text in data["listen"]),
                int(data["workers"]),
                Orders.from_json(json.dumps(data["template"]).encode()),
            )
        except (TypeError, ValueError, KeyError) as error:
            raise GslbError(f"an outset cannot be read: {error}") from None


def outset_of(settings: Settings) -> Outset:
    """Return what a node with these *settings* begins with."""
    tcp = settings.tcp
    share = settings.workers
    template = Orders(
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
        cookie_secrets=(),
        errors_per_second=settings.rate.errors_per_second,
        responses_per_second=settings.rate.responses_per_second,
        log_level=settings.log.level,
        log_format=settings.log.format,
    )
    return Outset(settings.state_directory, settings.listen, settings.workers, template)
