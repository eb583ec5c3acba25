"""The sentence about the next failure."""

from __future__ import annotations

import pytest

from gslb.policy.plan import Families, Panic, WhenAllDown
from gslb.steering.capacity import candidates
from gslb.steering.decide import decide
from gslb.steering.model import ClientClass
from gslb.steering.whatnext import most_important, what_next
from tests.steering import lab

US, EU, ASIA = lab.SITES[:3]
WHERE = lab.sites(US, EU, ASIA, lab.site(lab.SITES[3], 1))
CHINA = lab.SITES[3]


def sentence(policy, situation=None, where=WHERE):
    situation = situation or lab.situation()
    cls = ClientClass(0)
    stock = {
        name: candidates(where[name], lab.CHECK, Families.TOGETHER, 1, situation)
        for name in policy.rules[0].sites
    }
    decision = decide(policy, where, cls, 1, situation)
    return what_next(policy, cls, 1, decision, stock)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (lab.policy(lab.rule(US)), "capacity 67 %: the rest of aws/us-east-1 carries its share"),
        (
            lab.policy(lab.rule(US, then=[EU]), headroom=0.0),
            "capacity 67 %: 33 % of this client's answers go to aws/eu-central-1 (none now)",
        ),
        (
            lab.policy(lab.rule({US: 50, EU: 25, ASIA: 25}), headroom=0.0),
            (
                "capacity 67 %: 33 % of this client's answers go to aws/eu-central-1 (25 % now), "
                "33 % to gcp/asia-east1 (25 % now)"
            ),
        ),
        (
            lab.policy(lab.rule(CHINA)),
            "nothing is healthy: health is ignored and all are answered",
        ),
        (lab.policy(lab.rule(CHINA), when_all_down=WhenAllDown.REFUSE), "the query is refused"),
        (
            lab.policy(lab.rule(US, fence=True), headroom=0.0),
            "the fence holds: what is left inside carries everything",
        ),
        (
            lab.policy(lab.rule(US), headroom=0.0, panic=Panic(0.9, "all")),
            "too little is healthy to believe the checks: health is ignored",
        ),
    ],
)
def test_what_would_change(policy, said):
    assert sentence(policy).split(" → ")[1] == said


def test_the_heaviest_endpoint_is_the_most_important():
    where = lab.sites(lab.site(US, [[lab.endpoint(f"{US}/z1")], [lab.endpoint(f"{US}/z2", 3)]]), EU)
    policy = lab.policy(lab.rule({US: 60, EU: 40}))
    assert sentence(policy, where=where).startswith(f"{US}/z2 also fails")


def test_where_health_is_ignored_already_nothing_is_said():
    policy = lab.policy(lab.rule(US))
    situation = lab.situation(down=lab.ids(lab.sites(US)))
    assert sentence(policy, situation) == ""
    decision = decide(policy, WHERE, ClientClass(0), 1, situation)
    assert most_important(decision, {}) is None


def test_shares_are_totals_when_a_part_is_gone_already():
    """What is said is what the client gets then, not what is added to what it gets now."""
    policy = lab.policy(lab.rule(US, then=[EU]), panic=Panic(0.0, "all"))
    two_down = lab.situation(down=[f"{US}/z1", f"{US}/z2"])
    assert sentence(policy, two_down).endswith(
        "z3 also fails → capacity 0 %: 100 % of this client's answers go to aws/eu-central-1 (50 % now)"
    )
