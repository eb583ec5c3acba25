"""Blocks of counters before anybody counts in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gslb.errors import GslbError
from gslb.node import memory


def test_what_cannot_be_made_leaves_no_descriptor_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that cannot be started for want of memory is tried again and again."""
    room = iter((True, False))
    write = os.pwrite

    def pwrite(descriptor: int, octets: bytes, at: int) -> int:
        if not next(room):
            raise OSError(12, "Cannot allocate memory")
        return write(descriptor, octets, at)

    monkeypatch.setattr(memory.os, "pwrite", pwrite)
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(GslbError, match="no memory for counters: Cannot allocate memory"):
        memory.make_blocks(None, 1, 0)
    assert set(Path("/proc/self/fd").iterdir()) == before
