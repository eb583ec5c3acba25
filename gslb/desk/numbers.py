"""What is measured of a node, as values of `gslb.metrics`; asked for at each scrape."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dns.rcode

from gslb import __version__
from gslb.api.counts import RequestCounts
from gslb.api.models import Drain
from gslb.metrics import Number, Values, one_hot
from gslb.node.compilation import Compiled
from gslb.state.tree import Node

_Labels = tuple[str, ...]


class WorkerTotals:
    """Counters of all workers together, which go on when one of them is started again."""

    def __init__(self) -> None:
        """Nothing has been counted."""
        self._ended: Counter[_Labels] = Counter()  # of workers that are gone
        self._running: dict[int, tuple[object, Counter[_Labels]]] = {}  # by number: pid, counts

    def take(self, said: Iterable[Mapping[str, Any]]) -> None:
        """Note what each worker says of itself; one that is silent keeps what it said last."""
        for one in said:
            if not one.get("serving"):
                continue
            number, pid = one["worker"], one["pid"]
            known = self._running.get(number)
            if known is not None and known[0] != pid:
                self._ended.update(known[1])
            self._running[number] = pid, _counts(one)

    def ended(self) -> list[list[Any]]:
        """Return what workers that are gone have counted, as JSON values."""
        return [[*kind, count] for kind, count in self._ended.items()]

    def inherit(self, ended: Iterable[Sequence[Any]], last: Iterable[Mapping[str, Any]]) -> None:
        """Count on from the workers of another program: what was *ended* there, and *last* words.

        Raises ValueError: it is none of ours.
        """
        for *kind, count in ended:
            self._ended[tuple(map(str, kind))] += int(count)
        for said in last:
            self._ended.update(_counts(said))

    def values(self) -> Values:
        """Return them by metric. What workers do not tell apart has an empty label."""
        total = Counter(self._ended)
        for _, counts in self._running.values():
            total.update(counts)
        values: dict[str, dict[_Labels, Number]] = {}
        for (metric, *labels), count in total.items():
            values.setdefault(metric, {})[tuple(labels)] = float(count)
        return values


def _counts(said: Mapping[str, Any]) -> Counter[_Labels]:
    """Return the counters of one worker, by metric and labels."""
    found: Counter[_Labels] = Counter()
    for proto in ("udp", "tcp"):
        counts = said.get(proto, {})
        found["gslb_dns_requests_total", "", proto, "", ""] += counts.get("received", 0)
        found["gslb_dns_dropped_total", "no answer due"] += counts.get("silent", 0)
        found["gslb_dns_dropped_total", "not sent"] += counts.get("unsent", 0)
    for rcode, count in said.get("rcodes", {}).items():
        word = dns.rcode.to_text(dns.rcode.Rcode.make(int(rcode)))
        found["gslb_dns_responses_total", "", word] += count
    return found


def program() -> Values:
    """Return what runs."""
    return {"gslb_build_info": {(__version__, "", platform.python_version()): 1.0}}


def policies(compiled: Compiled | None) -> Values:
    """Return which policies and which geography are in use."""
    if compiled is None:
        return {}
    return {
        "gslb_policy_info": {(compiled.policy, ""): 1.0},
        "gslb_geo_info": {(compiled.geo, ""): 1.0},
    }


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
            expiry[key] = max(one.expires.timestamp(), _seconds(expiry.get(key)))
    return {"gslb_drain_active": active, "gslb_drain_expiry_timestamp_seconds": expiry}


def _seconds(value: Number | None) -> float:
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
