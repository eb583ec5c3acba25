"""Checks as they are run: what a policy does not say is filled in."""

from __future__ import annotations

import pytest

from gslb.policy.checks import SHORT_TIMEOUT, default_timeout


@pytest.mark.parametrize(
    ("every", "timeout"), [(60.0, 2.0), (5.0, 2.0), (2.0, 0.8), (1.0, 0.5), (0.1, SHORT_TIMEOUT)]
)
def test_the_timeout_keeps_its_share_of_a_short_interval(every: float, timeout: float) -> None:
    assert default_timeout(every) == pytest.approx(timeout)
