"""A hosted zone that delegates to us: one NS set of it, and what the role that switches may do."""

from __future__ import annotations

from collections.abc import Iterable

from gslb.push.delegation import Delegation
from gslb.push.objects import Place, Rrset
from gslb.push.pace import Timing
from gslb.push.route53.client import Api, account_pace
from gslb.push.route53.dialect import Route53
from gslb.push.route53.wire import read_rrset

AT_ONE_NAME = 20  # record sets: NS, DS, A, AAAA, and what may stand before them


class Route53Parent:
    """The parent zone of this identifier."""

    def __init__(self, zone_id: str, timing: Timing | None = None) -> None:
        timing = timing or Timing()
        self._zone_id = zone_id.rpartition("/")[2]
        self._api = Api(account_pace(timing), timing)

    @property
    def dialect(self) -> Route53:
        """Return how Route 53 is written."""
        return Route53()

    async def read(self, names: Iterable[str]) -> dict[Place, Rrset]:
        """Return the record sets at *names*."""
        found: dict[Place, Rrset] = {}
        for name in names:
            reply = await self._api.call(
                "list_resource_record_sets",
                HostedZoneId=self._zone_id, StartRecordName=name, MaxItems=str(AT_ONE_NAME),
            )  # fmt: skip
            for shown in reply["ResourceRecordSets"]:
                one = read_rrset(shown, self._zone_id, {})
                if one.name == name:
                    found[one.place] = one
        return found

    async def delegate(self, wanted: Delegation, old: Rrset | None) -> str:
        """Put the NS set in place of whatever is there; it is safe to be repeated."""
        del old  # an UPSERT is all that the role may do
        body = {
            "Name": wanted.zone, "Type": "NS", "TTL": wanted.ttl,
            "ResourceRecords": [{"Value": server} for server in wanted.servers],
        }  # fmt: skip
        reply = await self._api.call(
            "change_resource_record_sets",
            HostedZoneId=self._zone_id,
            ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": body}]},
        )
        return str(reply["ChangeInfo"]["Id"]).rpartition("/")[2]

    async def settled(self, change: str) -> bool:
        """Return whether the change is INSYNC."""
        reply = await self._api.call("get_change", Id=change)
        return bool(reply["ChangeInfo"]["Status"] == "INSYNC")

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()
