"""What botocore raises → what a push knows. Messages that may hold identities are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gslb.push.objects import Change
from gslb.push.pace import Transient
from gslb.push.provider import Conflict, PushError, Refused, Throttled, Unavailable
from gslb.push.route53.wire import complained, raced

MAX_MESSAGE = 600  # characters that are shown of one
_PATIENCE = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded",
     "RequestThrottled", "RequestThrottledException", "TooManyRequestsException", "SlowDown",
     "PriorRequestNotComplete"}
)  # fmt: skip
# What was read is not there any more, or what was not is: read again.
_GONE = frozenset(
    {"NoSuchHealthCheck", "NoSuchCidrCollectionException", "NoSuchCidrLocationException",
     "CidrCollectionAlreadyExistsException",
     "CidrCollectionVersionMismatchException", "ConcurrentModification"}
)  # fmt: skip
_AWAY = frozenset(
    {"NoSuchHostedZone", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId",
     "UnrecognizedClientException", "SignatureDoesNotMatch", "IncompleteSignature",
     "MissingAuthenticationToken", "AuthFailure", "OptInRequired", "RequestExpired"}
)  # fmt: skip

NO_CREDENTIALS = (
    "no credentials: boto3 looks for AWS_ACCESS_KEY_ID (and its secret) in the environment,"
    " ~/.aws/credentials, and the machine's role"
)


def understood(operation: str, error: Exception, changes: Sequence[Change] = ()) -> PushError:
    """Return *error* of boto3 or botocore as one of a push; *changes*: of the batch."""
    reply: Any = getattr(error, "response", None)
    if not isinstance(reply, dict):
        return _without_reply(operation, error)
    code = str(reply.get("Error", {}).get("Code", ""))
    status = reply.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = str(reply.get("Error", {}).get("Message", ""))
    what = f"{operation}: {code}"
    if code in _PATIENCE or status == 429:
        return Throttled(what)
    if status >= 500:
        return Transient(what)
    if code in _GONE:
        return Conflict(what)
    if code in _AWAY or status in {401, 403}:
        return Unavailable(what)
    text = f"{what}: {message[:MAX_MESSAGE]}"
    if code == "InvalidChangeBatch" and raced(message):
        return Conflict(text)
    return Refused(text, sorted(set(complained(message, changes))))


def _without_reply(operation: str, error: Exception) -> PushError:
    import botocore.exceptions as known  # noqa: PLC0415  an extra: imported only where it is used

    kind = type(error).__name__
    if isinstance(error, (known.HTTPClientError, known.ConnectionError)):
        return Transient(f"{operation}: no reply ({kind})")
    if isinstance(error, known.ParamValidationError):
        return Refused(f"{operation}: {str(error)[:MAX_MESSAGE]}")
    if isinstance(error, (known.NoCredentialsError, known.PartialCredentialsError)):
        return Unavailable(f"{operation}: {NO_CREDENTIALS} ({kind})")
    return Unavailable(f"{operation}: {kind}")  # profiles, regions: names say enough
