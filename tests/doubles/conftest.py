"""The doubles under test."""

from __future__ import annotations

from tests.doubles.fixtures import clouddns, route53, route53_client

__all__ = ["clouddns", "route53", "route53_client"]
