"""``/explain``: what a client is answered, and why."""

from __future__ import annotations

from pydantic import TypeAdapter

from gslb.api.access import Scope
from gslb.api.models import ExplainQuery
from gslb.api.routes import Answer, Call, Reply, Route, reply_of
from gslb.steering.explanation import Explanation

EXPLANATION = TypeAdapter(Explanation)


async def show(call: Call) -> Reply:
    """Explain one answer."""
    return reply_of(EXPLANATION, await call.services.explain(call.the(ExplainQuery)))


ROUTES = (
    Route(
        "GET",
        "/explain",
        "explainAnswer",
        Scope.READ,
        "What a client is answered, and why",
        show,
        (Answer(200, "The whole story of one question.", EXPLANATION),),
        query=ExplainQuery,
    ),
)
