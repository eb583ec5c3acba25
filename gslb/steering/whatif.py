"""Suppositions: a situation as it would be if a part of the tree were down, up or drained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from gslb.errors import GslbError
from gslb.policy.plan import Check, Drained, Endpoint, Plan
from gslb.policy.problems import NOWHERE
from gslb.steering.explain import explain
from gslb.steering.explanation import Explanation
from gslb.steering.situation import Health, Situation, Status
from gslb.steering.world import World

MAX_NAMED = 3  # endpoints in one sentence

WORDS = {
    "down": Health(Status.DOWN, Status.DOWN, detail="supposed"),
    "up": Health(Status.UP, Status.UP, detail="supposed"),
}


class SuppositionError(GslbError):
    """A supposition says nothing that could be supposed."""


def suppose(plan: Plan, situation: Situation, suppositions: Iterable[str]) -> Situation:
    """Return *situation* as it would be with *suppositions*, applied in order.

    Args:
        plan: tells which endpoints there are, and which checks judge them.
        situation: what is true.
        suppositions: ``down:LOCATION``, ``up:LOCATION`` or ``drain:LOCATION``; a location is a
            path of the cloud/region/zone tree, of any depth, and each part may have wildcards:
            ``aws``, ``aws/*/use1-az2``.

    Raises:
        SuppositionError: another word, or no endpoint at the location.
    """
    health, drains = dict(situation.health), dict(situation.drains)
    for text in suppositions:
        word, colon, location = text.partition(":")
        if not colon or not (word in WORDS or word == "drain"):
            raise SuppositionError(
                f'"{text}" is no supposition; write down:LOCATION, up:LOCATION or drain:LOCATION'
            )
        endpoints = matching_endpoints(plan, location)
        if not endpoints:
            raise SuppositionError(_unknown(plan, location))
        for endpoint, checks in endpoints.items():
            if word == "drain":
                drains[endpoint] = Drained("supposed", None, NOWHERE)
            else:
                health.update({(endpoint, check): WORDS[word] for check in checks})
    return replace(situation, health=health, drains=drains)


def explain_supposing(
    plan: Plan,
    world: World,
    situation: Situation,
    name: str,
    client: str,
    rtype: int,
    resolver: str | None,
    suppositions: Sequence[str],
) -> Explanation:
    """Do `explain` as if *suppositions* were true; its notes say which of them change nothing.

    Raises:
        SuppositionError: as `suppose`.
        GslbError: as `explain`.
    """
    supposed = suppose(plan, situation, suppositions)
    story = explain(plan, world, supposed, name, client, rtype, resolver)
    idle = without_effect(plan, supposed, suppositions)
    return replace(story, notes=(*story.notes, *idle))


def without_effect(plan: Plan, situation: Situation, suppositions: Iterable[str]) -> list[str]:
    """Return a sentence for each of *suppositions* that *situation*, made by them, does not show.

    A drain is an operator's word: what is drained stays so however healthy it is supposed to be.
    """
    held = {
        endpoint.id
        for endpoint, _ in judged_endpoints(plan)
        if situation.drain_of(endpoint) is not None
    }
    sentences = []
    for text in suppositions:
        word, _, location = text.partition(":")
        drained = sorted(held & matching_endpoints(plan, location).keys()) if word == "up" else []
        if drained:
            more = f" and {len(drained) - MAX_NAMED} more" if len(drained) > MAX_NAMED else ""
            names = ", ".join(drained[:MAX_NAMED]) + more
            are = "are" if len(drained) > 1 else "is"
            sentences.append(f"{text} does not end a drain: {names} {are} drained still")
    return sentences


def matching_endpoints(plan: Plan, location: str) -> dict[str, set[Check | None]]:
    """Return the ids of the endpoints at *location*, each with the checks that judge it."""
    found: dict[str, set[Check | None]] = {}
    for endpoint, checks in judged_endpoints(plan):
        if at_location(endpoint.id, location):
            found.setdefault(endpoint.id, set()).update(checks)
    return found


def judged_endpoints(plan: Plan) -> Iterator[tuple[Endpoint, set[Check | None]]]:
    """Yield every endpoint of every zone, with the checks that the zone's policies judge it by."""
    for zone in plan.zones:
        for site in zone.sites.values():
            checks = {policy.checks.get(site.name) for policy in zone.policies} or {None}
            for endpoint in site.endpoints:
                yield endpoint, checks


def at_location(endpoint: str, location: str) -> bool:
    """Return whether the endpoint with this id is at or below *location*.

    >>> at_location("aws/us-east-1/use1-az2", "aws/*/use1-az2")
    True
    >>> at_location("aws/us-east-1/use1-az2", "aws/us-west-*")
    False
    """
    parts, patterns = endpoint.split("/"), location.strip("/").split("/")
    if len(patterns) > len(parts):
        return False
    return all(map(fnmatchcase, parts, patterns))


def _unknown(plan: Plan, location: str) -> str:
    known: set[str] = set()
    for endpoint, _ in judged_endpoints(plan):
        parts = endpoint.id.split("/")
        known.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    close = get_close_matches(location, sorted(known), 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f'no endpoint is at "{location}"{hint}'
