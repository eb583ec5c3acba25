"""Compiled code is kept for the run, whatever the caller's own habit: each test process imports it all.

Where nothing keeps it, collecting the suite takes twice the CPU time, in each of pytest's processes,
and every server that a test starts compiles itself first.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

FOLDER: Final = Path(tempfile.gettempdir()) / f"gslb-tests-{os.getuid()}"
ENVIRONMENT: Final = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(FOLDER),
}


def keep() -> None:
    """Keep what this process compiles from now on, and what those that it starts do."""
    os.environ.update(ENVIRONMENT)
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(FOLDER)
