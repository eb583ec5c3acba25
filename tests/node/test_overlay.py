"""What the board says reaches steering in its own words, whichever overlays were seen before."""

from __future__ import annotations

from gslb.node.overlay import Situations, health_of
from gslb.policy.plan import Protect
from gslb.state.board import Board, Overlay, Standing
from gslb.state.inventory import take_inventory
from gslb.state.verdicts import Verdict
from gslb.steering.decide import decide
from gslb.steering.model import ClientClass, Decision
from gslb.steering.situation import AliasAddresses, Health, Status
from gslb.wire.constants import TYPE_A
from healthcheck.model import Status as Seen
from tests.steering import lab

A, B = ("aws/us-east-1/a", lab.CHECK), ("aws/us-east-1/b", lab.CHECK)
OUT = Standing(Seen.DOWN, Seen.UNKNOWN, 1.0, "refused")
IN = Standing(Seen.UP, Seen.UP, 0.25)


def test_a_standing_is_health_word_for_word() -> None:
    assert health_of(OUT) == Health(Status.DOWN, Status.UNKNOWN, 1.0, "refused")
    assert health_of(Standing()) == Health()


def test_everything_of_the_overlay_is_in_the_situation() -> None:
    aliases = {b"x": AliasAddresses((bytes(4),))}
    overlay = Overlay({A: OUT}, {A[0]: lab.DRAIN}, frozenset({B[0]}), frozenset({"c"}))
    found = Situations().of(overlay, aliases, lab.NOW)
    assert found.health == {A: health_of(OUT)}
    assert found.leaving == {"c"}
    assert (found.drains, found.lifted, found.aliases, found.at) == (
        {A[0]: lab.DRAIN},
        {B[0]},
        aliases,
        lab.NOW,
    )


def test_what_changed_is_taken_over_and_what_went_is_gone() -> None:
    situations = Situations()
    situations.of(Overlay({A: OUT, B: IN}, changed=frozenset({A, B}), number=1), {}, lab.NOW)
    found = situations.of(Overlay({A: IN}, changed=frozenset({A, B}), number=2), {}, lab.NOW)
    assert found.health == {A: health_of(IN)}


def test_an_overlay_that_was_not_seen_does_no_harm() -> None:
    situations = Situations()
    situations.of(Overlay({A: OUT}, changed=frozenset({A}), number=1), {}, lab.NOW)
    found = situations.of(Overlay({B: IN}, changed=frozenset(), number=3), {}, lab.NOW)
    assert found.health == {B: health_of(IN)}
    again = situations.of(Overlay({B: IN}, changed=frozenset({A}), number=3), {}, lab.NOW)
    assert again.health == found.health


def test_a_situation_that_was_given_away_does_not_change() -> None:
    situations = Situations()
    first = situations.of(Overlay({A: OUT}, changed=frozenset({A}), number=1), {}, lab.NOW)
    situations.of(Overlay({A: IN}, changed=frozenset({A}), number=2), {}, lab.NOW)
    assert first.health == {A: health_of(OUT)}


def test_a_cloud_that_dies_is_masked_and_then_takes_over_and_nothing_is_ever_empty() -> None:
    us, eu, asia = lab.SITES[:3]
    where = lab.sites(us, eu, asia)
    policy = lab.policy(
        lab.rule(f"{us} {eu}", then=[asia]), protect=Protect(None, True, (0.25, 30.0))
    )
    board = Board(take_inventory(lab.plan(lab.zone_plan([policy], where))), {}, 0.0)
    board.set_ready()
    situations = Situations()

    def decided(clouds: str, now: float) -> Decision:
        down = [one for one in lab.ids(where) if one.split("/")[0] in clouds.split()]
        board.observe({(one, lab.CHECK): Verdict(Seen.DOWN, Seen.DOWN) for one in down}, now)
        situation = situations.of(board.overlay((), now, lab.NOW), {}, lab.NOW)
        return decide(policy, where, ClientClass(0), TYPE_A, situation)

    assert decided("", 0.0).shares == {us: 0.5, eu: 0.5}
    assert decided("aws", 10.0).shares == {asia: 1.0}
    for now in (20.0, 60.0, 120.0, 700.0):
        assert sum(decided("aws gcp", now).shares.values()) == 1.0
