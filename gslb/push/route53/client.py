"""Route 53 over the network: boto3 in a thread of its own, at the pace of the account.

boto3 is an extra. Without it, or without credentials, the provider is unavailable, and serving
goes on. ``AWS_ENDPOINT_URL`` is heeded, by boto3 itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from gslb.push.objects import Actual, Batch, Change, Limits, Rrset, Support, manifest_name
from gslb.push.pace import Pace, Timing, Transient, patiently
from gslb.push.provider import Conflict, Refused, Unavailable, Unknown
from gslb.push.route53.belongings import Belongings
from gslb.push.route53.dialect import LIMITS, Route53
from gslb.push.route53.failures import understood
from gslb.push.route53.wire import name_in, read_rrset, write_batch

RATE = 4  # requests in any second; the quota of an account is 5, for all its callers together
CONNECT_WITHIN, REPLY_WITHIN = 5.0, 20.0  # seconds
READINGS = 3  # of a zone, if it is written meanwhile


def account_pace(timing: Timing) -> Pace:
    """Return the pace of one account: all zones in it must share one."""
    return Pace(RATE, timing)


class Api:
    """One account's Route 53: requests one after another, in one thread."""

    def __init__(self, pace: Pace, timing: Timing) -> None:
        self._pace = pace
        self._timing = timing
        self._thread = ThreadPoolExecutor(1, "route53")
        self._client: Any = None

    async def call(self, operation: str, **given: object) -> dict[str, Any]:
        """Do one operation (boto3's name of it) and return the reply; it may be repeated.

        Raises:
            PushError: as `provider` lists them.
        """
        return await self._patiently(operation, given, ())

    async def change(
        self, changes: Sequence[Change], zone_id: str, written: Sequence[object]
    ) -> dict[str, Any]:
        """Hand in *changes*, as *written*; they are not sent again if the reply is lost.

        Raises:
            Transient: no reply.
        """
        given = {"HostedZoneId": zone_id, "ChangeBatch": {"Changes": written}}
        return await self._patiently("change_resource_record_sets", given, changes)

    async def pages(
        self, operation: str, cursor: dict[str, str], **given: object
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the pages of a list; *cursor*: field of a reply → field of the next request."""
        more: dict[str, object] = {}
        while True:
            page = await self.call(operation, **given, **more)
            yield page
            more = {ask: page[told] for told, ask in cursor.items() if page.get(told)}
            if not more:
                return

    async def close(self) -> None:
        """Close the connections and end the thread."""
        loop = asyncio.get_running_loop()
        if self._client is not None:
            await loop.run_in_executor(self._thread, self._client.close)
        self._thread.shutdown(wait=False)

    async def _patiently(
        self, operation: str, given: Mapping[str, object], changes: Sequence[Change]
    ) -> dict[str, Any]:
        async def once() -> dict[str, Any]:
            loop = asyncio.get_running_loop()
            asked = partial(self._do, operation, given, changes)
            async with self._pace.turn():
                return await loop.run_in_executor(self._thread, asked)

        return await patiently(once, self._timing, again=not changes)

    def _do(
        self, operation: str, given: Mapping[str, object], changes: Sequence[Change]
    ) -> dict[str, Any]:
        if self._client is None:
            self._client = _connect()
        try:
            reply: dict[str, Any] = getattr(self._client, operation)(**given)
        except Exception as error:  # noqa: BLE001  whatever a library raises has one meaning here
            raise understood(operation, error, changes) from None
        return reply


def _connect() -> Any:
    """Return a client of boto3 that tries once: repeats are ours."""
    try:
        import boto3.session  # noqa: PLC0415  an extra: imported only where it is used
        from botocore.config import Config  # noqa: PLC0415
    except ImportError:
        raise Unavailable("boto3 is not installed: gslb-server[route53] brings it") from None
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=CONNECT_WITHIN,
        read_timeout=REPLY_WITHIN,
    )
    try:  # with a URL of its own, botocore asks for a region; Route 53 has but this one
        session = boto3.session.Session()  # of its own: the shared one keeps old credentials
        return session.client("route53", region_name="us-east-1", config=config)
    except Exception as error:  # noqa: BLE001  files of profiles and of credentials are read here
        raise understood("connect", error) from None


class Route53Client:
    """A hosted zone as a provider.

    Args:
        zone: its name, absolute.
        zone_id: its identifier.
        owner: whose health checks and collections are ours.
        pace: of the account; None: nobody else uses the account.
        timing: the clock.
        dialect: how it is written.
    """

    def __init__(
        self,
        zone: str,
        zone_id: str,
        owner: str,
        *,
        pace: Pace | None = None,
        timing: Timing | None = None,
        dialect: Route53 | None = None,
    ) -> None:
        timing = timing or Timing()
        self._dialect = dialect or Route53()
        self._zone = zone
        self._zone_id = zone_id.rpartition("/")[2]
        self._api = Api(pace or account_pace(timing), timing)
        self._own = Belongings(self._api.call, self._api.pages, owner, zone)
        self._inherited: dict[str, Belongings] = {}  # by owner
        self._known = False  # that the zone is the right one
        self._one_page = False

    @property
    def dialect(self) -> Route53:
        """Return how Route 53 is written."""
        return self._dialect

    def inherit(self, owners: frozenset[str]) -> None:
        """Have the health checks and collections of other *owners* read with ours from now on."""
        call, pages, zone = self._api.call, self._api.pages, self._zone
        self._inherited = {
            one: self._inherited.get(one) or Belongings(call, pages, one, zone, inherited=True)
            for one in sorted(owners)
        }

    async def read(self) -> Actual:
        """Return all record sets of the zone, and our health checks and collections."""
        await self._identify()
        for _ in range(READINGS):
            try:
                return await self._read()
            except Conflict as error:
                why = str(error)
        raise Unavailable(f"the zone is written all the time: {why}")

    async def create(self, supports: Sequence[Support]) -> None:
        """Create health checks and collections that are not there yet, in order."""
        for one in supports:
            await self._own.create(one)

    async def commit(self, batch: Batch) -> str:
        """Hand in a batch and return the identifier of the change.

        Raises:
            Conflict: the zone is not as it was read; nothing was changed.
            Refused: `names` are those that Route 53 complains of; nothing was changed.
            Unknown: no reply.
        """
        ids = {key: number for number, key in self._keys().items()} | self._own.ids
        written = write_batch(batch, self._zone_id, ids)
        try:
            reply = await self._api.change(batch.changes, self._zone_id, written)
        except Transient as error:
            raise Unknown(str(error)) from None
        return str(reply["ChangeInfo"]["Id"]).rpartition("/")[2]

    async def settled(self, change: str) -> bool:
        """Return whether the change is INSYNC; one that Route 53 has forgotten is."""
        try:
            reply = await self._api.call("get_change", Id=change)
        except Refused as error:
            if "NoSuchChange" in str(error):
                return True
            raise Unavailable(str(error)) from None
        return bool(reply["ChangeInfo"]["Status"] == "INSYNC")

    async def discard(self, keys: Sequence[str]) -> None:
        """Delete health checks, those that need others first, and collections."""
        for one in (self._own, *self._inherited.values()):
            await one.discard(keys)

    async def close(self) -> None:
        """Close connections."""
        await self._api.close()

    async def _identify(self) -> None:
        """Make sure once that the identifier is that of a public zone of the right name."""
        if self._known:
            return
        found = (await self._api.call("get_hosted_zone", Id=self._zone_id))["HostedZone"]
        if name_in(found["Name"]) != self._zone:
            raise Unavailable(f"{self._zone_id} is the zone {found['Name']}, not {self._zone}")
        if found["Config"]["PrivateZone"]:
            raise Unavailable(f"{self._zone_id} ({self._zone}) is a private zone")
        self._known = True

    async def _read(self) -> Actual:
        before = None if self._one_page else await self._manifest()
        shown: list[dict[str, Any]] = []
        pages = 0
        cursor = {"NextRecordName": "StartRecordName", "NextRecordType": "StartRecordType",
                  "NextRecordIdentifier": "StartRecordIdentifier"}  # fmt: skip
        async for page in self._api.pages(
            "list_resource_record_sets", cursor, HostedZoneId=self._zone_id
        ):
            shown += page["ResourceRecordSets"]
            pages += 1
        supports, foreign = await self._own.read(shown)
        for other in self._inherited.values():
            theirs, _ = await other.read(shown)
            foreign -= sum(one.kind == "check" for one in theirs.values())
            supports |= theirs
        keys = self._keys()
        found = [read_rrset(one, self._zone_id, keys) for one in shown]
        rrsets = {one.key: one for one in found}
        manifest = rrsets.get((manifest_name(self._zone), "TXT", ""))
        # Pages are read at different times. A manifest that has not changed until its page came
        # says that the pages before are of one state; what changes after it fails the batch.
        if pages > 1 and not self._one_page and _text(before) != _text(manifest):
            raise Conflict("the manifest changed while the zone was read")
        self._one_page = pages == 1
        return Actual(rrsets, supports, foreign, await self._limits())

    def _keys(self) -> dict[str, str]:
        """Return our key of each check and collection, by its identifier."""
        return {
            number: key
            for one in (*self._inherited.values(), self._own)
            for number, key in one.keys.items()
        }

    async def _manifest(self) -> Rrset | None:
        name = manifest_name(self._zone)
        reply = await self._api.call(
            "list_resource_record_sets",
            HostedZoneId=self._zone_id, StartRecordName=name, StartRecordType="TXT", MaxItems="1",
        )  # fmt: skip
        found = [read_rrset(one, self._zone_id, {}) for one in reply["ResourceRecordSets"]]
        return next((one for one in found if one.place == (name, "TXT")), None)

    async def _limits(self) -> Limits | None:
        """Return the quotas of the account and the zone; None: we may not see them."""
        try:
            checks = await self._api.call("get_account_limit", Type="MAX_HEALTH_CHECKS_BY_OWNER")
            sets = await self._api.call(
                "get_hosted_zone_limit", HostedZoneId=self._zone_id, Type="MAX_RRSETS_BY_ZONE"
            )
        except Unavailable:
            return None
        return Limits(
            rrsets=sets["Limit"]["Value"],
            checks=checks["Limit"]["Value"],
            batch_elements=LIMITS.batch_elements,
            batch_characters=LIMITS.batch_characters,
            new_checks_a_day=LIMITS.new_checks_a_day,
            prefixes=LIMITS.prefixes,
        )


def _text(rrset: Rrset | None) -> str:
    return "" if rrset is None else rrset.text
