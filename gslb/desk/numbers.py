"""What is measured of a node, as values of `gslb.metrics`; asked for at each scrape."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping

from gslb import __version__
from gslb.api.counts import RequestCounts
from gslb.api.drainmodels import Drain
from gslb.metrics import Histogram, Number, Values, one_hot
from gslb.node.child import Child
from gslb.node.children import Workers
from gslb.node.compilation import Compiled
from gslb.node.keeper import TableKeeper
from gslb.node.ledger import Ledger
from gslb.node.records import Records
from gslb.node.watch import Watch
from gslb.settings import Settings
from gslb.state.locations import site_and_zone
from gslb.state.tree import Node
from gslb.steering.labels import Labels
from gslb.steering.model import Reason
from healthcheck.votes import Doubt

_UNBELIEVING = {Reason.PANIC.value, Reason.FAIL_OPEN.value}
_Labels = tuple[str, ...]


def sources(
    settings: Settings,
    keeper: TableKeeper,
    watch: Watch,
    ledger: Ledger,
    records: Records,
    children: Workers,
) -> list[Callable[[], Values]]:
    """Return who has values of what is behind the desk."""
    files = ", ".join(map(str, settings.policies))
    return [
        lambda: policies(keeper.compiled, files),
        lambda: tables(keeper, records.troubles),
        lambda: workers(children.children),
        lambda: health(watch),
        lambda: audit(records.audited),
        ledger.values,
        lambda: panics(ledger.labels),
    ]


def program() -> Values:
    """Return what runs."""
    return {"gslb_build_info": {(__version__, platform.python_version()): 1.0}}


def policies(compiled: Compiled | None, source: str) -> Values:
    """Return which policies, from where, and which geography are in use."""
    if compiled is None:
        return {}
    v4, v6 = compiled.geo_ranges
    return {
        "gslb_policy_info": {(compiled.policy, source): 1.0},
        "gslb_geo_info": {(compiled.geo,): 1.0},
        "gslb_geo_ranges": {("4",): float(v4), ("6",): float(v6)},
    }


def tables(keeper: TableKeeper, troubles: Iterable[str]) -> Values:
    """Return which table is to be served, how that came, and what stands against it."""
    values: dict[str, Mapping[_Labels, Number]] = {
        "gslb_policy_reloads_total": {(how,): float(n) for how, n in keeper.reloads.items()},
        "gslb_trouble": {
            ("policies refused",): float(bool(keeper.refusal)),
            ("policies not compiled",): float(bool(keeper.failure)),
            ("change not served",): float(bool(keeper.stuck)),
            ("geography not renewed",): float(bool(keeper.unread)),
            ("records not kept",): float(any(True for _ in troubles)),
        },
    }
    if keeper.served is not None:
        values["gslb_table_generation"] = {(): float(keeper.served.generation)}
    if keeper.taken_up is not None:
        at = keeper.taken_up.timestamp()
        values["gslb_policy_last_success_timestamp_seconds"] = {(): at}
    return values


def workers(children: Iterable[Child]) -> Values:
    """Return what each worker serves and with what, and how often it had to be started again."""
    found = [(str(child.number), child) for child in children]
    return {
        "gslb_worker_generation": {(n,): float(child.generation) for n, child in found},
        "gslb_worker_dataplane": {
            (n, plane): float(child.dataplane == plane)
            for n, child in found
            for plane in ("fast", "python")
        },
        "gslb_worker_restarts_total": {(n,): float(child.restarts.count) for n, child in found},
    }


def health(watch: Watch) -> Values:
    """Return what checks have seen, what was made of it, and how the checker is."""
    checks: dict[_Labels, Number] = {}
    times: dict[_Labels, tuple[tuple[int, ...], float]] = {}
    for (type_, kind), (tries, took) in watch.counts.tries().items():
        checks[type_, kind.value] = float(sum(tries))
        known, before = times.get((type_,), ((0,) * len(tries), 0.0))
        times[(type_,)] = tuple(map(sum, zip(known, tries, strict=True))), before + took
    votes: dict[_Labels, Number] = {}
    for endpoint, said in watch.votes().items():
        for verdict, number in said.items():
            key = (*site_and_zone(endpoint), verdict)
            votes[key] = number + _number(votes.get(key))
    beat = watch.panel.own.heartbeat
    return {
        "gslb_health_checks_total": checks,
        "gslb_health_check_duration_seconds": {k: Histogram(*v) for k, v in times.items()},
        "gslb_health_transitions_total": {
            key: float(count) for key, count in watch.counts.transitions.items()
        },
        "gslb_health_votes": votes,
        "gslb_health_held_back": {(): float(len(watch.overlay.waiting))},
        "gslb_checker_up": {(): float(watch.panel.own.alive)} if watch.checks else {},
        "gslb_checker_doubt": {(): float(beat is not None and beat.doubt is not Doubt.NONE)},
        "gslb_checker_restarts_total": {(): float(watch.panel.own.restarts)},
    }


def panics(labels: Labels) -> Values:
    """Return for each record whether any of its clients is answered without regard to health."""
    active = dict.fromkeys(labels.records, 0.0)
    for choice, why in labels.reasons.items():
        if _UNBELIEVING & set(why.values()):
            active[labels.records[labels.choices[choice][0]]] = 1.0
    return {"gslb_panic_active": {(record,): state for record, state in active.items()}}


def swings(count: int) -> Values:
    """Return how often much of all answers moved at once."""
    return {"gslb_large_shifts_total": {(): float(count)}}


def audit(counts: Mapping[str, int]) -> Values:
    """Return what was written into the audit log."""
    return {"gslb_audit_events_total": {(what,): float(n) for what, n in counts.items()}}


def requests(counts: RequestCounts) -> Values:
    """Return what was asked over HTTP."""
    return {"gslb_http_requests_total": {kind: float(n) for kind, n in counts.by_kind.items()}}


def drains(held: Iterable[Drain]) -> Values:
    """Return the overrides that hold, by kind and location."""
    active: dict[_Labels, Number] = {}
    expiry: dict[_Labels, Number] = {}
    for one in held:
        key = one.kind.value, one.location
        active[key] = 1.0
        if one.expires is not None:
            expiry[key] = max(one.expires.timestamp(), _number(expiry.get(key)))
    return {"gslb_drain_active": active, "gslb_drain_expiry_timestamp_seconds": expiry}


def _number(value: Number | None) -> float:
    return value if isinstance(value, float) else 0.0


def endpoints(clouds: Iterable[Node], state_of: Callable[[Node], str]) -> Values:
    """Return the state of every zone and the capacity of every site."""
    states: dict[_Labels, Number] = {}
    weights: dict[_Labels, Number] = {}
    capacity: dict[_Labels, Number] = {}
    for site in (site for cloud in clouds for site in cloud.children):
        capacity[(site.path,)] = site.capacity
        for zone in site.children:
            location = site.path, zone.path.removeprefix(site.path + "/")
            states.update(one_hot(location, state_of(zone)))
            weights[location] = zone.capacity
    return {
        "gslb_endpoint_state": states,
        "gslb_endpoint_weight_ratio": weights,
        "gslb_site_capacity_ratio": capacity,
    }
