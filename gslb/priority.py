"""Who goes first when the processor is short: the workers, which answer.

A worker that wakes with a query must not wait for a reload or for the API. The priorities below see
to it that the scheduler of Linux (EEVDF, since 6.6) owes it the processor whenever it wakes: it
would be owed less than it takes, and would wait out the others' turns, were they nearer to its own.
Each thread has a priority, passed on to whatever it starts; to lower one takes no privilege, to
raise it again does. So what starts a worker is a thread that was never lowered: `FRONT`.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

# Steps of `nice`, from the priority that the program was started with. Each takes a fifth away.
BEHIND = 10  # the supervisor and what it runs: of a core that a flood fills, it still has a tenth
FAR_BEHIND = 19  # a reload, the check of a new table: nobody is without an answer meanwhile

FRONT = ThreadPoolExecutor(1, thread_name_prefix="front")  # keeps the priority of who begins


def let_workers_go_first() -> None:
    """Lower the thread that calls; what `FRONT` starts from now on keeps the priority it had."""
    FRONT.submit(int).result()  # its thread is started by this one, and must be first
    step_back(BEHIND)


def step_back(steps: int) -> None:
    """Lower the thread that calls by *steps* of `nice`, as far as there are any."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + steps)
