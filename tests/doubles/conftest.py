"""The doubles under test."""

from __future__ import annotations

from tests.doubles.fixtures import route53, route53_client

__all__ = ["route53", "route53_client"]
