"""Google's error replies → what a push knows. Texts about access are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gslb.push.clouddns.wire import complained, complains_of_deletion
from gslb.push.objects import Change
from gslb.push.pace import Transient
from gslb.push.provider import Conflict, PushError, Refused, Throttled, Unavailable

MAX_MESSAGE = 600  # characters that are shown of one
_PATIENCE = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "servingLimitExceeded"})
GONE = (404, 410)


def understood(
    operation: str, status: int, answer: object, changes: Sequence[Change] = ()
) -> PushError:
    """Return an error reply as an error of a push; *changes*: of the batch.

    Args:
        operation: Google's name of it.
        status: of HTTP, 400 or above.
        answer: the body, if it was JSON.
        changes: empty: it was no batch.
    """
    reason, message = _said(answer)
    what = f"{operation}: {status} {reason}".rstrip()
    text = f"{what}: {message[:MAX_MESSAGE]}"
    if status == 429 or reason in _PATIENCE:
        return Throttled(what)
    if status >= 500:
        return Transient(what)
    if changes and (status in {409, 412} or complains_of_deletion(message)):
        return Conflict(text)
    if changes and status == 400 and ".healthCheck'" in message:
        return Conflict(text)  # a check has gone since the zone was read
    if reason == "quotaExceeded" or status in {400, 409, 412}:
        return Refused(text, complained(message, changes))
    return Unavailable(what)


def _said(answer: object) -> tuple[str, str]:
    """Return the reason and the message of an error reply."""
    error: Any = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return "", ""
    listed = error.get("errors") or [{}]
    return str(listed[0].get("reason", "")), str(error.get("message", ""))
