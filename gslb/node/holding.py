"""Holding a reload back that would move much of all answers at once (failures F33), if wanted."""

from __future__ import annotations

import asyncio

from gslb.errors import GslbError
from gslb.node.compiler import Compiler

LOOK_SECONDS = 0.02  # between two looks, while it is weighed


class HeldError(GslbError):
    """Policies that wait for an operator's word."""


async def hold_back(compiler: Compiler) -> None:
    """Return if what was compiled moves no large part of all answers.

    Raises:
        HeldError: it does.
        GslbError: that could not be found out.
    """
    while True:
        looked = await compiler.look()
        if looked.shifts:
            raise HeldError(
                f"held, because much would move at once: {looked.shifts[0].words};"
                " gslb reload --confirm serves it all the same"
            )
        if not looked.more:
            return
        await asyncio.sleep(LOOK_SECONDS)
