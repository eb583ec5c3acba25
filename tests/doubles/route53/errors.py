"""Route 53's errors: code, HTTP status and words as the service gives them."""

from __future__ import annotations

from collections.abc import Sequence

STATUS = {  # those of the service model with a status of their own; the rest are 400
    "NoSuchHostedZone": 404,
    "NoSuchHealthCheck": 404,
    "NoSuchChange": 404,
    "NoSuchCidrCollectionException": 404,
    "NoSuchCidrLocationException": 404,
    "HostedZoneAlreadyExists": 409,
    "HealthCheckAlreadyExists": 409,
    "HealthCheckVersionMismatch": 409,
    "CidrCollectionVersionMismatchException": 409,
    "ExpiredToken": 403,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "AccessDenied": 403,
    "NotInTheDouble": 501,
}


class AwsError(Exception):
    """A request that Route 53 refuses."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = STATUS.get(code, 400)


def bad_batch(messages: Sequence[str]) -> AwsError:
    """Return the refusal of a whole batch; *messages* in brackets, as botocore shows them."""
    return AwsError("InvalidChangeBatch", f"[{', '.join(messages)}]")


def bad_input(message: str) -> AwsError:
    """Return the refusal of a request that makes no sense by itself."""
    return AwsError("InvalidInput", message)
