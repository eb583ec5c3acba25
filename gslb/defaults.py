"""Where things are on a machine, unless somebody says otherwise."""

from __future__ import annotations

from pathlib import Path

DEFAULT_CONFIG = Path("/etc/gslb/gslb.yaml")
DEFAULT_POLICIES = Path("/etc/gslb/policies")
