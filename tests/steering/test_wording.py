"""Words of explanations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gslb.policy.problems import NOWHERE
from gslb.steering.model import Reason
from gslb.steering.wording import REASON_NOTES, drain_words, percent, rule_words, unequal
from tests.steering import lab


def test_a_drain_says_where_why_and_until_when_in_utc():
    assert drain_words(None) == ""
    until = datetime(2026, 12, 1, 8, 0, tzinfo=timezone(timedelta(hours=2)))
    told = drain_words(replace(lab.DRAIN, until=until))
    assert told == 'in example.com.yaml:33 "CHG-4821 kernel", until 2026-12-01 06:00Z'
    assert drain_words(replace(lab.DRAIN, where=NOWHERE)) == '"CHG-4821 kernel"'
    assert until.astimezone(UTC).hour == 6


def test_how_a_rule_chooses():
    assert rule_words(lab.rule(lab.SITES[0])) == "pick share"
    latency = lab.rule(lab.SITES[0], pick="latency", fence=True, tie_ms=15.0)
    assert rule_words(latency) == "pick latency, tie 15 ms, fence"


@pytest.mark.parametrize(("share", "text"), [(2 / 3, "67 %"), (1.0, "100 %"), (0.0, "0 %")])
def test_percentages(share, text):
    assert percent(share) == text


def test_every_reason_but_the_normal_one_has_a_note():
    """A spill names its sites: `spill_note`."""
    assert set(REASON_NOTES) == set(Reason) - {Reason.PREFERRED, Reason.SPILL}


@pytest.mark.parametrize(
    ("one", "other", "texts"),
    [
        (0.5, 0.75, ("50 %", "75 %")),
        (0.7491, 0.75, ("74.9 %", "75.0 %")),
        (0.74996, 0.75, ("74.996 %", "75.000 %")),
        (0.7499999999, 0.75, ("75.000 %", "75.000 %")),
    ],
)
def test_shares_that_differ_read_differently(one, other, texts):
    assert unequal(one, other) == texts
