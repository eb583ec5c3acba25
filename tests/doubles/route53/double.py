"""The double of Route 53: who asks, how often, which faults; then an operation on the account.

``AWS_ENDPOINT_URL=double.url`` (or ``AWS_ENDPOINT_URL_ROUTE_53``) with the credentials of
:attr:`Route53Double.environment` points boto3 at it. What AWS documents or is seen to refuse is
refused, in AWS's words where they are known. Operations that it does not have answer 501.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel

from tests.doubles.base import CutError, Double, Pace
from tests.doubles.faults import Moment, Refusal
from tests.doubles.route53 import batch, model, names, zones
from tests.doubles.route53.account import Account, Batch, Limits
from tests.doubles.route53.checks import Check
from tests.doubles.route53.errors import AwsError
from tests.doubles.route53.operations import OPERATIONS
from tests.doubles.route53.sets import RecordSet
from tests.doubles.serving import Reply, Request

_ACCESS_KEY = "AKIDOUBLEOFROUTE53AA"
_CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/\d{8}/us-east-1/route53/aws4_request, "
    r"SignedHeaders=[\w;-]+, Signature=[0-9a-f]{64}"
)

THROTTLED = Refusal(400, "Throttling", "Rate exceeded")
PRIOR_REQUEST = Refusal(
    400,
    "PriorRequestNotComplete",
    "The request was rejected because Route 53 was still processing a prior request.",
)
EXPIRED = Refusal(403, "ExpiredToken", "The security token included in the request is expired")
DENIED = Refusal(403, "AccessDenied", "User is not authorized to perform this action")
UNAVAILABLE = Refusal(503, "ServiceUnavailable", "The service is unavailable.")
FAILED = Refusal(500, "InternalFailure", "The request failed for an unknown reason.")


class Route53Double(Double):
    """A Route 53 with one account."""

    def __init__(
        self, limits: Limits | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        super().__init__(clock)
        self.limits = limits or Limits()
        self.credentials_expired = False
        self._account = Account(self.url, self.limits, self.clock)
        self._pace = Pace(self.clock)

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 reads from the environment to come here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",  # botocore asks for one when the URL is not its own
            "AWS_ACCESS_KEY_ID": _ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": "the double checks who asks, not the signature",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    # What tests arrange and look at.

    def add_zone(self, name: str, *, private: bool = False) -> str:
        """Make a hosted zone as if by the console; return its identifier."""
        with self._lock:
            reference = f"console-{len(self._account.zones)}"
            normal = names.normal(name)
            return self._account.add_zone(normal, reference, private=private, comment="").id

    def edit(self, zone_id: str, *changes: Mapping[str, Any]) -> None:
        """Apply ``{"Action": …, "ResourceRecordSet": …}`` as somebody else would, past the API."""
        with self._lock:
            zone = self._account.zone(zone_id)
            zone.sets = batch.apply(zone.sets, changes, self._account.around(zone))

    def sets(self, zone_id: str) -> list[RecordSet]:
        """Return the record sets of a zone in the order of lists, as copies."""
        with self._lock:
            return [copy.deepcopy(one) for one in self._account.ordered(zone_id)]

    @property
    def batches(self) -> list[Batch]:
        """The batches that were applied by the API, oldest first."""
        with self._lock:
            return list(self._account.batches)

    def health_checks(self) -> dict[str, Check]:
        """Return the health checks by identifier, as copies."""
        with self._lock:
            return copy.deepcopy(self._account.checks.by_id)

    def tags_of(self, kind: str, identifier: str) -> dict[str, str]:
        """Return the tags of a ``healthcheck`` or ``hostedzone``."""
        with self._lock:
            return dict(self._account.tags.get((kind, identifier), {}))

    def set_health(self, check_id: str, *, healthy: bool) -> None:
        """Let the checkers see an endpoint healthy or not."""
        with self._lock:
            self._account.checks.get(check_id)
            self._account.checks.healthy[check_id] = healthy

    def settle(self) -> None:
        """Make every pending change INSYNC now."""
        with self._lock:
            for change in self._account.changes.values():
                change.insync = min(change.insync, self.clock())

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON-able values; equal states give equal snapshots."""
        with self._lock:
            return self._account.snapshot()

    # The server.

    def _handle(self, request: Request) -> Reply | None:
        operation = code = ""
        reply: Reply | None = None
        try:
            shape, parts = model.route(request.method, request.path)
            operation = shape.name
            reply = self._answer(shape, parts, request)
        except AwsError as error:
            code = error.code
            reply = self._refused(error)
        except CutError:
            code = "cut"
        self._log(operation, request, reply, code)
        return reply

    def _answer(
        self, operation: OperationModel, parts: Mapping[str, str], request: Request
    ) -> Reply:
        self._admit(request)
        busy = self._take(parts["Id"]) if operation.name == "ChangeResourceRecordSets" else None
        try:
            self._strike(operation.name, Moment.BEFORE)
            given = model.read(operation, parts, request.query, request.body)
            if operation.name not in OPERATIONS:
                raise AwsError("NotInTheDouble", f"{operation.name} is not in the double")
            with self._lock:
                output = OPERATIONS[operation.name](self._account, given)
                headers, body = model.write(operation, output)
            self._strike(operation.name, Moment.AFTER)
        finally:
            if busy is not None:
                busy.busy = False
        pairs = (("Content-Type", "text/xml"), *headers.items())
        return Reply(operation.http.get("responseCode", 200), body, pairs)

    def _take(self, zone_id: str) -> zones.Zone | None:
        """Mark a zone as taking in a batch; a second one meanwhile is refused."""
        with self._lock:
            zone = self._account.zones.get(zone_id)
            if zone is not None:
                if zone.busy:
                    raise _refusal(PRIOR_REQUEST)
                zone.busy = True
            return zone

    def _admit(self, request: Request) -> None:
        header = request.headers.get("authorization", "")
        match = _CREDENTIAL.fullmatch(header)
        if not header:
            raise AwsError("MissingAuthenticationToken", "Missing Authentication Token")
        if match is None or match[1] != _ACCESS_KEY:
            raise AwsError(
                "InvalidClientTokenId", "The security token included in the request is invalid."
            )
        if self.credentials_expired:
            raise _refusal(EXPIRED)
        with self._lock:
            if not self._pace.admits(self.limits.requests_per_second):
                raise _refusal(THROTTLED)

    def _strike(self, operation: str, moment: Moment) -> None:
        if refusal := self._struck(operation, moment):
            raise _refusal(refusal)

    def _refused(self, error: AwsError) -> Reply:
        with self._lock:
            request_id = f"00000000-0000-4000-8000-{next(self._account.serial):012d}"
        headers = (("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id))
        return Reply(error.status, model.write_error(error, request_id), headers)


def _refusal(refusal: Refusal) -> AwsError:
    error = AwsError(refusal.code, refusal.message)
    error.status = refusal.status
    return error
