"""Where things are on a machine, unless somebody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT_CONFIG = Path("/etc/gslb/gslb.yaml")
DEFAULT_POLICIES = Path("/etc/gslb/policies")


def default_state_directory() -> Path:
    """Return /var/lib/gslb for root, else the user's own state folder (XDG base directories)."""
    if os.geteuid() == 0:
        return Path("/var/lib/gslb")
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "gslb"
