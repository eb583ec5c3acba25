"""What a provider is: a dialect (pure) and a client (network). Route 53 and Cloud DNS are two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gslb.errors import GslbError
from gslb.push.model import Desired
from gslb.push.objects import (
    Actual,
    Batch,
    Change,
    Limits,
    Place,
    Rendered,
    Rrset,
    RrsetKey,
    Support,
)
from gslb.push.pruning import Pruned


class PushError(GslbError):
    """A push could not go on."""


class Conflict(PushError):  # noqa: N818  what happened, not who is to blame
    """What a batch deletes is not what is there, or what it creates is: read and plan again."""


class Throttled(PushError):  # noqa: N818
    """The provider asks for patience, and retries did not help."""


class Unavailable(PushError):  # noqa: N818
    """The provider cannot be used: credentials, access, network. Serving goes on."""


class Unknown(PushError):  # noqa: N818
    """A reply was lost: the batch may have landed. The manifest tells."""


class Refused(PushError):  # noqa: N818
    """The provider does not take a batch. `names` are those it complains of; empty: all of it."""

    def __init__(self, text: str, names: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.names = tuple(names)


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, as a managed provider sees it."""

    country: str  # ISO 3166-1 alpha-2; "" unknown
    subdivision: str  # the part of ISO 3166-2 after the hyphen; "" unknown
    latitude: float  # degrees north; ignored where the country is unknown
    longitude: float  # degrees east
    family: int  # 4 or 6
    address: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a managed copy answers: each record's chance to be the first; they sum to 1, or none."""

    chances: Mapping[str, float]  # RDATA as text → chance
    at_once: int  # the most records in one answer


# Key of a check → whether it passes. Where one check probes many addresses (Cloud DNS), the key,
# a space and the address.
Up = Callable[[str], bool]
Rrsets = Mapping[RrsetKey, Rrset]
Supports = Mapping[str, Support]


class Reader(Protocol):
    """Answers as a provider would, from what was pushed."""

    def answer(self, name: str, rtype: str, client: Client, up: Up) -> Answer:
        """Return what *client* gets for *name*, with checks passing by *up*."""


class Dialect(Protocol):
    """How a provider writes policies down and reads them. No sockets, clocks or randomness."""

    @property
    def name(self) -> str:
        """Return "route53" or "clouddns"."""

    @property
    def limits(self) -> Limits:
        """Return the documented limits."""

    def render(self, desired: Desired, owner: str, limits: Limits | None = None) -> Rendered:
        """Return the objects that say *desired* best, and what they cannot say.

        *limits*: those of the account or project; None: the documented ones.
        """

    def text(self, name: str, ttl: int, content: str) -> Rrset:
        """Return a TXT record: a marker or the manifest."""

    def text_of(self, rrset: Rrset) -> tuple[str, ...]:
        """Return the texts of a TXT record set."""

    def steers(self, rrset: Rrset) -> str | None:
        """Return the kind of policy that *rrset* is part of; None: it is plain.

        Sets of one name and type are of one kind; a change of kind replaces all of them.
        """

    def owner_of(self, rrset: Rrset) -> str | None:
        """Return whose mark *rrset* carries itself, or None: then a TXT beside it tells."""

    def refers(self, rrset: Rrset) -> frozenset[Place]:
        """Return the sets of our own zone that *rrset* leads to."""

    def weights(self, rrset: Rrset) -> Mapping[str, float]:
        """Return the steered RDATA that *rrset* holds itself, with weights; aliases hold none."""

    def supports_of(self, rrset: Rrset) -> frozenset[str]:
        """Return the keys of the supports that *rrset* names."""

    def size(self, change: Change) -> tuple[int, int]:
        """Return what *change* takes of a batch: elements, and characters of values."""

    def live(self, rrset: Rrset) -> int:
        """Return how many records or aliases *rrset* holds; 0 is never pushed."""

    def checks_used(self, rrsets: Iterable[Rrset], checks: int) -> int:
        """Return what a zone of *rrsets* and an account with so many *checks* take of the quota."""

    def monthly_cost(self, supports: Sequence[Support]) -> float:
        """Return US dollars a month for *supports*, by list price."""

    def prune(self, rrsets: Rrsets, gone: frozenset[str]) -> Pruned:
        """Return what is left of our *rrsets* (marks too) without the endpoints answered as *gone*.

        Raises:
            NothingLeft: a name would have no endpoint.
        """

    def reader(self, rrsets: Rrsets, supports: Supports) -> Reader:
        """Return what answers from *rrsets* as the provider documents it."""


class Provider(Protocol):
    """A provider's zone over the network. Errors are those above; nothing else escapes.

    A provider keeps to its rate by itself. Every call may take seconds.
    """

    @property
    def dialect(self) -> Dialect:
        """Return how it writes."""

    def inherit(self, owners: frozenset[str]) -> None:
        """Have the supports of other *owners* read with ours from now on, to be deleted with them.

        Their keys end in "@" and the owner: nothing new is ever made to name them.
        """

    async def read(self) -> Actual:
        """Return all record sets of the zone and the supports of ours, with the limits."""

    async def create(self, supports: Sequence[Support]) -> None:
        """Create supports that are not there yet, in order; those that are there are left."""

    async def commit(self, batch: Batch) -> str:
        """Hand in a batch and return the provider's name of the change.

        Raises:
            Conflict, Refused: nothing was changed.
            Unknown: perhaps.
        """

    async def settled(self, change: str) -> bool:
        """Return whether the name servers have the change, as far as the provider says."""

    async def discard(self, keys: Sequence[str]) -> None:
        """Delete supports of ours."""

    async def close(self) -> None:
        """Close connections."""
