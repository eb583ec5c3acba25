"""Both providers' doubles, for tests of what works without a node."""

from __future__ import annotations

from tests.push.conftest import venue

__all__ = ["venue"]
