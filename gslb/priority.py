"""Who goes first when the processor is short: the workers, which answer.

A worker that wakes with a query must not wait for a reload or for the API. Linux (EEVDF, since 6.6)
lets it have the processor at once if it was owed more than it took, else when the other one's turn is
over, milliseconds later. Beside lowered processes it is nearly always owed: on one core that a busy
API wanted too, it waited for processes of the node more than 0.1 ms at 14 % of its wake-ups with equal
priorities, at 3 % with ten steps between; shorter turns (sched_setattr) changed nothing. More steps
were no better, and left too little for replacements under a flood.
Each thread has a priority, passed on to whatever it starts; to lower one takes no privilege, to
raise it again does. So what starts a worker is a thread that was never lowered: `FRONT`.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

# Steps of `nice`, from the priority that the program was started with. Each takes a fifth away.
BEHIND = 5  # the supervisor and what it runs: of a core that a flood fills, it still has a quarter

FRONT = ThreadPoolExecutor(1, thread_name_prefix="front")  # keeps the priority of who begins


def let_workers_go_first() -> None:
    """Lower the thread that calls; what `FRONT` starts from now on keeps the priority it had."""
    FRONT.submit(int).result()  # its thread is started by this one, and must be first
    step_back(BEHIND)


def step_back(steps: int) -> None:
    """Lower the thread that calls by *steps* of `nice`, as far as there are any."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + steps)
