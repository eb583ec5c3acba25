"""Options and fixtures of all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests import bytecode

bytecode.keep()

# A timing is never a test. The deadline of an example, 200 ms by default, would be one: it fails on
# a busy machine, or where the first example pays for an import, and says nothing of the code. What
# hangs is ended by pytest-timeout.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let long proofs run at length, before a release or at night."""
    parser.addoption("--long", action="store_true", help="run long proofs at length")


def pytest_xdist_auto_num_workers() -> int:
    """Run three test processes on two cores: one that waits, for a server or a check, leaves its own."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", cores + (cores + 1) // 2))


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether long proofs are to run at length."""
    return bool(request.config.getoption("--long"))
