"""What is to be pushed, in nobody's dialect: who (cells, blocks) → chain → pools → endpoints.

A chain is a rule as DNS services can follow it: steps, each a set of pools with shares, the first
step that has something healthy answers; and a terminal for when none has. Keys of chains and
pools follow from the policy alone, never from drains: so a drain changes few objects, and no name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gslb.geo.table import Place
from gslb.policy.plan import Check
from gslb.push.losses import Loss
from gslb.steering.model import ClientClass


@dataclass(frozen=True, slots=True)
class Probe:
    """One address, probed one way. Equal probes are one check, whoever uses them."""

    check: Check
    address: str  # as text
    host: str  # for HTTP Host and TLS server name; never empty


@dataclass(frozen=True, slots=True)
class Target:
    """One record's worth of an endpoint: an address, or a host name (absolute) that is handed on."""

    endpoint: str  # its id; "aws/us-east-1/use1-az1#1" for the second address of an alias
    rdata: str  # as text
    weight: int  # relative within its pool; 0: only when every weighted one is gone
    probes: tuple[Probe, ...]  # all must pass; empty: taken to be healthy


@dataclass(frozen=True, slots=True)
class Pool:
    """The live (not drained) targets of one site under one check, for one type and TTL."""

    key: str
    common: str  # the key that those of all types have: A and AAAA of one site under one check
    site: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A pool in a step, with its share of the traffic."""

    pool: str  # key
    share: int  # above 0, relative to the others of the step


@dataclass(frozen=True, slots=True)
class Step:
    """Pools that serve together. Those without targets have been left out."""

    key: str
    rest: str  # of this step and all behind it, and the ending: chains that end alike share it
    shares: tuple[Share, ...]
    alone: bool  # the policy names one pool only here, drained or not


@dataclass(frozen=True, slots=True)
class Word:
    """A site that a policy names in a step, drained or not."""

    pool: str  # key
    share: int  # above 0
    size: int  # targets that it would have without drains


class Ending(StrEnum):
    """What a chain does when no step has anything healthy."""

    SERVE_ALL = "serve_all"  # the first step, health ignored
    LAST_RESORT = "last_resort"


@dataclass(frozen=True, slots=True)
class Chain:
    """One way of answering: what a class of clients gets under whatever health.

    `steps` has no empty step; it is empty only if the last resort answers for everything drained.
    """

    key: str  # of the policy's words, drained or not: it is the `rest` of the first step
    shape: str  # sites and shares, drained or not, whatever the type: A and AAAA may agree in it
    rule: str  # the name of the first rule that comes to it
    fence: bool
    steps: tuple[Step, ...]
    words: tuple[tuple[Word, ...], ...]  # all steps as the policy has them, drained or not
    ending: Ending


@dataclass(frozen=True, slots=True)
class Cell:
    """The clients of one place: which chains they get, and how much traffic each is."""

    place: Place
    chains: Mapping[str, float]  # key → part of all clients of the policy, heaviest first


@dataclass(frozen=True, slots=True)
class Block:
    """Clients under a prefix who get another chain than most of their place."""

    prefix: str  # "192.0.2.0/24"
    chain: str
    weight: float  # part of all clients of the policy


@dataclass(frozen=True, slots=True)
class SteeredSet:
    """The names of one policy, for one type."""

    policy: str
    rtype: str  # "A", "AAAA" or "CNAME"
    ttl: int  # seconds
    names: tuple[str, ...]  # absolute, lower case, sorted
    chains: Mapping[str, Chain]
    classes: Mapping[ClientClass, str]  # as our engine tells them apart → key of the chain
    pools: Mapping[str, Pool]
    last_resort: tuple[str, ...]  # as text; empty: there is none of this type
    cells: tuple[Cell, ...]  # by place; the unknown place first
    blocks: tuple[Block, ...]
    losses: tuple[Loss, ...]  # those that no provider can avoid


@dataclass(frozen=True, slots=True)
class PlainSet:
    """Records that are the same for everybody."""

    name: str
    rtype: str
    ttl: int
    rdatas: tuple[str, ...]  # zone-file text


@dataclass(frozen=True, slots=True)
class Refusal:
    """Names that are not pushed, so that what is there stays; and why."""

    policy: str
    names: tuple[str, ...]
    rtype: str
    reason: str
    there: SteeredSet | None = None  # what is there was made of: the set without drains


@dataclass(frozen=True, slots=True)
class Desired:
    """What a managed zone should answer."""

    zone: str  # absolute, lower case
    steered: tuple[SteeredSet, ...]
    plain: tuple[PlainSet, ...]
    refusals: tuple[Refusal, ...]
    drained: frozenset[str]  # RDATA left out because of drains, as text
