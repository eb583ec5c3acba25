"""What goes into an answer table, as values; `answers.pack` makes octets of them.

The shape of steering in the table:

    name → typeset → steer → (resolver's view) → prefix map → client class
         → choice cell → choice: sites by weight → pool cell → pool: answer sets by weight → body

Names share typesets, typesets share steers, choices share pools, so that a change of health
rewrites the cells of what it touches and costs nothing per name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # readers of tables need the other shapes here, and no numpy
    import numpy as np
    import numpy.typing as npt

STICKY_SLOTS = 1024  # slots of a sticky choice or pool: shares to 0.1 %, 4 KiB each
MAX_CLASSES = 65_535  # client classes of one prefix map; they are stored as 16 bits


@dataclass(frozen=True, slots=True)
class Body:
    """The rendered sections of a response, ready to be copied behind the question.

    Records whose owner is the queried name begin with the pointer C00C. The two octets at each
    offset in `fixups` are to be overwritten with a pointer (C000 | offset) to the zone's apex
    inside the question, which is always a suffix of the queried name: so one body serves every
    name of the zone, and the case of the question is kept.
    """

    octets: bytes
    answer: int = 0  # records in each section, in this order in `octets`
    authority: int = 0
    additional: int = 0  # additional records that must fit (glue), or the response is truncated
    optional: int = 0  # additional records that may be left out, last in `octets`
    optional_octets: int = 0  # how many of `octets` they take
    fixups: tuple[int, ...] = ()  # offsets into `octets`, ascending
    stride: int = 0  # not 0: every answer record has this many octets and they may be rotated


@dataclass(frozen=True, slots=True)
class Pool:
    """The answer sets of one site for one type: one is picked by weight.

    Not sticky: `weights` are relative, above 0, one for each body.
    Sticky: `slots` has STICKY_SLOTS indices into `bodies`; a client's prefix picks the slot.
    """

    bodies: tuple[Body, ...]
    weights: tuple[float, ...] = ()
    slots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What one class of clients gets: one pool is picked by weight (or slot), as in `Pool`.

    `refused` (no pools): the policy says in words to refuse when all is down.
    """

    pools: tuple[int, ...]  # indices into TableContent.pools
    weights: tuple[float, ...] = ()
    slots: tuple[int, ...] = ()  # indices into `pools` of this choice
    refused: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PrefixMap:
    """Client address → class. Ranges are half-open up to the next start; the first start is 0.

    Neighbouring ranges have different classes. IPv6 addresses are their upper 64 bits.
    """

    starts4: npt.NDArray[np.uint32]
    classes4: npt.NDArray[np.uint16]
    starts6: npt.NDArray[np.uint64]
    classes6: npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Steer:
    """How one policy answers one type.

    `views` are indices into TableContent.maps, one for each class of resolvers: `resolvers` (an
    index too) maps the resolver's own address to the view; without it there is one view.
    A class in any view is an index into `choices`, which are indices into TableContent.choices.
    """

    views: tuple[int, ...]
    choices: tuple[int, ...]
    resolvers: int | None = None
    sticky: bool = False  # the answer depends on the client's prefix up to the ECS cap
    ignore_ecs: bool = False


@dataclass(frozen=True, slots=True)
class Typeset:
    """The types at a name. An entry is a body of static records, or an index into steers.

    A CNAME entry under `rtype` 5 answers every type but those that have an entry of their own.
    """

    static: Mapping[int, Body] = field(default_factory=dict)  # by RR type
    steered: Mapping[int, int] = field(default_factory=dict)  # by RR type: index into steers


@dataclass(frozen=True, slots=True)
class ZoneContent:
    """One zone: its names and what they have. Names are wire form in lower case.

    `names` holds every owner name and every empty non-terminal, the apex, wildcards (``*`` as the
    first label) and zone cuts, and nothing below a cut.
    """

    apex: bytes
    serial: int
    negative: Body  # SOA in the authority section
    names: Sequence[tuple[bytes, int]]  # name, index into TableContent.typesets
    cuts: Mapping[bytes, Body]  # delegations: the referral
    ecs: bool  # client subnets are used and echoed in this zone


@dataclass(frozen=True, slots=True)
class TableContent:
    """A whole answer table."""

    zones: tuple[ZoneContent, ...]
    typesets: Sequence[Typeset]
    steers: Sequence[Steer]
    maps: Sequence[PrefixMap]
    choices: Sequence[Choice]
    pools: Sequence[Pool]
    origin: str = ""  # the plan's hash, for people


@dataclass(frozen=True, slots=True)
class Patch:
    """New contents for some choices and pools of a table; indices as in its TableContent."""

    choices: Mapping[int, Choice] = field(default_factory=dict)
    pools: Mapping[int, Pool] = field(default_factory=dict)
