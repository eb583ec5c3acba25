"""``/drains``: take a part of the tree out of the answers with one call, and put it back."""

from __future__ import annotations

from gslb.api.access import Scope
from gslb.api.drainmodels import DrainCreated, DrainRequest, Drains, DryRun, LiftQuery, WaitQuery
from gslb.api.idempotency import HEADER
from gslb.api.problems import ApiProblem
from gslb.api.pushmodels import WAIT_SECONDS, Copy, DrainAnswer, LiftAnswer
from gslb.api.routes import ROOT, Answer, Call, Reply, Route, reply

MAX_ID_DIGITS = 18  # they fit 64 bits


async def create(call: Call) -> Reply:
    """Plan the drain; make it so, unless it is a dry run or the guard refuses."""
    wanted = call.the(DrainRequest)
    if wanted.dry_run:
        return reply(DryRun(dry_run=True, plan=await call.services.plan_drain(wanted)))
    made = await call.services.create_drain(wanted, call.author, call.once)
    return created(DrainAnswer(**dict(made), copies=await _copies(call, call.the(WaitQuery))))


def created(made: DrainCreated) -> Reply:
    """Return the reply: 202 as long as the answers do not follow."""
    return reply(made, 202 if made.pending else 201, f"{ROOT}/drains/{made.drain.id}")


async def listing(call: Call) -> Reply:
    """Return what operators hold now."""
    return reply(Drains(drains=await call.services.drains()))


async def delete(call: Call) -> Reply:
    """Let health, files and other drains decide again."""
    number = call.request.match_info["id"]
    if not (number.isascii() and number.isdecimal() and len(number) <= MAX_ID_DIGITS):
        raise ApiProblem(404, "The id of a drain is a number.")
    query = call.the(LiftQuery)
    lifted = await call.services.delete_drain(int(number), query.reason or "", call.author)
    answer = LiftAnswer(**dict(lifted), copies=await _copies(call, query))
    return reply(answer, 202 if lifted.pending else 200)


async def _copies(call: Call, query: WaitQuery) -> tuple[Copy, ...]:
    """Return how the copies stand, now or when they follow."""
    copies = call.services.copies
    return await copies.settled() if query.wait else copies.copies()


ROUTES = (
    Route(
        "POST",
        "/drains",
        "createDrain",
        Scope.DRAIN,
        "Drain a location, or force it up or down",
        create,
        (
            Answer(201, "It holds, and the answers follow it.", DrainAnswer),
            Answer(202, "It holds; the answers do not follow yet (`pending`).", DrainAnswer),
            Answer(200, "What it would do (`dry_run`).", DryRun),
        ),
        query=WaitQuery,
        body=DrainRequest,
        problems=(409, 413, 415, 422, 507),
        headers=((HEADER, "the same key and body again gets the same answer, for a day"),),
        waits=WAIT_SECONDS,
    ),
    Route(
        "GET",
        "/drains",
        "listDrains",
        Scope.READ,
        "What operators hold now",
        listing,
        (Answer(200, "Oldest first.", Drains),),
    ),
    Route(
        "DELETE",
        "/drains/{id}",
        "deleteDrain",
        Scope.DRAIN,
        "End a drain or force",
        delete,
        (
            Answer(200, "It holds no longer.", LiftAnswer),
            Answer(202, "So it is; the answers do not follow yet (`pending`).", LiftAnswer),
        ),
        query=LiftQuery,
        problems=(404, 507),
        waits=WAIT_SECONDS,
    ),
)
