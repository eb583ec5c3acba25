"""Votes become verdicts: any address up is up, all down is down, and silence holds what was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gslb.node.evidence import Evidence
from gslb.node.probing import Wish, probes_of
from gslb.policy.plan import CALCULATED, Check
from gslb.state.inventory import CheckKey
from gslb.state.store import LastKnown
from gslb.state.verdicts import Verdict
from gslb.steering.situation import AliasAddresses
from healthcheck.messages import Turn
from healthcheck.model import Kind, Status
from healthcheck.model import Verdict as Outcome
from healthcheck.tracker import HOLD_AT_MOST
from healthcheck.votes import Vote
from tests.steering import lab

NAME = b"\x02lb\x07example\x03net\x00"
ME = "here"
UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN


def wish(endpoint: str, *v4: str, v6: tuple[str, ...] = (), name: bytes | None = None) -> Wish:
    check = replace(lab.CHECK, target=None, vantage=())
    return Wish(endpoint, check, "www.example.com", v4, v6, name, (4, 6), False, (check,))


def under(one: Wish, check: Check) -> Wish:
    return replace(one, check=check, under=(check,))


class Checker:
    """Says what it is told to say, about addresses."""

    def __init__(self, *wishes: Wish, resolved: dict[bytes, AliasAddresses] | None = None) -> None:
        self.evidence = Evidence([ME])
        self.sequence = 0
        self.wishes = wishes
        self.known = self.evidence.follow(probes_of(wishes, resolved or {}, {ME}), {}, 0.0)

    def targets(self) -> dict[str, str]:
        return {probe.address: t for t, probe in self.evidence.probing.probes.items()}

    def says(self, now: float, statuses: dict[str, Status]) -> dict[CheckKey, Verdict]:
        votes = []
        for address, status in statuses.items():
            self.sequence += 1
            target = self.targets()[address]
            failing, detail = status is DOWN, f"{address} is {status}"
            votes.append(Vote(ME, target, status, failing, 1, self.sequence, 0.0, detail=detail))
        return self.evidence.receive(votes, now)


PORT = replace(lab.CHECK, target=None, vantage=())
PAGE = replace(PORT, type="https", path="/healthz")


def judged_by(needed: int, *parts: Check, named: str = "192.0.2.") -> Checker:
    """Return the checker of one endpoint under a calculated check; each part has its own address."""
    whole = replace(PORT, type=CALCULATED, needed=needed, parts=parts)
    wishes = [
        Wish("aws/us-east-1/a", leaf, "", (f"{named}{number}",), (), None, (4, 6), False, (whole,))
        for number, leaf in enumerate(dict.fromkeys(whole.leaves), 1)
    ]
    return Checker(*wishes)


ONE = wish("aws/us-east-1/a", "192.0.2.1", v6=("2001:db8::1",))


def test_families_are_told_apart() -> None:
    """Each has its own status; what nothing was heard of is unknown."""
    checker = Checker(ONE)
    changed = checker.says(1.0, {"192.0.2.1": DOWN})
    (verdict,) = changed.values()
    assert (verdict.v4, verdict.v6, verdict.detail) == (DOWN, UNKNOWN, "192.0.2.1 is down")
    assert verdict.unanimous is False  # nobody has seen the other family yet
    (verdict,) = checker.says(2.0, {"2001:db8::1": UP}).values()
    assert (verdict.v4, verdict.v6, verdict.is_dead) == (DOWN, UP, False)
    assert checker.says(3.0, {"192.0.2.1": DOWN}) == {}  # nothing new


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [(UP, DOWN, UP), (DOWN, DOWN, DOWN), (DOWN, UNKNOWN, UNKNOWN), (UP, UNKNOWN, UP)],
)
def test_one_address_of_a_name_is_enough(first: Status, second: Status, together: Status) -> None:
    """A balancer with several addresses is down when all of them are."""
    resolved = {NAME: AliasAddresses((bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])))}
    checker = Checker(wish("aws/us-east-1/a", name=NAME), resolved=resolved)
    checker.says(1.0, {"192.0.2.1": first, "192.0.2.2": second})
    verdicts = checker.evidence.follow(checker.evidence.probing, {}, 1.0)
    assert [one.v4 for one in verdicts.values()] == [together]


def test_silence_holds_what_was_and_in_the_end_says_nothing() -> None:
    """A checker that stands still takes nothing down, and brings nothing back at once."""
    checker = Checker(ONE)
    checker.says(1.0, {"192.0.2.1": DOWN})
    assert checker.evidence.sweep(100.0) == {}
    (held,) = checker.evidence.known(110.0).values()
    assert held.status is DOWN
    assert held.age > 0.0  # held since it has grown old: kept, but not as of now
    (verdict,) = checker.evidence.sweep(2.0 + HOLD_AT_MOST).values()
    assert verdict.v4 is UNKNOWN


def test_an_earlier_run_is_remembered() -> None:
    """What it left is believed until a vote says otherwise, and given to the checker with its age."""
    evidence = Evidence([ME])
    probing = probes_of([ONE], {}, {ME})
    target = next(t for t, probe in probing.probes.items() if probe.address == "192.0.2.1")
    verdicts = evidence.follow(probing, {target: LastKnown(DOWN, 30.0)}, 1000.0)
    assert [one.v4 for one in verdicts.values()] == [DOWN]
    said = {one.probe.address: (one.status, one.age) for one in evidence.wanted(ME, 1005.0)}
    assert said == {"192.0.2.1": (DOWN, 35.0), "2001:db8::1": (UNKNOWN, 5.0)}


def test_an_edited_check_begins_with_what_was_seen_at_the_place() -> None:
    """A reload that changes an interval does not bring back who is dead."""
    checker = Checker(ONE)
    checker.says(1.0, {"192.0.2.1": DOWN, "2001:db8::1": UP})
    slower = under(ONE, replace(ONE.check, every=60.0))
    verdicts = checker.evidence.follow(probes_of([slower], {}, {ME}), {}, 2.0)
    assert [(one.v4, one.v6) for one in verdicts.values()] == [(DOWN, UP)]
    assert len(checker.evidence.wanted(ME, 2.0)) == 2


def test_a_second_check_of_a_place_begins_with_nothing() -> None:
    """What the first one sees, and goes on seeing, is not its own."""
    checker = Checker(ONE)
    checker.says(1.0, {"192.0.2.1": DOWN})
    other = under(ONE, replace(ONE.check, every=60.0))
    verdicts = checker.evidence.follow(probes_of([ONE, other], {}, {ME}), {}, 2.0)
    assert verdicts[ONE.key].v4 is DOWN
    assert verdicts[other.key].v4 is UNKNOWN


def test_what_is_gone_from_the_plan_is_forgotten() -> None:
    """Votes on it count for nothing."""
    other = wish("gcp/europe-west3/a", "192.0.2.9")
    checker = Checker(ONE, other)
    target = checker.targets()["192.0.2.9"]
    checker.evidence.follow(probes_of([ONE], {}, {ME}), {}, 1.0)
    vote = Vote(ME, target, DOWN, True, 1, 99, 0.0)
    assert checker.evidence.receive([vote], 2.0) == {}


def test_the_outcome_that_tipped_it_is_known() -> None:
    """For the event; strangers' turns are not kept."""
    checker = Checker(ONE)
    turn = Turn(
        1, checker.targets()["192.0.2.1"], UP, DOWN, Outcome.FAILED, Kind.REFUSED, "no", 0.1, 0.0
    )
    checker.evidence.take_turn(turn)
    checker.evidence.take_turn(replace(turn, target="f" * 32))
    assert checker.evidence.cause((ONE.endpoint, ONE.check)) == turn
    assert len(checker.evidence.turns) == 1


