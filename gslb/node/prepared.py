"""Policies compiled before anything here is ours: what a new version does first of all.

The table is made beside those of the process that is to be replaced, under a generation that this
one has given away, so that neither writes over the other's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gslb.errors import GslbError
from gslb.node.compilation import Compiled, Job, Refused
from gslb.node.compiler import Compiler
from gslb.settings import Settings
from gslb.steering.situation import AliasAddresses, Situation

SERIAL_LIMIT = 1 << 32  # serials are 32 bits and wrap, RFC 1982


Aliases = Mapping[bytes, AliasAddresses]


class RefusedError(GslbError):
    """The policies may not be used. Carries every reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the policies are refused")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table on disk that shows one situation, and the process that can bring it to another."""

    compiler: Compiler
    compiled: Compiled
    situation: Situation


async def prepare(
    settings: Settings,
    generation: int,
    serial: int,
    at: datetime,
    make_compiler: Callable[[], Compiler] = Compiler,
) -> Prepared:
    """Compile the policies of *settings* as of *at* (aware), without health and drains by call.

    Args:
        settings: the node's.
        generation: of the table to be made; nobody else uses it.
        serial: the last one that the zones had.
        at: now.
        make_compiler: what policies are compiled with.

    Raises:
        RefusedError: they may not be used.
        GslbError: that could not be done.
    """
    compiler = make_compiler()
    situation = nothing_known({}, at)
    job = Job(
        policies=settings.policies,
        state_directory=settings.state_directory,
        geo=settings.geo,
        generation=generation,
        serial=next_serial(serial, at),
        situation=situation,
    )
    try:
        result = await compiler.compile(job)
        if isinstance(result, Refused):
            raise RefusedError(result.lines)
        assert isinstance(result, Compiled), "there is nothing that it could be the same as"
    except BaseException:
        await compiler.close()
        raise
    return Prepared(compiler, result, situation)


def nothing_known(aliases: Aliases, at: datetime) -> Situation:
    """Return the situation at *at* (aware) without health and without an operator's word."""
    return Situation(at=at, aliases=aliases)


def next_serial(last: int, at: datetime) -> int:
    """Return a serial above the *last* one, and not below the clock, so that it survives loss."""
    return max(last + 1, int(at.timestamp())) % SERIAL_LIMIT
