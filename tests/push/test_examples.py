"""The example policies on the shipped geography, whole: two hundred countries, real continents."""

from __future__ import annotations

from pathlib import Path

import pytest

from gslb.geo.load import embedded_table
from gslb.policy.compile import compile_policies
from gslb.push.compile import desire
from gslb.push.dialects import DIALECTS
from gslb.push.fidelity import SAME, Fidelity, measure_fidelity
from gslb.push.losses import Bites
from gslb.push.objects import Actual
from gslb.push.plan import Request, make_plan
from gslb.steering.situation import Situation
from gslb.steering.world import World, make_world
from tests.steering import lab

FOLDER = Path(__file__).parents[2] / "policies"
CALM = Situation(lab.NOW)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(embedded_table(), lab.NOW)


@pytest.mark.parametrize("provider", DIALECTS)
@pytest.mark.parametrize("example", ["example.com", "china-lines", "fence", "latency"])
def test_a_difference_while_all_is_well_is_declared(
    world: World, example: str, provider: str
) -> None:
    dialect = DIALECTS[provider]
    plan, _ = compile_policies([FOLDER / f"{example}.yaml"])
    assert plan is not None
    (zone,) = plan.zones
    desired = desire(zone, world, CALM)
    rendered = dialect.render(desired, "tests")
    pushed = make_plan(dialect, desired, rendered, Actual(), Request("tests", 1))
    assert not pushed.stops
    for one in measure_fidelity(zone, world, CALM, desired, rendered, dialect):
        told = {loss.bites for loss in one.losses} & {
            Bites.ALWAYS, Bites.CLIENTS, Bites.REDUCED,
        }  # fmt: skip
        assert one.calm <= SAME or (told and one.calm <= most(one)), one


def most(one: Fidelity) -> float:
    """Return which share may differ: what the losses measured, all of it if one did not."""
    if any(loss.bites in {Bites.ALWAYS, Bites.REDUCED} for loss in one.losses):
        return 1.0
    return sum(loss.share or 0.0 for loss in one.losses if loss.bites is Bites.CLIENTS) + SAME
