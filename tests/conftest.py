"""Options and fixtures of all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A timing is never a test: how long an example takes says how busy the machine is.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let long proofs run at length, before a release or at night."""
    parser.addoption("--long", action="store_true", help="run long proofs at length")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether long proofs are to run at length."""
    return bool(request.config.getoption("--long"))
