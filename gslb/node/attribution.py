"""Words of a block made into counters with labels: which zone, record, rule, site and reason it was.

Reasons change with the situation and the words do not tell when; so whoever holds blocks adds them
up at each change of labels. Workers are ahead of that by some milliseconds: what leads to a site
that only the coming labels have was answered after the change, the rest counts as before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import dns.rcode

from gslb.answers.table import AnswerTable
from gslb.dataplane import counters
from gslb.dataplane.counters import Client, Declined, Dropped, Event
from gslb.node.blocks import Block, Words
from gslb.node.totals import Totals
from gslb.policy.names import name_text
from gslb.steering.labels import NONE, OTHER, Labels, Place, Why, no_labels
from gslb.steering.records import targets_of

_EVENTS = {
    Event.TRUNCATED: ("gslb_dns_truncated_total", ()),
    Event.LIMITED: ("gslb_dns_limited_total", ("real",)),
    Event.LIMITED_DRY: ("gslb_dns_limited_total", ("dry",)),
    Event.TRAILING: ("gslb_dns_trailing_total", ()),
    Event.UNKNOWN_FAMILY: ("gslb_dns_unknown_ecs_family_total", ()),
    Event.FAILED: ("gslb_dns_failures_total", ()),
    Event.OPENED: ("gslb_dns_tcp_connections_total", ("opened",)),
    Event.REFUSED: ("gslb_dns_tcp_connections_total", ("refused",)),
    Event.EVICTED: ("gslb_dns_tcp_connections_total", ("evicted",)),
    Event.EXPIRED: ("gslb_dns_tcp_connections_total", ("expired",)),
    Event.UNSENT: ("gslb_dns_unsent_total", ()),
}
_TYPES = (*counters.TYPES, "other")
_FAMILIES = ("4", "6")
_RCODES = (
    *(dns.rcode.to_text(dns.rcode.Rcode.make(n)) for n in range(counters.OTHER_RCODE)),
    "other",
)


@dataclass(slots=True)
class Legend:
    """What the numbers of one generation of the table stand for."""

    table: AnswerTable | None  # None: it is not on disk any more
    labels: Labels = field(default_factory=no_labels)
    coming: Mapping[int, Why] = field(default_factory=dict)  # reasons, while `labels` are changed
    _targets: dict[int, tuple[bytes, ...]] = field(default_factory=dict)  # by body

    def zone(self, row: int, zones: int) -> str:
        """Return the zone of a *row* of a block in which *zones* have their own."""
        if row > zones:
            return NONE
        if self.table is None or row == zones:
            return OTHER
        return name_text(self.table.zones[row].apex)

    def record(self, choice: int) -> tuple[str, str]:
        """Return record and rule of a choice."""
        if choice >= len(self.labels.choices):
            return OTHER, OTHER
        record, rule = self.labels.choices[choice]
        return self.labels.records[record], rule

    def places(self, choice: int, body: int) -> tuple[Place, ...]:
        """Return the places that an answer leads to, all of one site, each once."""
        found = [p for t in self._of_body(body) for p in self.labels.places.get(t, ())]
        coming = self.coming.get(choice, {})
        sites = [site for site in (*self.labels.reasons.get(choice, ()), *coming) if site]
        if not found:  # an answer that names no address, as HTTPS without hints
            return ((sites[0], NONE),) if body and len(sites) == 1 else ((NONE, NONE),)
        site = next((p[0] for p in found if p[0] in sites), found[0][0])
        return tuple(dict.fromkeys(place for place in found if place[0] == site))

    def reason(self, choice: int, site: str) -> str:
        """Return why *site* is in an answer by this choice."""
        why = self.labels.reasons.get(choice)
        if not why:
            return OTHER
        return why.get(site) or self.coming.get(choice, {}).get(site) or next(iter(why.values()))

    def _of_body(self, body: int) -> tuple[bytes, ...]:
        known = self._targets.get(body)
        if known is None:
            known = self._targets[body] = self._parsed(body)
        return known

    def _parsed(self, body: int) -> tuple[bytes, ...]:
        if self.table is None or not body:
            return ()
        parsed = self.table.body(body)
        # Only the name of a CNAME is shortened to an apex; which zone's, the body does not say.
        zones = self.table.zones if parsed.fixups else self.table.zones[:1]
        found = (target for zone in zones for target in targets_of(parsed, zone.apex))
        return tuple(dict.fromkeys(found))


def attribute(block: Block, legend: Legend) -> None:
    """Add what was counted in *block* since the last time to its totals."""
    added, now = block.news()
    _fixed(block, added)
    _rows(block, added, legend)
    _answers(block, added, now, legend)


def _fixed(block: Block, added: Words) -> None:
    totals, proto = block.totals, (block.transport.value,)
    for name, first in (
        ("gslb_dns_request_size_bytes", counters.REQUEST_SIZES),
        ("gslb_dns_response_size_bytes", counters.RESPONSE_SIZES),
    ):
        totals.add(name, proto, added[first : first + counters.SIZES + 1].tolist())
    for name, words, first in (
        ("gslb_dns_dropped_total", Dropped, counters.DROPPED),
        ("gslb_dns_client_source_total", Client, counters.CLIENTS),
        ("gslb_dns_declined_total", Declined, counters.DECLINED),
    ):
        for word in words:
            totals.add(name, (word.name.lower(),), [int(added[first + word])])
    for event, (name, labels) in _EVENTS.items():
        totals.add(name, labels, [int(added[counters.EVENTS + event])])


def _rows(block: Block, added: Words, legend: Legend) -> None:
    totals = block.totals
    for row in range(block.zones + 2):
        start = counters.ROWS + row * counters.ROW
        words = added[start : start + counters.ROW].tolist()
        if not any(words):
            continue
        zone = legend.zone(row, block.zones)
        for family, name in enumerate(_FAMILIES):
            for bucket, rtype in enumerate(_TYPES):
                count = words[counters.REQUESTS + family * counters.TYPE_BUCKETS + bucket]
                if count:
                    labels = (zone, block.transport.value, name, rtype)
                    totals.add("gslb_dns_requests_total", labels, [count])
        for rcode, word in enumerate(_RCODES):
            count = words[counters.RESPONSES + rcode]
            if count:
                totals.add("gslb_dns_responses_total", (zone, word), [count])
        times = words[counters.DURATION : counters.NANOSECONDS + 1]
        totals.add("gslb_dns_request_duration_seconds", (zone,), times)


def _answers(block: Block, added: Words, now: Words, legend: Legend) -> None:
    start = counters.answers_at(block.zones)
    behind = start + (counters.ENTRY << block.hash_bits)
    keys, counts = now[start:behind:2], added[start + 1 : behind : 2]
    for at in counts.nonzero()[0].tolist():
        key, count = int(keys[at]), int(counts[at])
        _answered(block.totals, legend, (key >> 32) - 1, key & 0xFFFF_FFFF, count)
    lost = int(added[counters.EVENTS + Event.OVERFLOW])
    if lost:
        _add_answers(block.totals, (OTHER, OTHER), ((OTHER, OTHER),), OTHER, lost)


def _answered(totals: Totals, legend: Legend, choice: int, body: int, count: int) -> None:
    places = legend.places(choice, body)
    reason = legend.reason(choice, places[0][0])
    _add_answers(totals, legend.record(choice), places, reason, count)


def _add_answers(
    totals: Totals, record: tuple[str, str], places: tuple[Place, ...], reason: str, count: int
) -> None:
    totals.add("gslb_answers_total", (*record, places[0][0]), [count])
    for place in places:
        totals.add("gslb_answers_zone_total", place, [count])
    totals.add("gslb_decisions_total", (record[0], reason), [count])
