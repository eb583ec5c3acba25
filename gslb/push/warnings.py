"""What an operator should know of a plan before it is carried out, though it can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gslb.push.addresses import silent
from gslb.push.model import Desired, SteeredSet


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Addresses from which no checker of a provider gets an answer, and who is answered by them.

    A provider that does not take such a probe counts the address as up, another one as down.
    """

    why: str  # "private", "for documentation", …
    addresses: tuple[str, ...]
    names: tuple[str, ...]  # absolute


def unanswered(desired: Desired) -> tuple[Unanswered, ...]:
    """Return the addresses of *desired* that are to be probed and will not answer, by kind."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for one in desired.steered:
        for address in _probed(one):
            if why := silent(address):
                addresses, names = found.setdefault(why, ({}, {}))
                addresses[address] = None
                names.update(dict.fromkeys(one.names))
    return tuple(
        Unanswered(why, tuple(addresses), tuple(sorted(names)))
        for why, (addresses, names) in sorted(found.items())
    )


def _probed(one: SteeredSet) -> Iterable[str]:
    targets = (target for pool in one.pools.values() for target in pool.targets)
    return dict.fromkeys(probe.address for target in targets for probe in target.probes)
