"""CIDR collections: named locations of blocks, changed by version."""

from __future__ import annotations

import dataclasses
import ipaddress
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.doubles.route53.errors import AwsError, bad_input

MAX_COLLECTIONS = 5
MAX_BLOCKS = 1000  # of a collection, and of one call that changes it
_LONGEST = {4: 24, 6: 48}  # prefix lengths; the shortest is 1


@dataclasses.dataclass
class Collection:
    """One collection."""

    id: str
    name: str
    reference: str
    version: int = 1
    locations: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The name of it that the API gives beside the identifier."""
        return f"arn:aws:route53:::cidrcollection/{self.id}"

    def summary(self) -> dict[str, Any]:
        """Return ``CollectionSummary``, which ``CidrCollection`` equals."""
        return {"Arn": self.arn, "Id": self.id, "Name": self.name, "Version": self.version}


class Collections:
    """The collections of an account."""

    def __init__(self) -> None:
        self.by_id: dict[str, Collection] = {}

    def create(self, name: str, reference: str) -> Collection:
        """Create an empty collection, or return the one of the same reference and name."""
        for one in self.by_id.values():
            if (one.reference, one.name) == (reference, name):
                return one
            if one.reference == reference or one.name == name:
                raise AwsError(
                    "CidrCollectionAlreadyExistsException", f"A collection {one.name} exists."
                )
        if len(self.by_id) >= MAX_COLLECTIONS:
            raise AwsError("LimitsExceeded", f"At most {MAX_COLLECTIONS} CIDR collections.")
        made = Collection(str(uuid.uuid4()), name, reference)
        self.by_id[made.id] = made
        return made

    def get(self, collection_id: str) -> Collection:
        """Return a collection; ``NoSuchCidrCollectionException``."""
        if collection_id not in self.by_id:
            raise AwsError(
                "NoSuchCidrCollectionException",
                f"The CIDR collection {collection_id} does not exist.",
            )
        return self.by_id[collection_id]

    def change(
        self,
        collection_id: str,
        version: int | None,
        changes: Sequence[Mapping[str, Any]],
        in_use: Callable[[str, str], bool],
    ) -> None:
        """Put and delete blocks, all or none; *in_use* is asked of a location that would vanish."""
        one = self.get(collection_id)
        if version is not None and version != one.version:
            raise AwsError(
                "CidrCollectionVersionMismatchException",
                f"Version {version} given, current version {one.version}.",
            )
        if sum(len(change["CidrList"]) for change in changes) > MAX_BLOCKS:
            raise AwsError("LimitsExceeded", f"At most {MAX_BLOCKS} blocks a request.")
        after = {name: list(blocks) for name, blocks in one.locations.items()}
        for change in changes:
            _change(after, change)
        after = {name: blocks for name, blocks in after.items() if blocks}
        _check_overlaps(after)
        if sum(map(len, after.values())) > MAX_BLOCKS:
            raise AwsError("LimitsExceeded", f"At most {MAX_BLOCKS} blocks a collection.")
        for name in one.locations.keys() - after.keys():
            if in_use(collection_id, name):
                raise AwsError("CidrBlockInUseException", f"Location {name} is in use.")
        one.locations = after
        one.version += 1

    def delete(self, collection_id: str) -> None:
        """Delete an empty collection."""
        one = self.get(collection_id)
        if one.locations:
            raise AwsError("CidrCollectionInUseException", f"Collection {one.name} has locations.")
        del self.by_id[collection_id]


def _change(after: dict[str, list[str]], change: Mapping[str, Any]) -> None:
    location, blocks = change["LocationName"], after.setdefault(change["LocationName"], [])
    for text in change["CidrList"]:
        block = _block(text)
        if change["Action"] == "PUT":
            if block not in blocks:
                blocks.append(block)
        elif block in blocks:
            blocks.remove(block)
        else:
            raise bad_input(f"CIDR block {text} is not in location {location}.")


def _block(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise bad_input(f"Invalid CIDR block: {error}") from None
    if not 1 <= network.prefixlen <= _LONGEST[network.version]:
        raise bad_input(
            f"Invalid CIDR block {text}: /1 to /{_LONGEST[network.version]} of IPv{network.version}"
        )
    return str(network)


def _check_overlaps(locations: Mapping[str, Sequence[str]]) -> None:
    """Refuse one block in two locations; a longer one inside another is the better match."""
    where: dict[str, str] = {}
    for name, blocks in locations.items():
        for block in blocks:
            if where.setdefault(block, name) != name:
                raise bad_input(f"CIDR block {block} is in locations {where[block]} and {name}.")
