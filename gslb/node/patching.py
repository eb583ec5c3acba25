"""Having a table brought to another situation, with a generation at hand should it need a new one."""

from __future__ import annotations

from gslb.node.compilation import Change, Compiled, Patched
from gslb.node.compiler import Compiler
from gslb.node.generations import Generations
from gslb.steering.situation import Situation


async def patched(
    compiler: Compiler,
    generations: Generations,
    situation: Situation,
    *,
    rewrite: bool = False,
    look_around: bool = False,
) -> Patched | Compiled:
    """Have the table changed; a new one, where it has to be, gets the next of *generations*.

    Raises GslbError.
    """
    spare = generations.next()
    result: Patched | Compiled | None = None
    try:
        result = await compiler.patch(Change(situation, spare, rewrite, look_around))
    finally:
        if not isinstance(result, Compiled):
            generations.give_back(spare)
    return result
