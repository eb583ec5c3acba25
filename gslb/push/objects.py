"""Objects of a provider, and changes to them: what clients read and write, and what plans hold.

Bodies are what the provider's own API takes, as JSON values, with one exception: where a body
names a supporting object (a health check, a list of prefixes), it has our key of it. The client
puts the provider's identifier in its place on the way out, and back on the way in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

from gslb.push.losses import Loss

Body = Mapping[str, object]
RrsetKey = tuple[str, str, str]  # name, type, set identifier
Place = tuple[str, str]  # name, type


def canonical(value: object) -> str:
    """Return *value* (JSON values) as the one text that equal values have."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: object, digits: int = 16) -> str:
    """Return so many hexadecimal digits of the SHA-256 of *value* (JSON values)."""
    return sha256(canonical(value).encode()).hexdigest()[:digits]


@dataclass(frozen=True)  # no slots: cached_property keeps its value in the instance
class Rrset:
    """One record set as the provider has it. `body` is all of it, name, type and TTL included."""

    name: str  # absolute, lower case, "*" as itself
    rtype: str
    ident: str  # set identifier; "" if it has none
    body: Body

    @property
    def key(self) -> RrsetKey:
        """What tells it from the others of its zone."""
        return self.name, self.rtype, self.ident

    @property
    def place(self) -> Place:
        """Its name and type: what it shares with the sets of its group."""
        return self.name, self.rtype

    @cached_property
    def text(self) -> str:
        """Its body as canonical text: equal sets have equal texts."""
        return canonical(self.body)


@dataclass(frozen=True, slots=True)
class Support:
    """What record sets refer to and batches do not hold: a health check, a list of prefixes.

    The key is made of the content, so a support never changes: another content is another one.
    """

    kind: str  # "check" or "prefixes"
    key: str
    body: Body
    about: str  # for people and tags: the endpoint's address, a rule
    address: str = ""  # that a check probes; empty: the record sets that name it say so
    needs: tuple[str, ...] = ()  # keys of supports that its body names; they come before it


@dataclass(frozen=True, slots=True)
class Limits:
    """What the provider allows; read from it in every plan, these are what is documented."""

    rrsets: int
    checks: int
    batch_elements: int
    batch_characters: int
    new_checks_a_day: int | None = None
    prefixes: int = 0


@dataclass(frozen=True, slots=True)
class Actual:
    """What a zone holds, everybody's, and which supports are ours."""

    rrsets: Mapping[RrsetKey, Rrset] = field(default_factory=dict)
    supports: Mapping[str, Support] = field(default_factory=dict)
    foreign_checks: int = 0  # of the account, not ours: they count against the quota
    limits: Limits | None = None  # None: could not be read; those documented hold


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a zone should hold of ours. Markers are in it, the manifest is not."""

    rrsets: Mapping[RrsetKey, Rrset]
    supports: Mapping[str, Support]
    losses: tuple[Loss, ...]
    entries: Mapping[Place, str]  # name and type that clients ask for → policy; "": plain


class Action(StrEnum):
    """What happens to a record set."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One record set from old to new."""

    action: Action
    old: Rrset | None  # exactly as read; None: CREATE
    new: Rrset | None  # None: DELETE

    @property
    def rrset(self) -> Rrset:
        """Return the new set, or that which goes."""
        found = self.new or self.old
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that are made together or not at all.

    The last two swap the manifest: deleted exactly as it was read, then created anew. So of two
    writers one gets a conflict.
    """

    changes: tuple[Change, ...]
    part: int  # from 1
    of: int


def after(actual: Actual, made: Iterable[Support], batches: Iterable[Batch]) -> Actual:
    """Return *actual* as it is once *made* are there and *batches* have landed."""
    rrsets = dict(actual.rrsets)
    for batch in batches:
        for change in batch.changes:
            rrsets.pop(change.rrset.key, None)
            if change.new is not None:
                rrsets[change.new.key] = change.new
    supports = {**actual.supports, **{one.key: one for one in made}}
    return replace(actual, rrsets=rrsets, supports=supports)


def inherited_key(key: str, owner: str) -> str:
    """Return the key that the support *key* of another owner has among ours."""
    return f"{key}@{owner}"


def manifest_name(zone: str) -> str:
    """Return the name of the TXT record that says who wrote *zone* last, and how far."""
    return f"_gslb-manifest.{zone}"
