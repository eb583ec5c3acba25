"""How a node stands, as JSON values: what `gslb status` shows."""

from __future__ import annotations

from gslb import __version__
from gslb.control import Message
from gslb.desk.desk import Desk
from gslb.node.keeper import TableKeeper
from gslb.node.ledger import Ledger
from gslb.node.records import Records
from gslb.node.watch import Watch
from gslb.settings import Settings


def standing(
    settings: Settings,
    keeper: TableKeeper,
    watch: Watch,
    ledger: Ledger,
    records: Records,
    desk: Desk,
) -> Message:
    """Return what is served and known, and what is wrong. What is not known yet is None."""
    compiled = keeper.compiled
    return {
        "version": __version__,
        "listen": [str(listen) for listen in settings.listen],
        "state_directory": str(settings.state_directory),
        "generation": keeper.served.generation if keeper.served else 0,
        "table": str(keeper.served.path) if keeper.served else "",
        "table_octets": compiled.octets if compiled else None,
        "policy": compiled.policy if compiled else None,
        "zones": list(compiled.zones) if compiled else None,
        "names": compiled.names if compiled else None,
        "geo": compiled.geo if compiled else None,
        "geo_alarms": list(compiled.geo_alarms) if compiled else [],
        "warnings": compiled.warning_count if compiled else 0,
        "notes": [*watch.notes(), *watch.panel.alarms()],
        "health": watch.status(),
        "refused": keeper.refusal,
        "failed": keeper.failures,
        "queries": ledger.totals().sums("gslb_dns_requests_total", "proto"),
        "drains": [one.model_dump(mode="json") for one in desk.held()],
        "file_drains": [
            {"location": path, **drain.model_dump(mode="json")}
            for path, drain in desk.file_drains()
        ],
        "records": list(records.troubles),
    }
