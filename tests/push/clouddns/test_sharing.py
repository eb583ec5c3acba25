"""A zone keeps within its quota of probes, whatever is drained, and drains move nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from gslb.policy.plan import ZonePlan
from gslb.push.clouddns.dialect import CloudDns
from gslb.push.clouddns.pruning import prune
from gslb.push.clouddns.reading import probed
from gslb.push.clouddns.sharing import Claim, Key, most_probed, whole
from gslb.push.compile import desire
from gslb.push.losses import Code
from gslb.push.model import Chain, Desired, Ending, Word
from gslb.push.naming import policy_key
from gslb.push.objects import Rendered, Rrset
from tests.push import lab
from tests.steering import lab as steering

SITES = {
    name: steering.site(
        name,
        [[steering.endpoint(f"{name}/z{z}", 1, a=bytes((203, 0, number, z)))] for z in (1, 2)],
    )
    for number, name in enumerate(lab.SITES)
}
IDS = steering.ids(SITES)


def zone() -> ZonePlan:
    """Four policies of two names each; each leans on another site."""
    policies = []
    for number, home in enumerate(lab.SITES):
        other, spare = (lab.SITES[(number + step) % len(lab.SITES)] for step in (1, 2))
        rules = [
            steering.rule({other: 1}, then=[home], when=lab.SMALL.when(area="europe"), name="eu"),
            steering.rule({home: 60, other: 40}, then=[spare], name="rest"),
        ]
        policies.append(
            replace(
                steering.policy(*rules), name=f"p{number}", checks=dict.fromkeys(SITES, lab.HTTPS)
            )
        )
    names = {f"n{n}.example.com": n % len(policies) for n in range(2 * len(policies))}
    return steering.zone_plan(policies, SITES, names, {})


def desired(drained: tuple[str, ...]) -> Desired:
    situation = replace(steering.situation(drained=drained, check=None), health={})
    return desire(zone(), lab.WORLD, situation)


def rendered(quota: int, drained: tuple[str, ...] = ()) -> Rendered:
    limits = replace(CloudDns().limits, checks=quota)
    return CloudDns().render(desired(drained), lab.OWNER, limits)


def used(made: Rendered) -> int:
    return sum(len(probed(one)) for one in made.rrsets.values())


def own(made: Rendered) -> set[str]:
    """The nodes of chains with addresses of their own."""
    return {one.name for one in made.rrsets.values() if one.name[:3] == "_c-" and one.rtype == "A"}


def test_with_room_for_all_nobody_shares() -> None:
    made = rendered(100)
    assert (len(own(made)), used(made)) == (8, 32)
    assert Code.PROBE_SHARED not in {loss.code for loss in made.losses}


def test_without_room_sites_are_probed_once_and_the_rest_goes_to_those_whom_it_serves_most() -> (
    None
):
    made = rendered(20)
    assert used(made) <= 18
    assert 0 < len(own(made)) < 8
    shared = {loss.policy for loss in made.losses if loss.code is Code.PROBE_SHARED}
    assert shared
    sites = [one for one in made.rrsets.values() if one.name[:3] == "_v-" and one.rtype == "A"]
    assert len({tuple(probed(one)) for one in sites}) == len(sites) <= 4


def test_with_no_room_at_all_each_site_is_probed_once() -> None:
    made = rendered(1)
    assert (own(made), used(made)) == (set(), 8)


@given(st.sets(st.sampled_from(IDS), max_size=6), st.sampled_from((10, 16, 20, 24, 28)))
def test_no_drain_outgrows_the_quota_or_moves_what_it_does_not_touch(
    drained: set[str], quota: int
) -> None:
    before, made = rendered(quota), rendered(quota, tuple(sorted(drained)))
    refused = {policy_key(one.policy) for one in desired(tuple(drained)).refusals}
    stays = [
        one for key, one in before.rrsets.items()
        if key not in made.rrsets and (
            key[0][:3] == "_v-" or any(f"-{policy}." in key[0] for policy in refused)
        )
    ]  # fmt: skip
    assert used(made) + sum(len(probed(one)) for one in stays) <= max(quota * 0.9, 8)
    left = {key[0] for key in made.rrsets}
    assert own(made) == own(before) & left
    untouched = [
        key for key, one in before.rrsets.items()
        if key in made.rrsets and "A" in key[1]
        and not any(addresses(one) & addresses_of(each) for each in drained)
    ]  # fmt: skip
    backed = [key for key in untouched if "primaryBackup" in str(before.rrsets[key].body)]
    assert all(made.rrsets[key] == before.rrsets[key] for key in backed)


def addresses(one: Rrset) -> set[str]:
    return set(probed(one))


def addresses_of(endpoint: str) -> set[str]:
    number, z = lab.SITES.index(endpoint.rpartition("/")[0]), endpoint[-1]
    return {f"203.0.{number}.{z}"}


def test_a_site_can_be_taken_out_of_what_shares_its_probes() -> None:
    made = rendered(1)
    gone = frozenset(addresses_of(IDS[0]) | addresses_of(IDS[1]))
    left = prune(made.rrsets, gone).rrsets
    assert not any(gone & set(probed(one)) for one in left.values())
    nodes = {one.name for one in left.values()}
    led = [
        name
        for one in left.values() if one.rtype == "CNAME" and "routingPolicy" in one.body
        for name, _ in CloudDns().refers(one)
    ]  # fmt: skip
    assert set(led) <= nodes


WORDS = st.lists(
    st.lists(
        st.builds(Word, st.text("abc", min_size=1, max_size=3), st.integers(1, 4), st.integers(0, 3)),
        min_size=1, max_size=3,
    ).map(tuple),
    max_size=3,
).map(tuple)  # fmt: skip


@given(WORDS)
def test_the_most_that_a_chain_has_probed_is_a_bound(words: tuple[tuple[Word, ...], ...]) -> None:
    """Tried with every drain; endpoints of a site weigh alike."""
    chain = Chain("", "", "", fence=False, steps=(), words=words, ending=Ending.SERVE_ALL)
    most = most_probed(chain)
    ends = [(at, nth) for at, step in enumerate(words) for nth, w in enumerate(step)
            for _ in range(w.size)]  # fmt: skip
    for count in range(min(len(ends), 4) + 1):
        for gone in combinations(range(len(ends)), count):
            left = [end for number, end in enumerate(ends) if number not in gone]
            steps = []
            for at, step in enumerate(words):
                live = {nth: left.count((at, nth)) for nth in range(len(step))}
                if any(live.values()):
                    weights = {
                        Fraction(step[nth].share, many) for nth, many in live.items() if many
                    }
                    steps.append((sum(live.values()), len(weights) == 1))
            taken = 0
            if steps:
                (first, even), rest = steps[0], steps[1:]
                taken = first + (rest[0][0] if even and rest else 0)
            assert taken <= most


@given(
    st.lists(
        st.builds(
            Claim,
            st.tuples(st.text("pq", max_size=3), st.text("xy", max_size=2)),
            st.integers(1, 9),
            st.dictionaries(st.sampled_from("abcdef"), st.just(2), min_size=1, max_size=3),
            st.floats(0, 1),
        ),
        max_size=12, unique_by=lambda one: one.key,
    ),
    st.integers(0, 60),
)  # fmt: skip
def test_who_is_chosen_fits_and_nobody_else_would(claims: list[Claim], room: int) -> None:
    def taken(chosen: frozenset[Key]) -> int:
        pools = {name for one in claims if one.key not in chosen for name in one.pools}
        return sum(one.size for one in claims if one.key in chosen) + 2 * len(pools)

    chosen = whole(claims, room)
    if taken(frozenset()) <= room:
        assert taken(chosen) <= room
    else:
        assert taken(chosen) <= taken(frozenset())
    everybody = frozenset(one.key for one in claims)
    assert (chosen == everybody) or sum(one.size for one in claims) > room
