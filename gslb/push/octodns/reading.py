"""octoDNS zone file → `Zone`: what octoDNS refuses is refused here, all at once, each at its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gslb.policy.problems import Problem, Severity
from gslb.policy.wording import shown
from gslb.policy.yamltext import Limits, Reader
from gslb.push.octodns.model import CHECK_PATH, CHECK_PORT, STEERED, Check, Dynamic, Record, Zone
from gslb.push.octodns.nodes import Node
from gslb.push.octodns.pools import read_pools, read_rules
from gslb.push.octodns.values import CARRIED, SINGLE

DEFAULT_TTL = 3600  # seconds, where a record has none: what octoDNS's YamlProvider takes
MAX_NAMES = 1_000_000  # in one zone
MAX_TTL = 2**31 - 1  # seconds, RFC 2181 §8
_PROTOCOLS = ("HTTP", "HTTPS", "TCP", "ICMP", "UDP")
_RECORD = frozenset({"type", "ttl", "value", "values", "dynamic", "octodns", "geo"})
_META = frozenset({"healthcheck", "route53", "gslb", "lenient", "ignored", "included", "excluded"})
_CHECK = frozenset({"protocol", "host", "path", "port"})
_ROUTE53 = frozenset({"request_interval", "failure_threshold"})
_LABEL = re.compile(r"[^.\s]{1,63}")


def read_zone(path: Path, octets: bytes, zone: str) -> tuple[Zone | None, list[Problem]]:
    """Return what the file says of *zone* (no final dot), and every problem; None: it is no YAML.

    Warnings name what is left out. With errors among the problems the zone lacks records.
    """
    reader = Reader(Limits(entries=MAX_NAMES), empty_keys=True)
    parsed = reader.read(path, octets)
    if parsed is None:
        return None, reader.problems
    top = Node(reader, parsed.data, parsed.places)
    if not isinstance(top.value, dict):
        top.error("E270", f"a zone file is a mapping of names, not {shown(top.value)}")
        return None, reader.problems
    records = []
    for name, node in top.items():
        types = set[str]()
        for entry in node.entries():
            record = _record(name, entry, zone)
            if record is None:
                continue
            if record.rtype in types:
                entry.error("E270", f"{record.name}: a second record of type {record.rtype}")
                continue
            types.add(record.rtype)
            records.append(record)
        if "CNAME" in types and len(types) > 1:
            node.error("E270", f'"{name}": a CNAME stands alone (RFC 1034 §3.6.2)')
    return Zone(zone, tuple(records), top.where), reader.problems


def _record(name: str, node: Node, zone: str) -> Record | None:
    if not isinstance(node.value, dict):
        node.error("E270", f'"{name}": a record is a mapping, not {shown(node.value)}')
        return None
    absolute = f"{name}.{zone}" if name else zone
    if name and (name == "@" or not all(_LABEL.fullmatch(label) for label in name.split("."))):
        hint = 'names are relative to the zone; the apex is ""'
        node.error("E273", f'"{name}" is not the name of a record', hint)
        return None
    rtype = node.plain("type")
    if not isinstance(rtype, str):
        node.error("E270", f"{absolute}: the record has no type")
        return None
    meta = node.get("octodns") or Node(node.reader, {}, node.places)
    if meta.plain("ignored") is True:
        node.reader.problems.append(
            Problem(node.where, "W361", f"{absolute} {rtype}: octoDNS ignores it", Severity.WARNING)
        )
        return None
    dynamic = node.get("dynamic")
    if rtype not in CARRIED or (dynamic is not None and rtype not in STEERED):
        text = f"{absolute}: {'dynamic ' if dynamic else ''}{rtype} is not carried over"
        node.reader.problems.append(Problem(node.where, "W361", text, Severity.WARNING))
        return None
    node.unknown(_RECORD, absolute)
    if (geo := node.get("geo")) is not None:
        text = f"{absolute}: the deprecated geo is not carried over, only the plain values"
        geo.loss("W360", text, "dynamic is what replaced it")
    meta.unknown(_META, f"{absolute}: octodns")
    for key in ("included", "excluded"):
        if (targets := meta.get(key)) is not None:
            targets.loss("W360", f"{absolute}: {key} names providers of octoDNS; it is served here")
    return Record(
        name=absolute,
        owner=name or "@",
        rtype=rtype,
        ttl=_ttl(node, absolute),
        values=tuple(_values(node, rtype, absolute)),
        dynamic=None if dynamic is None else _dynamic(dynamic, meta, rtype, absolute),
        ours=_ours(meta),
        where=node.where,
    )


def _ttl(node: Node, name: str) -> int:
    given = node.get("ttl")
    if given is None:
        return DEFAULT_TTL
    if not _whole(given.value, 0, MAX_TTL):
        given.error("E270", f"{name}: a TTL is a number of seconds, not {shown(given.value)}")
        return DEFAULT_TTL
    return int(given.value)


def _values(node: Node, rtype: str, name: str) -> Iterable[tuple[Any, Any]]:
    given = node.get("value") if rtype in SINGLE else None
    given = given or node.get("values") or node.get("value")
    entries = list(given.entries()) if given is not None else []
    if not entries:
        node.error("E270", f"{name} {rtype}: no values")
    return [(one.value, one.where) for one in entries]


def _dynamic(node: Node, meta: Node, rtype: str, name: str) -> Dynamic | None:
    before = _errors(node.reader)
    if not isinstance(node.value, dict):
        node.error("E271", f"{name}: dynamic has pools and rules")
        return None
    node.unknown(frozenset({"pools", "rules"}), f"{name}: dynamic")
    pools = read_pools(node, rtype, name)
    rules = read_rules(node, pools, name)
    check = _check(meta, name)
    if _errors(node.reader) > before:
        return None
    return Dynamic(pools, rules, check)


def _errors(reader: Reader) -> int:
    return sum(1 for one in reader.problems if one.severity is Severity.ERROR)


def _check(meta: Node, name: str) -> Check:
    node = meta.get("healthcheck") or Node(meta.reader, {}, meta.places)
    node.unknown(_CHECK, f"{name}: healthcheck")
    protocol, port = node.plain("protocol", "HTTPS"), node.plain("port", CHECK_PORT)
    path, host = node.plain("path", CHECK_PATH), node.plain("host")
    if protocol not in _PROTOCOLS:
        node.error("E271", f"{name}: {shown(protocol)} is not one of {', '.join(_PROTOCOLS)}")
    if not _whole(port, 1, 65535):
        node.error("E271", f"{name}: {shown(port)} is not a port")
    if not (isinstance(path, str) and path.isascii() and path.isprintable()):
        node.error("E271", f"{name}: {shown(path)} is not a path")
        path = CHECK_PATH
    if not (host is None or isinstance(host, str)):
        node.error("E271", f"{name}: {shown(host)} is not a host name")
    if isinstance(node.value, dict) and "host" in node.value and host is None:
        text = f"{name}: probes with each value as their Host are not made; the Host is the name"
        node.reader.problems.append(Problem(node.where, "W360", text, Severity.WARNING))
    route53 = (meta.get("route53") or Node(meta.reader, {}, meta.places)).get("healthcheck")
    interval = threshold = None
    if route53 is not None:
        route53.unknown(_ROUTE53, f"{name}: route53.healthcheck")
        interval, threshold = (
            route53.plain(key) for key in ("request_interval", "failure_threshold")
        )
        if not (interval is None or _whole(interval, 1, 86_400)):
            route53.error("E271", f"{name}: {shown(interval)} is not an interval in seconds")
        if not (threshold is None or _whole(threshold, 1, 10)):
            route53.error("E271", f"{name}: {shown(threshold)} is not a threshold from 1 to 10")
    slashed = path if path.startswith("/") else f"/{path}"
    return Check(protocol, host, slashed, port, interval, threshold)


def _ours(meta: Node) -> Mapping[str, Any]:
    found = meta.plain("gslb", {})
    return found if isinstance(found, dict) else {}


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
