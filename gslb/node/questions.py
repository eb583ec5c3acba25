"""What can be asked of the plan that is served: the process that has compiled it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gslb.errors import GslbError
from gslb.node.compilation import Explain, MistakenError, PlanDrain
from gslb.node.compiler import Compiler
from gslb.steering.draineffect import DrainPlan
from gslb.steering.explanation import Explanation
from gslb.steering.situation import Situation

_Told = TypeVar("_Told")


class Questions(ABC):
    """Asks whoever has the plan at the moment."""

    def __init__(self) -> None:
        """Nobody has one yet."""
        self._compiler: Compiler | None = None

    @abstractmethod
    def situation(self) -> Situation:
        """Return what is true now."""

    async def explain(
        self,
        name: str,
        client: str,
        rtype: str,
        resolver: str | None = None,
        what_if: tuple[str, ...] = (),
    ) -> Explanation:
        """Return why *client* is answered what it is now. Raises MistakenError, GslbError."""
        question = Explain(name, client, rtype, resolver, what_if, self.situation())
        return await self.ask(lambda compiler: compiler.explain(question))

    async def plan_drain(
        self, endpoints: tuple[str, ...], *, force_down: bool = False
    ) -> DrainPlan:
        """Return what draining *endpoints* (ids) would do now. Raises GslbError."""
        question = PlanDrain(endpoints, self.situation(), force_down)
        return await self.ask(lambda compiler: compiler.plan_drain(question))

    async def ask(self, ask: Callable[[Compiler], Awaitable[_Told]]) -> _Told:
        """Ask the process that has the plan; a reload may put another one in its place meanwhile."""
        compiler = self._compiler
        if compiler is None:
            raise GslbError("the policies are not compiled yet")
        try:
            return await ask(compiler)
        except MistakenError:
            raise
        except GslbError:
            if self._compiler is None or self._compiler is compiler:
                raise
            return await ask(self._compiler)
