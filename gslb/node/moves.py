"""What is told of endpoints that change: each change with the outcome that tipped it, as an event."""

from __future__ import annotations

from dataclasses import dataclass

from gslb.policy.names import name_text
from gslb.policy.plan import words_of
from gslb.state.board import Standing
from gslb.state.history import News
from gslb.state.inventory import CheckKey
from healthcheck.messages import Turn
from healthcheck.model import Status


@dataclass(frozen=True, slots=True)
class Move:
    """A standing that has changed."""

    key: CheckKey
    before: Standing
    after: Standing
    by_operator: bool
    cause: Turn | None


def news_of(move: Move) -> News:
    """Return *move* as an event: ``endpoint.down``, ``.up``, or ``.unknown``."""
    worst = next(
        s for s in (Status.DOWN, Status.UP, Status.UNKNOWN) if s in {move.after.v4, move.after.v6}
    )
    detail: dict[str, object] = {
        **_check(move.key),
        "v4": move.after.v4.value,
        "v6": move.after.v6.value,
        "before": {"v4": move.before.v4.value, "v6": move.before.v6.value},
        "detail": move.after.detail,
        "by_operator": move.by_operator,
    }
    if move.cause is not None:
        detail["outcome"] = {
            "verdict": move.cause.verdict.value,
            "kind": move.cause.kind.value,
            "detail": move.cause.detail,
            "seconds": move.cause.took,
        }
    return News(f"endpoint.{worst.value}", move.key[0], detail)


def news_of_held(key: CheckKey, why: str) -> News:
    """Return the event that *key* is down, and answered all the same for now."""
    return News("endpoint.held", key[0], {**_check(key), "why": why})


def _check(key: CheckKey) -> dict[str, object]:
    check = key[1]
    if check is None:
        return {}
    said: dict[str, object] = {"check": words_of(check), "every": check.every}
    if not check.parts:
        said |= {"check": check.type, "port": check.port, "path": check.path}
    return said if check.scope is None else {**said, "zone": name_text(check.scope)}
