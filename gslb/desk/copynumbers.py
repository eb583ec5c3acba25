"""What is measured of the copies at other services, as values of `gslb.metrics`."""

from __future__ import annotations

from collections.abc import Iterable

from gslb.api.pushmodels import Copy, CopyWord
from gslb.metrics import Number, Values

_Labels = tuple[str, ...]


def copies(found: Iterable[Copy], now: float) -> Values:
    """Return how *found* stand at *now* (seconds since 1970)."""
    values: dict[str, dict[_Labels, Number]] = {}

    def put(name: str, value: float | None, *labels: str) -> None:
        if value is not None:
            values.setdefault(f"gslb_push_{name}", {})[labels] = float(value)

    for one in found:
        which = one.provider, one.zone, one.place
        for word in CopyWord:
            put("state", one.state is word, *which, word.value)
        for kind, count in one.runs.items():
            put("runs_total", count, *which, kind)
        for kind, count in one.changed.items():
            put("changes_total", count, *which, kind)
        put("generation", one.generation, *which, "wanted")
        put("generation", one.pushed, *which, "held")
        lag = 0.0 if one.behind_since is None else max(0.0, now - one.behind_since)
        put("lag_seconds", lag, *which)
        for kind, count in one.drift.items():
            put("drift_records", count, *which, kind)
        for kind, count in one.losses.items():
            put("losses", count, *which, kind)
        for kind, (used, allowed) in one.quota.items():
            put("quota_used_ratio", used / allowed if allowed else None, *which, kind)
        put("cost_usd_per_month", one.cost, *which)
        put("wrong_answers_ratio", one.wrong, *which)
        put("last_success_timestamp_seconds", one.succeeded_at, *which)
    return values
