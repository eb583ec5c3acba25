"""Memory for blocks of counters, made before the workers that count in it.

A block is an anonymous file (memfd), so that counting waits for no disk; its size is sealed, so that
nobody's mapping of it can break.
"""

from __future__ import annotations

import fcntl
import os

from gslb.answers.table import AnswerTable
from gslb.dataplane import counters
from gslb.dataplane.settings import Transport
from gslb.errors import GslbError

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def make_blocks(table: AnswerTable | None, generation: int, worker: int) -> list[int]:
    """Return descriptors of blocks for a *worker* that is to serve *table*: UDP's, TCP's.

    None: the table of that *generation* cannot be read here. Raises GslbError.
    """
    zones = len(table.zones) if table is not None else 0
    choices = table.choices if table is not None else 0
    made: list[int] = []
    try:
        for transport in counters.TRANSPORTS:
            made += [make_block(zones, choices, generation, worker, transport)]
    except GslbError:
        for descriptor in made:
            os.close(descriptor)
        raise
    return made


def make_block(zones: int, choices: int, generation: int, worker: int, transport: Transport) -> int:
    """Return a block for a table with so many *zones* and *choices*, as a descriptor.

    Raises GslbError.
    """
    octets = counters.new_block(zones, choices, generation, worker, transport)
    descriptor = -1
    try:
        descriptor = os.memfd_create("gslb-counters", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.truncate(descriptor, len(octets))
        os.pwrite(descriptor, octets[: counters.WORD * counters.ROWS], 0)  # zeros follow
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        raise GslbError(f"no memory for counters: {error.strerror}") from None
    return descriptor