def test_what_votes_speak_for_is_kept_as_of_now() -> None:
    """Statuses by target, and their ages."""
    checker = Checker(ONE)
    checker.says(1.0, {"192.0.2.1": UP})
    assert checker.evidence.known(1.0) == {checker.targets()["192.0.2.1"]: LastKnown(UP, 0.0)}
    assert Checker(ONE).evidence.known(1.0) == {}  # unknown is not worth keeping


def test_a_calculated_check_speaks_for_its_endpoint_and_its_parts_do_not() -> None:
    checker = judged_by(2, PORT, PAGE)
    assert [check.type for _, check in checker.known if check] == [CALCULATED]
    assert checker.says(1.0, {"192.0.2.1": UP})  # no longer unknown, what is not heard of apart
    (verdict,) = checker.says(2.0, {"192.0.2.2": UP}).values()
    assert (verdict.v4, verdict.v6, verdict.unanimous) == (UP, UNKNOWN, True)
    ((key, verdict),) = checker.says(3.0, {"192.0.2.2": DOWN}).items()
    assert key[0] == "aws/us-east-1/a"
    assert verdict.v4 is DOWN
    assert verdict.detail == "1 of 2 up, needs 2; https 443 /healthz: 192.0.2.2 is down"


def test_a_part_that_nobody_has_seen_decides_only_where_it_cannot_matter() -> None:
    (verdict,) = judged_by(2, PORT, PAGE).says(1.0, {"192.0.2.1": DOWN}).values()
    assert (verdict.v4, verdict.detail[:30]) == (DOWN, "0 of 2 up, 1 unknown, needs 2;")
    (verdict,) = judged_by(1, PORT, PAGE).says(1.0, {"192.0.2.1": DOWN}).values()
    assert verdict.v4 is UNKNOWN
    (verdict,) = judged_by(1, PORT, PAGE).says(1.0, {"192.0.2.1": UP}).values()
    assert verdict.v4 is UP


