"""Both providers' doubles, for tests that push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.clouddns.double import CloudDnsDouble
from tests.push.venue import AtCloudDns, AtRoute53, Venue, open_double, point_here


@pytest.fixture(params=["route53", "clouddns"])
def venue(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Venue]:
    """A zone of a provider; Route 53 throttles above five requests a second."""
    with open_double(request.param) as double:
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        for name, value in point_here(double, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield AtCloudDns(double) if isinstance(double, CloudDnsDouble) else AtRoute53(double)
