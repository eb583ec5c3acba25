"""Cloud DNS over the network: REST over aiohttp, with the tokens of google-auth.

``GSLB_CLOUDDNS_URL`` in the environment sends everything elsewhere. The URLs of health checks in
record sets stay Google's, wherever that is.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import aiohttp

from gslb.push.clouddns.dialect import LIMITS, CloudDns
from gslb.push.clouddns.failures import understood
from gslb.push.clouddns.tokens import Tokens
from gslb.push.clouddns.wire import check_link, read_check, read_rrset, write_batch
from gslb.push.objects import (
    Actual,
    Batch,
    Change,
    Limits,
    Rrset,
    RrsetKey,
    Support,
    inherited_key,
    manifest_name,
)
from gslb.push.pace import Pace, Timing, Transient, patiently
from gslb.push.provider import Refused, Unavailable, Unknown

URL = "GSLB_CLOUDDNS_URL"
DNS_URL, COMPUTE_URL = "https://dns.googleapis.com", "https://compute.googleapis.com"
RATE = 5  # requests in any second; projects are given 10 and more
REPLY_WITHIN = 20.0  # seconds
READINGS = 3  # of a zone, if it is written meanwhile
OPERATION_POLL, OPERATION_WITHIN = 2.0, 60.0  # seconds, of compute's operations
PAGE = 500
KEY = re.compile("h[0-9a-f]{16}")  # of a check


def project_pace(timing: Timing) -> Pace:
    """Return the pace of one project: all zones in it must share one."""
    return Pace(RATE, timing)


class Api:
    """One project's Cloud DNS and compute."""

    def __init__(self, project: str, pace: Pace, timing: Timing) -> None:
        base = os.environ.get(URL, "").rstrip("/")
        self._bases = {
            "dns": f"{base or DNS_URL}/dns/v1/projects/",
            "compute": f"{base or COMPUTE_URL}/compute/v1/projects/",
        }
        self._project = project
        self._pace = pace
        self._timing = timing
        self._tokens = Tokens()
        self._session: aiohttp.ClientSession | None = None

    async def project(self) -> str:
        """Return the project, which the credentials know if the settings do not."""
        if not self._project:
            await patiently(self._tokens.token, self._timing)
            self._project = self._tokens.project
        if not self._project:
            raise Unavailable("no project: neither the settings nor the credentials name one")
        return self._project

    async def call(
        self,
        operation: str,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] = MappingProxyType({}),
        changes: Sequence[Change] = (),
    ) -> dict[str, Any]:
        """Make one request and return the reply; it may be repeated, unless it has *changes*.

        Args:
            operation: Google's name of it: "dns.changes.create".
            method: of HTTP.
            path: below the project, with a slash before it.
            body: JSON.
            query: parameters.
            changes: of the batch.

        Raises:
            PushError: as `provider` lists them; Transient if a batch got no reply.
        """
        url = f"{self._bases[operation.partition('.')[0]]}{await self.project()}{path}"

        async def once() -> dict[str, Any]:
            status, answer = await self._ask(operation, method, url, body, query, fresh=False)
            if status == 401:
                status, answer = await self._ask(operation, method, url, body, query, fresh=True)
            if status >= 400:
                raise understood(operation, status, answer, changes)
            return answer if isinstance(answer, dict) else {}

        return await patiently(once, self._timing, again=not changes)

    async def pages(self, operation: str, path: str, **query: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the pages of a list."""
        more: dict[str, str] = {}
        while True:
            page = await self.call(operation, "GET", path, query={**query, **more})
            yield page
            if "nextPageToken" not in page:
                return
            more = {"pageToken": page["nextPageToken"]}

    async def finished(self, operation: dict[str, Any]) -> None:
        """Return once an operation of compute is done."""
        begun = self._timing.clock()
        while operation["status"] != "DONE":
            if self._timing.clock() - begun > OPERATION_WITHIN:
                raise Unavailable(f"compute: an operation takes more than {OPERATION_WITHIN:g} s")
            await self._timing.sleep(OPERATION_POLL)
            name = f"/global/operations/{operation['name']}"
            operation = await self.call("compute.globalOperations.get", "GET", name)
        if "error" in operation:
            raise Refused(f"compute: {str(operation['error'])[:200]}")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self,
        operation: str,
        method: str,
        url: str,
        body: object,
        query: Mapping[str, str],
        *,
        fresh: bool,
    ) -> tuple[int, object]:
        token = await self._tokens.token(fresh=fresh)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REPLY_WITHIN))
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with (
                self._pace.turn(),
                self._session.request(
                    method, url, json=body, params=dict(query), headers=headers
                ) as reply,
            ):
                is_json = reply.content_type == "application/json" and reply.status != 204
                return reply.status, await reply.json() if is_json else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Transient(f"{operation}: no reply ({type(error).__name__})") from None


class CloudDnsClient:
    """A managed zone as a provider.

    Args:
        zone: its DNS name, absolute.
        zone_id: its name or identifier in the project.
        owner: whose health checks are ours.
        project: empty: that of the credentials.
        pace: of the project; None: nobody else uses it.
        timing: the clock.
    """

    def __init__(
        self,
        zone: str,
        zone_id: str,
        owner: str,
        *,
        project: str = "",
        pace: Pace | None = None,
        timing: Timing | None = None,
    ) -> None:
        timing = timing or Timing()
        self._dialect = CloudDns()
        self._zone = zone
        self._path = f"/managedZones/{zone_id}"
        self._owner = owner
        self._inherited: frozenset[str] = frozenset()
        self._api = Api(project, pace or project_pace(timing), timing)
        self._links: dict[str, str] = {}  # key of a check → its URL
        self._known = False  # that the zone is the right one
        self._one_page = False

    @property
    def dialect(self) -> CloudDns:
        """Return how Cloud DNS is written."""
        return self._dialect

    def inherit(self, owners: frozenset[str]) -> None:
        """Have the health checks of other *owners* read with ours from now on."""
        self._inherited = owners

    async def read(self) -> Actual:
        """Return all record sets of the zone, and our health checks."""
        await self._identify()
        for _ in range(READINGS):
            if (found := await self._read()) is not None:
                return found
        raise Unavailable("the zone is written all the time")

    async def create(self, supports: Sequence[Support]) -> None:
        """Create health checks that are not there yet, and wait until they are."""
        begun = []
        for one in supports:
            name = str(one.body["name"])
            try:
                begun.append(
                    await self._api.call(
                        "compute.healthChecks.insert", "POST", "/global/healthChecks", one.body
                    )
                )
            except Refused as error:
                if "alreadyExists" not in str(error):
                    raise
            self._links[one.key] = check_link(await self._api.project(), name)
        for operation in begun:
            await self._api.finished(operation)

    async def commit(self, batch: Batch) -> str:
        """Hand in a change and return its identifier.

        Raises:
            Conflict: the zone is not as it was read; nothing was changed.
            Refused: `names` are those that Cloud DNS complains of; nothing was changed.
            Unknown: no reply.
        """
        try:
            reply = await self._api.call(
                "dns.changes.create",
                "POST",
                f"{self._path}/changes",
                write_batch(batch, self._links),
                changes=batch.changes,
            )
        except Transient as error:
            raise Unknown(str(error)) from None
        return str(reply["id"])

    async def settled(self, change: str) -> bool:
        """Return whether the change is done: sent to the name servers."""
        reply = await self._api.call("dns.changes.get", "GET", f"{self._path}/changes/{change}")
        return bool(reply["status"] == "done")

    async def discard(self, keys: Sequence[str]) -> None:
        """Delete health checks; what has gone, and what a record set still names, is left."""
        for key in keys:
            name, _, owner = key.partition("@")
            path = f"/global/healthChecks/{_prefix(owner or self._owner)}{name}"
            try:
                await self._api.call("compute.healthChecks.delete", "DELETE", path)
            except Refused as error:
                if "resourceInUse" not in str(error):
                    raise
            except Unavailable as error:
                if "404" not in str(error):
                    raise
            self._links.pop(key, None)

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()

    async def _identify(self) -> None:
        """Make sure once that the zone is public and of the right name."""
        if self._known:
            return
        found = await self._api.call("dns.managedZones.get", "GET", self._path)
        if found["dnsName"] != self._zone:
            raise Unavailable(f"{self._path[14:]} is the zone {found['dnsName']}, not {self._zone}")
        if found.get("visibility", "public") != "public":
            raise Unavailable(f"{self._path[14:]} ({self._zone}) is a private zone")
        self._known = True

    async def _read(self) -> Actual | None:
        """Return what there is; None: it was written while it was read."""
        before = None if self._one_page else await self._manifest()
        checks = await self._checks()
        keys = {link: key for key, link in self._links.items()}
        rrsets: dict[RrsetKey, Rrset] = {}
        pages = 0
        async for page in self._api.pages(
            "dns.resourceRecordSets.list", f"{self._path}/rrsets", maxResults=str(PAGE)
        ):
            found = [read_rrset(one, keys) for one in page.get("rrsets", ())]
            rrsets |= {one.key: one for one in found}
            pages += 1
        manifest = rrsets.get((manifest_name(self._zone), "TXT", ""))
        # Pages are read at different times. A manifest that has not changed until its page came
        # says that the pages before are of one state; what changes after it fails the batch.
        if pages > 1 and not self._one_page and _text(before) != _text(manifest):
            return None
        self._one_page = pages == 1
        return Actual(rrsets, checks, 0, await self._limits())

    async def _manifest(self) -> Rrset | None:
        reply = await self._api.call(
            "dns.resourceRecordSets.list", "GET", f"{self._path}/rrsets",
            query={"name": manifest_name(self._zone), "type": "TXT"},
        )  # fmt: skip
        found = [read_rrset(one, {}) for one in reply.get("rrsets", ())]
        return found[0] if found else None

    async def _checks(self) -> dict[str, Support]:
        """Return our health checks by key, and note their URLs."""
        found, links = {}, {}
        project = await self._api.project()
        async for page in self._api.pages("compute.healthChecks.list", "/global/healthChecks"):
            for one in page.get("items", ()):
                if (key := self._key(one["name"])) is not None:
                    found[key] = read_check(key, one)
                    links[key] = check_link(project, one["name"])
        self._links = links  # all at once: a reading may be cut, and a drain goes by the last one
        return found

    def _key(self, name: str) -> str | None:
        """Return our key of the check of this name; None: it is somebody else's."""
        for owner in (self._owner, *self._inherited):
            key = name.removeprefix(_prefix(owner))
            if KEY.fullmatch(key):
                return key if owner == self._owner else inherited_key(key, owner)
        return None

    async def _limits(self) -> Limits | None:
        """Return the project's quotas; None: we may not see them."""
        try:
            quota = (await self._api.call("dns.projects.get", "GET", ""))["quota"]
        except Unavailable:
            return None
        elements = [quota[f"rrset{side}PerChange"] for side in ("Additions", "Deletions")]
        return Limits(
            rrsets=quota.get("rrsetsPerManagedZone", LIMITS.rrsets),
            checks=quota.get("internetHealthChecksPerManagedZone", LIMITS.checks),
            batch_elements=min(elements),
            batch_characters=quota.get("totalRrdataSizePerChange", LIMITS.batch_characters),
        )


def _prefix(owner: str) -> str:
    return f"gslb-{owner}-"


def _text(rrset: Rrset | None) -> str:
    return "" if rrset is None else rrset.text
