"""Google's errors: HTTP status, reason and words; the JSON that carries them."""

from __future__ import annotations

import json

_STATUS = {  # HTTP: the canonical name beside it
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


class GoogleError(Exception):
    """A request that Google refuses."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message

    def body(self) -> bytes:
        """Return the reply's body."""
        error = {
            "code": self.status,
            "message": self.message,
            "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
            "status": _STATUS.get(self.status, "UNKNOWN"),
        }
        return json.dumps({"error": error}).encode()


def invalid(where: str, value: object) -> GoogleError:
    """Return the refusal of a value at a path of the request."""
    return GoogleError(400, "invalid", f"Invalid value for '{where}': '{value}'")


def required(where: str) -> GoogleError:
    """Return the refusal of a request without a parameter."""
    return GoogleError(400, "required", f"The '{where}' parameter is required but was missing.")


def not_found(where: str, name: str) -> GoogleError:
    """Return the refusal of a name that is not there."""
    return GoogleError(404, "notFound", f"The '{where}' resource named '{name}' does not exist.")


def exists(where: str, name: str) -> GoogleError:
    """Return the refusal of a name that is taken."""
    return GoogleError(
        409, "alreadyExists", f"The resource '{where}' named '{name}' already exists"
    )


def over_quota(where: str, most: int) -> GoogleError:
    """Return the refusal of what would pass a quota."""
    return GoogleError(
        403, "quotaExceeded", f"The resource '{where}' cannot be created: limit {most} exceeded."
    )
