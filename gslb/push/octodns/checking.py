"""Checks → octoDNS's `healthcheck`, which has a protocol, a host, a path and a port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gslb.policy.checks import DOWN_AFTER, EVERY, UP_AFTER, default_timeout
from gslb.policy.plan import Check, words_of
from gslb.push.octodns.model import CHECK_PATH

_PROTOCOLS = {"http": "HTTP", "https": "HTTPS", "tcp": "TCP", "icmp": "ICMP"}
_NEAREST = {"tls": "tcp", "grpc": "tcp"}


def check_words(checks: Sequence[Check | None]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return the check of a record whose sites have *checks*; what goes beside it; what is lost.

    The most frequent one is taken: octoDNS has one a record.
    """
    found = Counter(one for one in checks if one is not None)
    if not found:
        return {}, {}, []
    check = found.most_common(1)[0][0]
    why = [f"checked as the others are, not by {words_of(one)}" for one in found if one != check]
    if check.parts:
        why.append(f"{words_of(check)}: only its first probe, {words_of(check.leaves[0])}")
        check = check.leaves[0]
    kind = _NEAREST.get(check.type, check.type)
    if kind not in _PROTOCOLS:
        why.append(f"no checks of type {check.type}: octoDNS's own, HTTPS, stands in")
        return {}, {}, why
    if kind != check.type:
        why.append(f"{check.type} is checked by TCP alone")
    words: dict[str, Any] = {"protocol": _PROTOCOLS[kind]}
    if check.port is not None:
        words["port"] = check.port
    if kind in {"http", "https"}:
        words["path"] = check.path or CHECK_PATH
        if check.host:
            words["host"] = check.host
    more = _more(check, exact=kind == check.type)
    if more:
        why.append(f"of the check only protocol, host, path and port: not {', '.join(more)}")
    return words, more, why


def _more(check: Check, *, exact: bool) -> dict[str, Any]:
    """Return what octoDNS has no word for, in those of our language."""
    more: dict[str, Any] = {} if exact else {"type": check.type}
    times = {
        "every": (f"{check.every:g}s", f"{EVERY:g}s"),
        "timeout": (f"{check.timeout:g}s", f"{default_timeout(check.every):g}s"),
        "down_after": (check.down_after, DOWN_AFTER),
        "up_after": (check.up_after, UP_AFTER),
    }
    more |= {key: value for key, (value, usual) in times.items() if value != usual}
    if check.expect and check.expect != ((200, 200),):
        more["expect"] = ",".join(f"{a}-{b}" if a != b else str(a) for a, b in check.expect)
    if check.body:
        more["body"] = check.body
    if check.target:
        more["target"] = check.target
    if check.quorum:
        more["quorum"] = "/".join(map(str, check.quorum))
    if check.vantage:
        more["from"] = list(check.vantage)
    for key, value in check.extra:
        if key in {"ca", "service"}:
            more[key] = value
        elif key == "tls":
            more[key] = True
    return more
