"""``/push``: copies of our zones at other services: how they stand, plans, and carrying one out."""

from __future__ import annotations

from gslb.api.access import Scope
from gslb.api.problems import ApiProblem
from gslb.api.pushmodels import (
    Copy,
    CopyList,
    PushApplyRequest,
    PushPlanRequest,
    PushPlans,
    PushVerified,
    PushVerifyRequest,
)
from gslb.api.routes import Answer, Call, Reply, Route, reply

SECONDS = 150.0  # a large zone is read in many pages, and its copy is measured


async def show(call: Call) -> Reply:
    """Return how every copy stands."""
    return reply(CopyList(copies=call.services.copies.copies()))


async def plan(call: Call) -> Reply:
    """Read the zones and say what a push would do; nothing is changed.

    Plans that take over or purge need the scope admin.
    """
    wanted = call.the(PushPlanRequest)
    if wanted.drastic and Scope.ADMIN not in call.caller.scopes:
        raise ApiProblem(403, f"Plans that take over or purge take the scope {Scope.ADMIN}.")
    return reply(await call.services.copies.plan(wanted))


async def apply(call: Call) -> Reply:
    """Begin to carry out a plan that was made before, if nothing has changed since."""
    return reply(await call.services.copies.apply(call.the(PushApplyRequest), call.author), 202)


async def verify(call: Call) -> Reply:
    """Read the zones, and compare them and their answers with what they should be."""
    return reply(await call.services.copies.verify(call.the(PushVerifyRequest)))


ROUTES = (
    Route(
        "GET",
        "/push",
        "listCopies",
        Scope.READ,
        "How the copies at other services stand",
        show,
        (Answer(200, "Every copy.", CopyList),),
    ),
    Route(
        "POST",
        "/push/plan",
        "planPush",
        Scope.POLICY,
        "What a push would do",
        plan,
        (Answer(200, "A plan for each copy.", PushPlans),),
        body=PushPlanRequest,
        problems=(409, 413, 415),
        longer=SECONDS,
    ),
    Route(
        "POST",
        "/push/apply",
        "applyPush",
        Scope.POLICY,
        "Carry a plan out",
        apply,
        (Answer(202, "It has begun; `GET /push` tells how far it is.", Copy),),
        body=PushApplyRequest,
        problems=(409, 413, 415, 507),
        longer=SECONDS,
    ),
    Route(
        "POST",
        "/push/verify",
        "verifyPush",
        Scope.POLICY,
        "Whether copies are what they should be",
        verify,
        (Answer(200, "What was found.", PushVerified),),
        body=PushVerifyRequest,
        problems=(409, 413, 415),
        longer=SECONDS,
    ),
)
