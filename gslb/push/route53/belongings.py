"""What an owner has in an account of Route 53 beside record sets: health checks and collections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gslb.push.objects import Support, inherited_key
from gslb.push.route53.checks import Call, HealthChecks, Pages
from gslb.push.route53.collections import Collections


class Belongings:
    """The supports of one owner for one zone. `read` comes first.

    Args:
        call: does an operation of the account.
        pages: does one that lists.
        owner: whose they are.
        zone: its name, absolute.
        inherited: they are another owner's, to be deleted: keys say so, and nothing is created.
    """

    def __init__(
        self, call: Call, pages: Pages, owner: str, zone: str, *, inherited: bool = False
    ) -> None:
        self._checks = HealthChecks(call, pages, owner, zone)
        self._collections = Collections(call, pages, owner, zone)
        self._owner = owner if inherited else ""

    @property
    def keys(self) -> dict[str, str]:
        """Return the key of each, by its identifier."""
        found = {**self._checks.keys, **self._collections.keys}
        return {number: self._shown(key) for number, key in found.items()}

    @property
    def ids(self) -> dict[str, str]:
        """Return the identifier of each, by its key."""
        found = {**self._checks.ids, **self._collections.ids}
        return {self._shown(key): number for key, number in found.items()}

    async def read(self, shown: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Support], int]:
        """Return the supports by key, and how many other health checks the account has.

        *shown*: the record sets of the zone.
        """
        checks, others = await self._checks.read(shown)
        found = {**checks, **await self._collections.read()}
        made = [
            replace(one, key=self._shown(key), needs=tuple(map(self._shown, one.needs)))
            for key, one in found.items()
        ]
        return {one.key: one for one in made}, others

    async def create(self, support: Support) -> None:
        """Create a support that is not there yet."""
        if support.kind == "check":
            await self._checks.create(support)
        else:
            await self._collections.create(support)

    async def discard(self, keys: Sequence[str]) -> None:
        """Delete those of *keys* that are this owner's, those that need others first."""
        meant = [key.partition("@")[0] for key in keys if key.partition("@")[2] == self._owner]
        if meant or not self._owner:
            await self._checks.discard(meant)
            await self._collections.discard(meant)

    def _shown(self, key: str) -> str:
        return inherited_key(key, self._owner) if self._owner else key