def test_checks_of_checks_are_worked_out_from_the_inside() -> None:
    inner = replace(PORT, type=CALCULATED, needed=1, parts=(PORT, PAGE))
    checker = judged_by(2, inner, replace(PORT, port=8443))
    everything = {"192.0.2.1": UP, "192.0.2.2": DOWN, "192.0.2.3": UP}
    (verdict,) = checker.says(1.0, everything).values()
    assert verdict.v4 is UP
    (verdict,) = checker.says(2.0, {"192.0.2.1": DOWN}).values()
    assert verdict.v4 is DOWN
    assert "1 of (tcp 443, https 443 /healthz): 0 of 2 up, needs 1; tcp 443" in verdict.detail


def test_the_cause_of_a_calculated_check_is_the_last_turn_of_a_part() -> None:
    checker = judged_by(2, PORT, PAGE)
    (key,) = checker.known
    assert checker.evidence.cause(key) is None
    for address, age in (("192.0.2.1", 9.0), ("192.0.2.2", 1.0)):
        target = checker.targets()[address]
        turn = Turn(1, target, UP, DOWN, Outcome.FAILED, Kind.REFUSED, address, 0.0, age)
        checker.evidence.take_turn(turn)
    cause = checker.evidence.cause(key)
    assert cause is not None
    assert cause.detail == "192.0.2.2"


def test_several_checkers_are_counted_and_the_detail_is_of_those_who_are_believed() -> None:
    """Two of three; the third has its say, and it is not the one that is shown."""
    voters = ["a", "b", "c"]
    evidence = Evidence(voters)
    evidence.follow(probes_of([ONE], {}, set(voters)), {}, 0.0)
    target = next(t for t, p in evidence.probing.probes.items() if p.address == "192.0.2.1")

    def say(checker: str, status: Status, number: int = 1) -> list[Verdict]:
        detail = f"{checker} sees {status}"
        vote = Vote(checker, target, status, status is DOWN, 1, number, 0.0, detail=detail)
        return list(evidence.receive([vote], 1.0).values())

    assert say("a", DOWN) == []
    (verdict,) = say("b", DOWN)
    assert (verdict.v4, verdict.detail) == (DOWN, "b sees down (2 of 2 checkers)")
    assert say("c", UP) == []
    (verdict,) = (v for v in evidence.follow(evidence.probing, {}, 1.0).values())
    assert (verdict.v4, verdict.detail) == (DOWN, "b sees down (2 of 3 checkers)")
    assert not verdict.unanimous
    evidence.seat(["a", "c"])
    assert evidence.sweep(2.0) == {}  # no quorum of two: what was known is held
    evidence.seat(["c"])
    (verdict,) = evidence.sweep(3.0).values()
    assert verdict.v4 is UP
