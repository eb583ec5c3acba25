"""Plans without a node: from policy files, against a zone that is read here, from a file, or empty."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gslb.errors import GslbError
from gslb.fallback.clients import connections
from gslb.fallback.messages import CopyId, Which
from gslb.fallback.proposals import described
from gslb.fallback.snapshot import Snapshot
from gslb.fallback.standing import request_of
from gslb.node.surroundings import look_around
from gslb.policy.compile import compile_policies
from gslb.policy.problems import PolicyError, Severity
from gslb.push.dialects import DIALECTS
from gslb.push.objects import Actual
from gslb.push.outcome import Proposal
from gslb.push.plan import make_plan
from gslb.push.provider import PushError
from gslb.push.statefile import read_actual
from gslb.settings import PushSection, Settings
from gslb.steering.situation import Situation
from gslb.wire.names import to_text

ANYONE = "gslb"  # the owner, where the settings name none


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan as JSON values, and what it was made from."""

    said: dict[str, Any]
    actual: Actual


def snapshot_of(settings: Settings) -> Snapshot:
    """Return what the policy files say now. Drains of a running node are not in it.

    Raises:
        PolicyError: they are refused.
    """
    plan, problems = compile_policies(list(settings.policies))
    if plan is None:
        errors = [one for one in sorted(problems) if one.severity is Severity.ERROR]
        raise PolicyError(errors)
    at = datetime.now(UTC)
    world = look_around(settings.geo, settings.state_directory, at).world
    return Snapshot(plan, world, Situation(at), int(at.timestamp()))


def plan_offline(settings: Settings, which: Which, states: Iterable[Path]) -> list[Planned]:
    """Return plans against what files say a zone holds, or against an empty one.

    The copies are those of the settings; where these name none, one of each zone at each provider.
    Raises GslbError.
    """
    files = list(states)
    push = settings.push
    if push.owner is None:
        push = push.model_copy(update={"owner": ANYONE})
    snapshot = snapshot_of(settings)
    zones = [to_text(one.apex).lower() for one in snapshot.plan.zones]
    known = [one for one, _ in connections(push)] or [
        CopyId(provider, zone, "") for zone in zones for provider in DIALECTS
    ]
    meant = [one for one in known if which.has(one)]
    if files and len(files) != len(meant):
        raise GslbError(
            f"{len(files)} files of --state for {len(meant)} copies: one for each; --provider and"
            " --zone name one copy"
        )
    found = []
    for number, one in enumerate(meant):
        actual = read_actual(files[number], one.provider, one.zone) if files else Actual()
        found.append(_planned(snapshot, push, one, actual, fresh=not files))
    return found


def _planned(
    snapshot: Snapshot, push: PushSection, one: CopyId, actual: Actual, *, fresh: bool
) -> Planned:
    zone = snapshot.zone(one.zone)
    if zone is None:
        raise GslbError(f"{one.zone} is not in the policies")
    dialect = DIALECTS[one.provider]
    request = request_of(push, snapshot.generation, drain=False)
    wish = snapshot.wish(zone, request, sampled=False)
    rendered = dialect.render(wish.desired, request.owner, actual.limits)
    plan = make_plan(dialect, wish.desired, rendered, actual, request)
    said = described(snapshot, zone, Proposal(wish, rendered, actual, plan), dialect, fresh=fresh)
    return Planned({**said, "place": one.place, "error": None}, actual)


def plan_directly(settings: Settings, which: Which) -> list[Planned]:
    """Return plans against the zones, read here, with credentials of whoever calls. Raises GslbError."""
    return asyncio.run(_plan_directly(settings, which))


async def _plan_directly(settings: Settings, which: Which) -> list[Planned]:
    snapshot = await asyncio.to_thread(snapshot_of, settings)
    found = []
    for one, connect in connections(settings.push):
        if which.has(one):
            provider = connect()
            try:
                actual = await provider.read()
            except PushError as error:
                said = {"provider": one.provider, "zone": one.zone, "place": one.place}
                found.append(Planned({**said, "error": str(error)}, Actual()))
                continue
            finally:
                await provider.close()
            found.append(
                await asyncio.to_thread(_planned, snapshot, settings.push, one, actual, fresh=False)
            )
    return found
