"""What the processes of a node load, and what they leave alone: a start costs little but that."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("process", "unwanted"),
    [
        (
            "gslb.supervisor",
            {"numpy", "dns.asyncresolver", "gslb.push.provider", "gslb.steering.audience"},
        ),
        ("gslb.node.tablemaker", {"asyncio", "aiohttp", "gslb.settings"}),
        ("gslb.dataplane.worker", {"numpy", "pydantic", "dns", "gslb.settings"}),
        ("healthcheck.agent", {"numpy", "pydantic", "gslb"}),
    ],
)
def test_a_process_does_not_load_what_others_need(process: str, unwanted: set[str]) -> None:
    """Each of them would take every start tens of milliseconds of CPU."""
    said = f"import sys, {process}; print(*sys.modules)"
    command = [sys.executable, "-P", "-c", said]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert unwanted & set(done.stdout.split()) == set()
