"""What the tests of the deciding half share: probes and outcomes made in one line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from healthcheck.model import Kind, Outcome, Probe, Verdict

MakeProbe = Callable[..., Probe]
MakeOutcome = Callable[..., Outcome]

_VERDICTS = {
    "+": (Verdict.PASSED, Kind.OK),
    "-": (Verdict.FAILED, Kind.TIMEOUT),
    "?": (Verdict.UNKNOWN, Kind.LATE),
}


@pytest.fixture(scope="session")
def make_probe() -> MakeProbe:
    """Return a maker of probes; every 5 s, timeout 2 s, 3 down, 2 up unless told otherwise."""

    def make(
        number: int = 1,
        *,
        every: float = 5.0,
        timeout: float = 2.0,
        down_after: int = 3,
        up_after: int = 2,
    ) -> Probe:
        address = f"192.0.2.{number}" if number < 256 else f"2001:db8::{number:x}"
        return Probe("tcp", address, 443, every, timeout, down_after, up_after)

    return make


@pytest.fixture(scope="session")
def make_outcome() -> MakeOutcome:
    """Return a maker of outcomes from ``+``, ``-`` or ``?`` and the time."""

    def make(sign: str, at: float, took: float = 0.0) -> Outcome:
        verdict, kind = _VERDICTS[sign]
        return Outcome(verdict, kind, f"saw {sign}", at, at, at + took)

    return make
