"""How long tests wait for what should come at once: an end for what hangs, and never a measure."""

from __future__ import annotations

from typing import Final

# A machine may run several test processes a core, each with servers of its own: what takes less
# than a second by itself has taken 24.5. The time limit of a test (pyproject.toml) is above it.
PATIENCE_SECONDS: Final = 60.0
