"""What the API says of the cloud/region/zone tree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from gslb.api.drainmodels import Drain, FileDrain
from gslb.api.models import Model
from gslb.state.locations import matches
from gslb.state.overrides import Override
from gslb.state.tree import Node


class LocationStatus(StrEnum):
    """What is believed of everything at a location together."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    PARTLY = "partly"  # some of it is down


class Location(Model):
    """A node of the cloud/region/zone tree; both kinds of drain stand side by side."""

    path: str
    status: LocationStatus
    endpoints: int = Field(description="at and below; so are `up` to `waiting`")
    up: int
    down: int
    unknown: int
    drained: int
    usable: int = Field(description="neither down nor drained")
    waiting: int = Field(description="down, held back by the limit on the speed of removal")
    masked: bool = Field(description="health keeps all of it out of the answers")
    weight: int = Field(description="declared")
    capacity: float = Field(description="usable weight over declared weight, 0 to 1")
    overrides: tuple[Drain, ...] = Field(description="operators' calls that begin at this level")
    file_drain: FileDrain | None = Field(description="a policy file's line, if it holds all of it")
    children: tuple[Location, ...] = ()

    @classmethod
    def of(
        cls, node: Node, overrides: Sequence[Override], at: datetime, parent: str | None = None
    ) -> Self:
        """Return *node* and all below it, with what *overrides* say of them at *at* (aware)."""
        here = [
            Drain.of(one, at)
            for one in overrides
            if matches(one.pattern, node.path)
            and (parent is None or not matches(one.pattern, parent))
        ]
        file = node.file
        return cls(
            path=node.path,
            status=_status(node),
            endpoints=node.endpoints,
            up=node.up,
            down=node.down,
            unknown=node.unknown,
            drained=node.drained,
            usable=node.usable,
            waiting=node.waiting,
            masked=node.masked,
            weight=node.weight,
            capacity=node.capacity,
            overrides=tuple(here),
            file_drain=file and FileDrain(why=file.why, until=file.until, where=str(file.where)),
            children=tuple(cls.of(child, overrides, at, node.path) for child in node.children),
        )


def _status(node: Node) -> LocationStatus:
    if node.down:
        return LocationStatus.DOWN if node.down == node.endpoints else LocationStatus.PARTLY
    return LocationStatus.UP if node.up else LocationStatus.UNKNOWN


class Locations(Model):
    """The whole tree, and the generation of the answers that it goes with."""

    generation: int
    clouds: tuple[Location, ...]
