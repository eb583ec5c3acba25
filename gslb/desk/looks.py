"""The tree and the workers, looked at for those who ask: small readings of what others have made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gslb.api.drainmodels import FileDrain
from gslb.api.locationmodels import Location
from gslb.api.models import WorkerStatus
from gslb.state.tree import Node


def file_drains(
    locations: Iterable[Location], above: FileDrain | None = None
) -> Iterator[tuple[str, FileDrain]]:
    """Yield the drains of policy files, each with the path of the location where it begins.

    *above* is the one that holds the parent of *locations*.
    """
    for one in locations:
        if one.file_drain is not None and one.file_drain != above:
            yield one.path, one.file_drain
        yield from file_drains(one.children, one.file_drain)


def leaves(nodes: tuple[Node, ...]) -> list[Node]:
    """Return the endpoints among *nodes* and below them."""
    found: list[Node] = []
    rest = list(nodes)
    while rest:
        node = rest.pop()
        if node.children:
            rest += node.children
        else:
            found.append(node)
    return found


def state_of(leaf: Node) -> str:
    """Return the one state of an endpoint: who is drained is nothing else."""
    for state in ("drained", "down", "up"):
        if getattr(leaf, state):
            return state
    return "unknown"


def worker_status(said: dict[str, Any]) -> WorkerStatus:
    """Return what a worker says of itself."""
    return WorkerStatus(
        worker=said["worker"],
        serving=bool(said["serving"]),
        generation=int(said.get("generation") or 0),
        restarts=said["restarts"],
    )
