"""Whose records are whose: marks, and the manifest that says who wrote a zone last, and how far.

Only records with our mark are ever touched. A mark is a TXT record beside the name, or, where the
provider has identifiers for record sets, a prefix of those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gslb.errors import GslbError

HERITAGE = "heritage=gslb"
OWNER = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")  # goes into identifiers, tags and names


class OwnerError(GslbError):
    """A text cannot be an owner's id."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest of a zone says."""

    owner: str
    generation: int
    hash: str  # of what was desired
    part: int  # of the push, from 1
    of: int
    drained: tuple[str, ...] = ()  # RDATA taken out past our servers, as text, sorted

    def text(self) -> str:
        """Return it as the text of a TXT record."""
        drained = f",gslb/drained={'+'.join(self.drained)}" if self.drained else ""
        return (
            f"{HERITAGE},gslb/owner={self.owner},gslb/gen={self.generation},"
            f"gslb/hash={self.hash},gslb/part={self.part}/{self.of}{drained}"
        )

    @property
    def complete(self) -> bool:
        """Whether the last batch of its push has landed."""
        return self.part == self.of


def checked_owner(text: str) -> str:
    """Return *text* if it can be an owner's id.

    Raises:
        OwnerError: it cannot.
    """
    if not OWNER.fullmatch(text):
        raise OwnerError(
            f'"{text}" cannot be an owner: 1 to 32 lower-case letters, digits and hyphens'
        )
    return text


def read_manifest(texts: tuple[str, ...]) -> Manifest | None:
    """Return the manifest that the texts of a TXT record set hold; None: it is none of ours."""
    if len(texts) != 1:
        return None
    found = re.fullmatch(
        rf"{HERITAGE},gslb/owner=({OWNER.pattern}),gslb/gen=(\d{{1,18}}),"
        r"gslb/hash=([0-9a-f]{1,64}),gslb/part=(\d{1,6})/(\d{1,6})"
        r"(?:,gslb/drained=([0-9a-z.:_*-]{1,255}(?:\+[0-9a-z.:_*-]{1,255})*))?",
        texts[0],
    )
    if found is None:
        return None
    owner, _, generation, digest, part, of, drained = found.groups()
    taken = tuple(drained.split("+")) if drained else ()
    return Manifest(owner, int(generation), digest, int(part), int(of), taken)


def mark(owner: str) -> str:
    """Return the text that marks a name as *owner*'s."""
    return f"{HERITAGE},gslb/owner={owner}"


def read_mark(texts: tuple[str, ...]) -> str | None:
    """Return whose mark the texts of a TXT record set are, or None."""
    found = re.fullmatch(rf"{HERITAGE},gslb/owner=({OWNER.pattern})", texts[0] if texts else "")
    return found.group(1) if found is not None and len(texts) == 1 else None


def mark_name(name: str, rtype: str) -> str:
    """Return where the mark of the records of *name* and *rtype* stands.

    >>> mark_name("*.example.com.", "AAAA")
    '_gslb-own.aaaa._wildcard.example.com.'
    """
    shown = f"_wildcard.{name[2:]}" if name.startswith("*.") else name
    return f"_gslb-own.{rtype.lower()}.{shown}"


def ident(owner: str, rest: str) -> str:
    """Return a set identifier that carries the mark of *owner*."""
    return f"gslb/{owner}/{rest}"


def owner_in(identifier: str) -> str | None:
    """Return whose mark a set identifier carries, or None."""
    parts = identifier.split("/", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "gslb" else None
