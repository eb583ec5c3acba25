"""A pushed copy answers as our engine does, or the record says why not: at least 20 000 cases a provider.

A case is a policy, a health and a client. Where a difference is, a loss has to be declared that
bites in just that case. And Route 53 is held to more: it answers exactly by the lowered policy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import pytest

from gslb.policy.types import STEERED_TYPES
from gslb.push.audience import Member, audience
from gslb.push.clouddns.dialect import CloudDns
from gslb.push.clouddns.regions import by_distance, regionalise
from gslb.push.compile import desire
from gslb.push.fidelity import SAME, circumstances, difference, explaining
from gslb.push.losses import Bites, Code, Loss
from gslb.push.lowering import Context, lower, lower_class
from gslb.push.model import Desired, SteeredSet
from gslb.push.objects import Rendered
from gslb.push.ours import our_answer
from gslb.push.provider import Dialect
from gslb.push.route53.dialect import Route53
from gslb.steering.classes import compile_classes
from tests.push import lab

CASES = 20_000
MAX_POLICIES = 500
HEALTHS = 6  # of each policy and type
OWN = {Code.WEIGHT_ROUNDED, Code.SELECTOR, Code.AREA, Code.PROBE_NONE, Code.POOL}


@dataclass
class Setting:
    """One policy for one type, pushed."""

    case: lab.Case
    one: SteeredSet
    rendered: Rendered
    members: tuple[Member, ...]
    random: Random

    @property
    def rtype(self) -> int:
        return STEERED_TYPES[self.one.rtype]

    @property
    def losses(self) -> list[Loss]:
        return [loss for loss in self.rendered.losses if loss.rtype in {"", self.one.rtype}]


def pushed(dialect: Dialect, seed: int) -> Iterator[Setting]:
    random = Random(seed)
    case = lab.case(random)
    desired: Desired = desire(case.zone, lab.WORLD, case.drains)
    rendered = dialect.render(desired, lab.OWNER)
    for one in desired.steered:
        rtype = STEERED_TYPES[one.rtype]
        classes = compile_classes(case.policy, case.sites, rtype, lab.WORLD)
        yield Setting(case, one, rendered, audience(classes, lab.WORLD), random)


Visit = Callable[[Setting, Member, dict[str, float], dict, dict], None]


def visit_all(dialect: Dialect, visit: Visit, counts: Counter[str]) -> None:
    """Call *visit* with what the copy answers in every case, until there are enough."""
    for seed in range(MAX_POLICIES):
        if counts["cases"] >= CASES:
            return
        for setting in pushed(dialect, seed):
            reader = dialect.reader(setting.rendered.rrsets, setting.rendered.supports)
            for _ in range(HEALTHS):
                up, ramps = lab.health(setting.random, setting.case)
                passes = lab.checker(setting.case, up, setting.rendered)
                for member in setting.members:
                    name, rtype = setting.one.names[0], setting.one.rtype
                    theirs = reader.answer(name, rtype, member.client, passes).chances
                    counts["cases"] += 1
                    visit(setting, member, dict(theirs), up, ramps)


def misled(dialect: Dialect, setting: Setting, member: Member) -> bool:
    """Whether the provider takes the client for one of another kind; exact on Route 53."""
    if not isinstance(dialect, CloudDns):
        return False
    one = setting.one
    region = by_distance(member.client.latitude, member.client.longitude)[0]
    return regionalise(one.cells, tuple(one.chains)).chains[region] != one.classes[member.cls]


@pytest.mark.parametrize("dialect", [Route53(), CloudDns()], ids=lambda one: one.name)
def test_every_difference_is_declared(dialect: Dialect) -> None:
    counts: Counter[str] = Counter()

    def visit(setting: Setting, member: Member, theirs: dict, up: dict, ramps: dict) -> None:
        case, rtype = setting.case, setting.rtype
        situation = case.at(up, ramps)
        ours = our_answer(case.policy, case.sites, member.cls, rtype, situation).chances
        assert sum(theirs.values()) == pytest.approx(1.0)
        if difference(ours, theirs) <= SAME:
            counts["same"] += 1
            return
        now = circumstances(
            case.policy, case.sites, member.cls, rtype, situation,
            apart=misled(dialect, setting, member),
        )  # fmt: skip
        assert explaining(setting.losses, now), (member, ours, theirs, now, setting.losses)

    visit_all(dialect, visit, counts)
    assert counts["cases"] >= CASES
    assert counts["same"] > counts["cases"] / 20  # agreement is seen, not only excuses


def test_route53_answers_exactly_by_the_lowered_policy() -> None:
    counts: Counter[str] = Counter()

    def visit(setting: Setting, member: Member, theirs: dict, up: dict, ramps: dict) -> None:
        if any(one.code in OWN and one.bites is not Bites.NEVER for one in setting.losses):
            return
        counts["held"] += 1
        case, rtype = setting.case, setting.rtype
        lowered, _ = lower(Context(case.policy, case.sites, rtype, setting.one.rtype))
        cls = lower_class(member.cls)
        ours = our_answer(lowered, case.sites, cls, rtype, case.at(up, {})).chances
        assert difference(ours, theirs) <= SAME, (member, ours, theirs)

    visit_all(Route53(), visit, counts)
    assert counts["held"] > CASES / 5
