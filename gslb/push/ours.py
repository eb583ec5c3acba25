"""What our own engine answers, in the terms of a managed copy: chances of each record to be first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

from gslb.policy.plan import Policy, Site
from gslb.push.provider import Answer
from gslb.steering.capacity import candidates
from gslb.steering.decide import decide
from gslb.steering.model import ClientClass, Reason
from gslb.steering.pools import pool_key, select
from gslb.steering.situation import Situation
from gslb.wire.constants import TYPE_A, TYPE_AAAA
from gslb.wire.names import to_text


def our_answer(
    policy: Policy, sites: Mapping[str, Site], cls: ClientClass, rtype: int, situation: Situation
) -> Answer:
    """Return what clients of *cls* get. Sticky ones are taken together, as many of them are."""
    decision = decide(policy, sites, cls, rtype, situation)
    if decision.reason is Reason.LAST_RESORT:
        return _last_resort(policy, rtype)
    chances: dict[str, float] = {}
    most = 0
    for name, share in decision.shares.items():
        key = pool_key(0, policy, cls.rule, name, rtype, decision.level)
        found = candidates(sites[name], policy.checks.get(name), policy.families, rtype, situation)
        chosen = select(replace(key, sticky=False), found)
        most = max(most, *(len(one) for one in chosen.sets.sets))
        for number, item in enumerate(chosen.members):
            rdata = (
                str(ip_address((*item.a, *item.aaaa)[0]))
                if item.cname is None
                else to_text(item.cname).lower()
            )
            chances[rdata] = chances.get(rdata, 0.0) + share * chosen.sets.first(number)
    return Answer(chances, most)


def _last_resort(policy: Policy, rtype: int) -> Answer:
    last = policy.last_resort
    assert last is not None
    if last.cname is not None:
        return Answer({to_text(last.cname).lower(): 1.0}, 1)
    found = {TYPE_A: last.a, TYPE_AAAA: last.aaaa}.get(rtype, ())
    return Answer({str(ip_address(one)): 1 / len(found) for one in found}, len(found))
