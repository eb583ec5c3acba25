"""Our health checks in an account of Route 53: found again, created once, tagged, deleted.

The caller's reference of a check carries whose it is and our key, so that a list of checks tells all,
even if a push died before it could tag. Tags are for people, and to give a check away: one whose
owner's tag names somebody else is not ours any more.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from gslb.push.objects import Support, digest
from gslb.push.provider import Conflict, Refused

OWNER_TAG, ZONE_TAG, ENDPOINT_TAG = "gslb:owner", "gslb:zone", "gslb:endpoint"
TAGS_AT_ONCE = 10  # resources of one ListTagsForResources
MAX_TAG = 256
_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+\-@]")


class Call(Protocol):
    """Does one operation."""

    def __call__(self, operation: str, **given: object) -> Awaitable[dict[str, Any]]:
        """Return the reply."""


class Pages(Protocol):
    """Does one operation that lists."""

    def __call__(
        self, operation: str, cursor: dict[str, str], **given: object
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the pages."""


class HealthChecks:
    """The checks of one owner for one zone. `read` comes first."""

    def __init__(self, call: Call, pages: Pages, owner: str, zone: str) -> None:
        self._call = call
        self._pages = pages
        self._owner = owner
        self._zone = zone
        self._prefix = f"gslb-{digest([owner, zone], 12)}-"
        self._tagged: dict[str, bool] = {}  # identifier → whether our tags are on it
        self._nonces: dict[str, str] = {}  # by key: repeats the reference, but not a deleted one's
        self._twins: set[str] = set()  # second checks of one key that no record set names
        self.keys: dict[str, str] = {}  # identifier → key
        self.ids: dict[str, str] = {}  # key → identifier

    async def read(self, shown: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Support], int]:
        """Return our checks by key, and how many others the account has.

        *shown*: the record sets of the zone; of two checks with one key they name the one that
        counts (two pushers may have created them at once).
        """
        found: dict[str, dict[str, Any]] = {}
        others = 0
        async for page in self._pages("list_health_checks", {"NextMarker": "Marker"}):
            for one in page["HealthChecks"]:
                if one["CallerReference"].startswith(self._prefix):
                    found[one["Id"]] = one
                else:
                    others += 1
        foreign = await self._read_tags([one for one in found if not self._tagged.get(one)])
        named = {one.get("HealthCheckId") for one in shown}
        self.keys, self.ids, self._twins = {}, {}, set()
        for number in sorted(found, key=lambda one: (one not in named, one)):
            if number in foreign:
                others += 1
                continue
            key = found[number]["CallerReference"][len(self._prefix) :].partition("-")[0]
            self.keys[number] = key
            if self.ids.setdefault(key, number) != number and number not in named:
                self._twins.add(number)
        return {key: self._support(key, found[number]) for key, number in self.ids.items()}, others

    async def create(self, support: Support) -> None:
        """Create a check that is not there yet, and tag it."""
        if support.key not in self.ids:
            self.ids[support.key] = await self._create(support)
        number = self.ids[support.key]
        self.keys[number] = support.key
        about = _NOT_IN_TAGS.sub("-", support.about)[:MAX_TAG]
        tags = {OWNER_TAG: self._owner, ZONE_TAG: self._zone, ENDPOINT_TAG: about, "Name": about}
        await self._call(
            "change_tags_for_resource",
            ResourceType="healthcheck",
            ResourceId=number,
            AddTags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        self._tagged[number] = True

    async def discard(self, keys: Sequence[str]) -> None:
        """Delete the checks of *keys*, and twins; what has gone or is needed by others is left."""
        numbers = [number for number, key in self.keys.items() if key in keys]
        numbers += [one for one in self._twins if one not in numbers]
        foreign = await self._read_tags(numbers)
        left = [one for one in numbers if one not in foreign]
        for _ in range(2):  # a calculated check holds its children: they go in the second round
            refused = [one for one in left if not await self._delete(one)]
            left = refused
        for key in keys:
            self._nonces.pop(key, None)

    async def _delete(self, number: str) -> bool:
        try:
            await self._call("delete_health_check", HealthCheckId=number)
        except Conflict:
            pass  # it has gone already
        except Refused as error:
            if "HealthCheckInUse" not in str(error):
                raise
            return False
        self.ids = {key: one for key, one in self.ids.items() if one != number}
        self.keys.pop(number, None)
        self._tagged.pop(number, None)
        return True

    async def _create(self, support: Support) -> str:
        given: Any = support.body["HealthCheckConfig"]
        config = dict(given)
        if "ChildHealthChecks" in config:
            config["ChildHealthChecks"] = [self.ids[key] for key in config["ChildHealthChecks"]]
        for _ in range(2):
            nonce = self._nonces.setdefault(support.key, secrets.token_hex(4))
            try:
                reply = await self._call(
                    "create_health_check",
                    CallerReference=f"{self._prefix}{support.key}-{nonce}",
                    HealthCheckConfig=config,
                )
            except Refused as error:
                if "HealthCheckAlreadyExists" not in str(error):
                    raise
                del self._nonces[support.key]  # the reference of one that was deleted meanwhile
                continue
            return str(reply["HealthCheck"]["Id"])
        raise Conflict(f"a check of {support.about} cannot be created: its references are taken")

    async def _read_tags(self, numbers: Sequence[str]) -> set[str]:
        """Return which of *numbers* are somebody else's by their tags."""
        foreign = set()
        for at in range(0, len(numbers), TAGS_AT_ONCE):
            reply = await self._call(
                "list_tags_for_resources",
                ResourceType="healthcheck",
                ResourceIds=list(numbers[at : at + TAGS_AT_ONCE]),
            )
            for one in reply["ResourceTagSets"]:
                owners = [tag["Value"] for tag in one["Tags"] if tag["Key"] == OWNER_TAG]
                self._tagged[one["ResourceId"]] = owners == [self._owner]
                if owners and owners != [self._owner]:
                    foreign.add(one["ResourceId"])
        return foreign

    def _support(self, key: str, shown: Mapping[str, Any]) -> Support:
        config = dict(shown["HealthCheckConfig"])
        children = [self.keys.get(one, one) for one in config.get("ChildHealthChecks", ())]
        if children:
            config["ChildHealthChecks"] = children
        address = str(config.get("IPAddress") or config.get("FullyQualifiedDomainName", ""))
        about = " ".join(
            str(part) for part in (address, config["Type"], config.get("Port")) if part
        )
        return Support(
            "check", key, {"HealthCheckConfig": config}, about, address, needs=tuple(children)
        )
