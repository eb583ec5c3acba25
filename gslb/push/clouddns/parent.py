"""A managed zone that delegates to us: one NS set of it, and what the role that switches may do."""

from __future__ import annotations

from collections.abc import Iterable

from gslb.push.clouddns.client import Api, project_pace
from gslb.push.clouddns.dialect import CloudDns
from gslb.push.clouddns.wire import read_rrset, write_batch
from gslb.push.delegation import Delegation
from gslb.push.objects import Action, Batch, Change, Place, Rrset
from gslb.push.pace import Timing, Transient
from gslb.push.provider import Conflict


class CloudDnsParent:
    """The parent zone of this name in a project."""

    def __init__(self, project: str, managed_zone: str, timing: Timing | None = None) -> None:
        timing = timing or Timing()
        self._path = f"/managedZones/{managed_zone}"
        self._api = Api(project, project_pace(timing), timing)

    @property
    def dialect(self) -> CloudDns:
        """Return how Cloud DNS is written."""
        return CloudDns()

    async def read(self, names: Iterable[str]) -> dict[Place, Rrset]:
        """Return the record sets at *names*."""
        found: dict[Place, Rrset] = {}
        for name in names:
            async for page in self._api.pages(
                "dns.resourceRecordSets.list", f"{self._path}/rrsets", name=name
            ):
                for shown in page.get("rrsets", ()):
                    one = read_rrset(shown, {})
                    found[one.place] = one
        return found

    async def delegate(self, wanted: Delegation, old: Rrset | None) -> str:
        """Swap the NS set, if it is still *old*.

        Raises:
            Conflict: it is not, or the reply was lost: read again.
        """
        body = {
            "name": wanted.zone, "type": "NS", "ttl": wanted.ttl, "rrdatas": list(wanted.servers)
        }  # fmt: skip
        action = Action.CREATE if old is None else Action.UPDATE
        changes = (Change(action, old, Rrset(wanted.zone, "NS", "", body)),)
        try:
            reply = await self._api.call(
                "dns.changes.create", "POST", f"{self._path}/changes",
                write_batch(Batch(changes, 1, 1), {}), changes=changes,
            )  # fmt: skip
        except Transient as error:
            raise Conflict(str(error)) from None
        return str(reply["id"])

    async def settled(self, change: str) -> bool:
        """Return whether the change is done: sent to the name servers."""
        reply = await self._api.call("dns.changes.get", "GET", f"{self._path}/changes/{change}")
        return bool(reply["status"] == "done")

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()
