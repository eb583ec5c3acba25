"""Our collections of CIDR locations in an account of Route 53, each named by whose and what it is."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from gslb.push.objects import Support, digest
from gslb.push.provider import Conflict, Refused
from gslb.push.route53.checks import Call, Pages
from gslb.push.route53.prefixes import collection


class Collections:
    """The collections of one owner for one zone. `read` comes first."""

    def __init__(self, call: Call, pages: Pages, owner: str, zone: str) -> None:
        self._call = call
        self._pages = pages
        self._prefix = f"gslb-{digest([owner, zone], 12)}-"
        self._partial: set[str] = set()  # identifiers of those that were not filled to the end
        self.keys: dict[str, str] = {}  # identifier → key
        self.ids: dict[str, str] = {}  # key → identifier

    async def read(self) -> dict[str, Support]:
        """Return our collections by key: those that hold what their key says."""
        keys: dict[str, str] = {}
        ids: dict[str, str] = {}
        partial: set[str] = set()
        found: dict[str, Support] = {}
        names: dict[str, str] = {}
        async for page in self._pages("list_cidr_collections", {"NextToken": "NextToken"}):
            names |= {one["Id"]: one["Name"] for one in page["CidrCollections"]}
        for number, name in names.items():
            if not name.startswith(self._prefix):
                continue
            key = name[len(self._prefix) :]
            keys[number], ids[key] = key, number
            held = collection(await self._locations(number))
            if held.key == key:
                found[key] = held
            else:
                partial.add(number)
        # All at once: a reading may be cut, and a drain goes by the last one.
        self.keys, self.ids, self._partial = keys, ids, partial
        return found

    async def create(self, support: Support) -> None:
        """Create a collection that is not there yet and fill it; one that was begun is finished."""
        if support.key not in self.ids:
            name = f"{self._prefix}{support.key}"
            reference = secrets.token_hex(16)  # a name once deleted may come again
            reply = await self._call("create_cidr_collection", Name=name, CallerReference=reference)
            self.ids[support.key] = reply["Collection"]["Id"]
        number = self.ids[support.key]
        self.keys[number] = support.key
        locations: Any = support.body["Locations"]
        changes = [
            {"LocationName": name, "Action": "PUT", "CidrList": list(blocks)}
            for name, blocks in locations.items()
        ]
        await self._call("change_cidr_collection", Id=number, Changes=changes)
        self._partial.discard(number)

    async def discard(self, keys: Sequence[str]) -> None:
        """Delete the collections of *keys*, and those that were begun; what is in use is left."""
        for number in [*(self.ids[key] for key in keys if key in self.ids), *self._partial]:
            try:
                await self._empty(number)
                await self._call("delete_cidr_collection", Id=number)
            except Conflict:
                pass  # it has gone already
            except Refused as error:
                if "InUse" not in str(error):
                    raise
                continue
            self.ids.pop(self.keys.pop(number, ""), None)

    async def _empty(self, number: str) -> None:
        changes = [
            {"LocationName": name, "Action": "DELETE_IF_EXISTS", "CidrList": blocks}
            for name, blocks in (await self._locations(number)).items()
        ]
        if changes:
            await self._call("change_cidr_collection", Id=number, Changes=changes)

    async def _locations(self, number: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        async for page in self._pages(
            "list_cidr_blocks", {"NextToken": "NextToken"}, CollectionId=number
        ):
            for one in page["CidrBlocks"]:
                found.setdefault(one["LocationName"], []).append(one["CidrBlock"])
        return found
