"""The double of Cloud DNS: whose token, which method, which faults; then the project does it.

``GSLB_CLOUDDNS_URL=double.url`` points a client at it: Cloud DNS is at ``/dns/v1``, compute at
``/compute/v1``, a service account's tokens at ``/token``. Requests and replies are held to
Google's discovery documents; methods that it does not have answer 501.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.doubles.base import CutError, Double, Pace
from tests.doubles.clouddns import changes, discovery
from tests.doubles.clouddns.errors import GoogleError, not_found
from tests.doubles.clouddns.project import METHODS, Project
from tests.doubles.clouddns.rrsets import Rrset
from tests.doubles.clouddns.tokens import CLOUD_SCOPE, DNS_SCOPE, NoTokenError, Tokens
from tests.doubles.clouddns.zones import Limits
from tests.doubles.faults import Moment, Refusal
from tests.doubles.serving import Reply, Request

RATE_LIMITED = Refusal(403, "rateLimitExceeded", "Rate Limit Exceeded")
TOO_MANY = Refusal(429, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries'.")
CONFLICT = Refusal(412, "conditionNotMet", "Precondition not met for 'entity.change.deletions[0]'")
EXPIRED = Refusal(401, "authError", "Request had invalid authentication credentials.")
DENIED = Refusal(403, "forbidden", "The caller does not have permission")
UNAVAILABLE = Refusal(503, "backendError", "The service is currently unavailable.")
FAILED = Refusal(500, "backendError", "Internal error encountered.")


class CloudDnsDouble(Double):
    """A Cloud DNS with one project."""

    def __init__(
        self,
        limits: Limits | None = None,
        clock: Callable[[], float] | None = None,
        project: str = "double",
    ) -> None:
        super().__init__(clock)
        self.limits = limits or Limits()
        self.project = project
        self._project = Project(project, self.limits, self.clock)
        self._tokens = Tokens(f"{self.url}/token")
        self._pace = Pace(self.clock)

    # What tests arrange and look at.

    def token(self, scopes: Iterable[str] = (DNS_SCOPE, CLOUD_SCOPE)) -> str:
        """Return a new bearer token that is good for *scopes*."""
        with self._lock:
            return self._tokens.issue(scopes)

    def expire_tokens(self) -> None:
        """Let every token given out so far expire; a service account may fetch new ones."""
        with self._lock:
            self._tokens.revoke_all()

    def environment(self, folder: Path) -> dict[str, str]:
        """What a process reads to come here as a service account, whose key goes into *folder*."""
        key = folder / "clouddns-double.json"
        self._tokens.write_account(key)
        return {
            "GSLB_CLOUDDNS_URL": self.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(key),
            "GOOGLE_CLOUD_PROJECT": self.project,
            "NO_GCE_CHECK": "true",
        }

    def add_zone(
        self, name: str, dns_name: str, *, private: bool = False, signed: bool = False
    ) -> None:
        """Make a managed zone as if by the console."""
        with self._lock:
            self._project.add_zone(name, dns_name, description="", private=private, signed=signed)

    def edit(
        self, zone: str, additions: Iterable[Rrset] = (), deletions: Iterable[Rrset] = ()
    ) -> None:
        """Apply a change as somebody else would, past the API."""
        with self._lock:
            found = self._project.zone({"managedZone": zone})
            change = {"additions": list(additions), "deletions": list(deletions)}
            found.sets = changes.apply(found.sets, change, self._project.around(found))

    def sets(self, zone: str) -> list[Rrset]:
        """Return the record sets of a zone in the order of lists, without what replies add."""
        with self._lock:
            return copy.deepcopy(
                list(self._project.ordered(self._project.zone({"managedZone": zone})))
            )

    def changes(self, zone: str) -> list[dict[str, list[Rrset]]]:
        """Return the additions and deletions of the changes applied by the API, oldest first."""
        with self._lock:
            return [
                {name: copy.deepcopy(change[name]) for name in ("additions", "deletions")}
                for change in self._project.zone({"managedZone": zone}).changes
            ]

    def health_checks(self) -> dict[str, dict[str, Any]]:
        """Return the health checks by name, as copies."""
        with self._lock:
            return {n: copy.deepcopy(c["shown"]) for n, c in self._project.checks.items()}

    def settle(self) -> None:
        """Make every pending change done now."""
        with self._lock:
            for zone in self._project.zones.values():
                for change in zone.changes:
                    change["done"] = min(change["done"], self.clock())

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON-able values; equal states give equal snapshots."""
        with self._lock:
            zones = [
                {**zone.shown(), "rrsets": self.sets(zone.name)}
                for zone in self._project.zones.values()
            ]
            return {"zones": zones, "health_checks": self.health_checks()}

    # The server.

    def _handle(self, request: Request) -> Reply | None:
        operation = code = ""
        reply: Reply | None = None
        try:
            if (request.method, request.path) == ("POST", "/token"):
                operation = "token"
                reply = self._give_token(request)
            else:
                method, parts = discovery.find(request.method, request.path)
                operation = method.id
                reply = self._answer(method, parts, request)
        except GoogleError as error:
            code = error.reason
            reply = _json(error.status, error.body())
        except NoTokenError as error:
            code = error.error
            reply = _json(400, error.body)
        except CutError:
            code = "cut"
        self._log(operation, request, reply, code)
        return reply

    def _give_token(self, request: Request) -> Reply:
        self._strike("token", Moment.BEFORE)
        with self._lock:
            body = json.dumps(self._tokens.exchange(request.body)).encode()
        self._strike("token", Moment.AFTER)
        return _json(200, body)

    def _answer(
        self, method: discovery.Method, parts: Mapping[str, str], request: Request
    ) -> Reply:
        with self._lock:
            header = request.headers.get("authorization", "")
            self._tokens.check(header, method.spec["scopes"])
            if not self._pace.admits(self.limits.requests_per_second):
                raise GoogleError(RATE_LIMITED.status, RATE_LIMITED.code, RATE_LIMITED.message)
        self._strike(method.id, Moment.BEFORE)
        given = {**parts, **discovery.read_query(method, request.query)}
        body = discovery.check_body(method, request.body, request.headers.get("content-type", ""))
        if method.id not in METHODS:
            raise GoogleError(501, "notImplemented", f"{method.id} is not in the double")
        if given.get("project") != self.project:
            raise not_found("parameters.project", str(given.get("project")))
        with self._lock:
            output = METHODS[method.id](self._project, given, body)
            discovery.check_reply(method, output)
            octets = b"" if output is None else json.dumps(output).encode()
        self._strike(method.id, Moment.AFTER)
        return _json(204 if output is None else 200, octets)

    def _strike(self, operation: str, moment: Moment) -> None:
        if refusal := self._struck(operation, moment):
            raise GoogleError(refusal.status, refusal.code, refusal.message)


def _json(status: int, body: bytes) -> Reply:
    return Reply(status, body, (("Content-Type", "application/json; charset=UTF-8"),))
