"""Fixtures of the doubles; a room's conftest imports those it wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.clouddns.double import CloudDnsDouble
from tests.doubles.route53.account import Limits
from tests.doubles.route53.double import Route53Double


@pytest.fixture
def route53() -> Iterator[Route53Double]:
    """Route 53 by a clock moved by hand, not throttled (``limits`` turns that on)."""
    with Route53Double(Limits(requests_per_second=None)) as double:
        yield double


@pytest.fixture
def route53_client(route53: Route53Double, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A boto3 client of the double that tries once, so that each reply is seen."""
    import boto3
    from botocore.config import Config

    for name, value in route53.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    once = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=5)
    client = boto3.client("route53", config=once)
    yield client
    client.close()


@pytest.fixture
def clouddns() -> Iterator[CloudDnsDouble]:
    """Cloud DNS by a clock moved by hand, not throttled."""
    with CloudDnsDouble() as double:
        yield double
