"""A pushed copy answers exactly what our engine answers without the declared losses, or it is wrong.

A case is a policy, a health and a client; there are 20 000 of them a provider. Every loss has a
form (`tests.push.oracle`): a difference that is not of the form of the declared losses fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from ipaddress import ip_network
from random import Random

import pytest

from gslb.policy.types import STEERED_TYPES
from gslb.push.audience import Member, audience
from gslb.push.clouddns.dialect import CloudDns
from gslb.push.clouddns.nodes import Maker
from gslb.push.clouddns.probes import Checks
from gslb.push.clouddns.reading import items
from gslb.push.clouddns.regions import by_distance, regionalise
from gslb.push.compile import desire
from gslb.push.fidelity import SAME, difference
from gslb.push.losses import Bites, Code
from gslb.push.model import Chain, Probe, SteeredSet
from gslb.push.naming import policy_key
from gslb.push.objects import Rendered
from gslb.push.ours import our_answer
from gslb.push.provider import Client, Dialect
from gslb.push.route53.dialect import Route53
from gslb.push.route53.geography import geolocate
from gslb.steering.classes import compile_classes
from tests.push import lab, oracle
from tests.push.oracle import Chances, Declared

CASES = 20_000
MAX_POLICIES = 500
HEALTHS = 6  # of each policy and type
QUOTAS = (10_000, 100, 20, 5)  # of checks: Cloud DNS can say less where there are few
CAUSES_OF_EVERY = 8  # cases that are not exact: looking for the causes of one takes thrice its time


pytestmark = pytest.mark.timeout(300)


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

    @cached_property
    def said(self) -> Declared:
        """All that is declared of the record."""
        return Declared(
            tuple(
                loss for loss in self.rendered.losses
                if loss.rtype in {"", self.one.rtype}
            )
        )  # fmt: skip

    def chain(self, client: Client, member: Member, said: Declared) -> Chain:
        """Return the chain of a client: his own, unless who he is is declared to be lost."""
        lost = {loss.code for loss in said.losses} & {Code.AREA, Code.REGION, Code.SELECTOR}
        odd = any(_covers(block.prefix, client) for block in self.one.blocks)
        if lost & ({Code.SELECTOR} if odd else {Code.AREA, Code.REGION}):
            return self.one.chains[self.misread(client)]
        return self.one.chains[self.one.classes[member.cls]]

    def misread(self, client: Client) -> str:
        raise NotImplementedError

    def predicted(
        self, client: Client, member: Member, said: Declared, passes: oracle.Passes
    ) -> Chances:
        raise NotImplementedError


@dataclass
class AtRoute53(Setting):
    """There areas are told apart, and prefixes if there is room for them."""

    @cached_property
    def areas(self):
        return geolocate(self.one.cells, tuple(self.one.chains))

    def misread(self, client: Client) -> str:
        return self.areas.chain(client.country, client.subdivision)

    def predicted(
        self, client: Client, member: Member, said: Declared, passes: oracle.Passes
    ) -> Chances:
        return oracle.at_route53(self.one, self.chain(client, member, said), said, passes)


@dataclass
class AtCloudDns(Setting):
    """There the nearest of Google's regions tells who a client is."""

    nodes: dict[str, Declared] = field(default_factory=dict)  # by chain; "": that of all regions

    @cached_property
    def regions(self) -> Mapping[str, str]:
        """The chains of the regions; at the name itself there may be room for fewer of them."""
        found = regionalise(self.one.cells, tuple(self.one.chains)).chains
        if not self.own:
            return found
        there = self.rendered.rrsets[self.one.names[0], self.one.rtype, ""]
        kept = {item["location"] for item in items(there) if "location" in item}
        if "geo" in there.body.get("routingPolicy", {}):
            return {region: key for region, key in found.items() if region in kept}
        maker = Maker(self.one, Checks(lab.OWNER))
        said = set(self.said.losses)
        nodes = {key: maker.chain(self.one.chains[key]) for key in found.values()}
        only = next(
            key for key, node in nodes.items()
            if node.body.items() <= there.body.items() and set(node.losses) <= said
        )  # fmt: skip
        return dict.fromkeys(found, only)

    @cached_property
    def own(self) -> bool:
        """Whether all is at the name itself."""
        return (self.one.names[0], "CNAME", "") not in self.rendered.rrsets or (
            self.one.rtype == "CNAME" and not self.rendered.rrsets[
                self.one.names[0], "CNAME", ""
            ].body.get("rrdatas", ["_"])[0].startswith("_")
        )  # fmt: skip

    def misread(self, client: Client) -> str:
        order = by_distance(client.latitude, client.longitude)
        return self.regions[next(region for region in order if region in self.regions)]

    def declared(self, chains: Mapping[str, Chain] | None, chain: Chain) -> Declared:
        """Return what is declared of one node; if it was made, all of it is declared for people."""
        maker = Maker(self.one, Checks(lab.OWNER))
        if chains is not None:
            made = maker.regions(chains)
        elif self.scarce(chain):
            made = maker.sites(chain, lambda pool: f"_v-{pool.common}.example.com.")
        else:
            made = maker.chain(chain)
        if chains is not None or chain.key in self.regions.values():
            assert set(made.losses) <= set(self.said.losses)
        return Declared(made.losses)

    def scarce(self, chain: Chain) -> bool:
        """Whether the chain shares the probes of its sites."""
        name = f"_c-{chain.shape}-{policy_key(self.one.policy)}.example.com."
        return self.one.rtype != "CNAME" and (name, "CNAME", "") in self.rendered.rrsets

    def predicted(
        self, client: Client, member: Member, said: Declared, passes: oracle.Passes
    ) -> Chances:
        chain = self.chain(client, member, said)
        chains = {region: self.one.chains[key] for region, key in self.regions.items()}
        alone = not self.own or len(set(self.regions.values())) == 1
        key = chain.key if alone else ""
        if key not in self.nodes:
            self.nodes[key] = self.declared(None if alone else chains, chain)
        node = Declared(tuple(loss for loss in self.nodes[key].losses if loss in said.losses))
        if alone:
            return oracle.at_clouddns(self.one, chain, node, passes)
        return oracle.by_region(self.one, chains, client, node, passes)


_network = cache(ip_network)


def _covers(prefix: str, client: Client) -> bool:
    block = _network(prefix)
    first = int(block.network_address)
    return block.version == client.family and 0 <= client.address - first < block.num_addresses


DIALECTS: list[tuple[Dialect, type[Setting]]] = [(Route53(), AtRoute53), (CloudDns(), AtCloudDns)]


def pushed(dialect: Dialect, kind: type[Setting], seed: int) -> Iterator[Setting]:
    random = Random(seed)
    case = lab.case(random)
    desired = desire(case.zone, lab.WORLD, case.drains)
    limits = replace(dialect.limits, checks=random.choice(QUOTAS))
    rendered = dialect.render(desired, lab.OWNER, limits)
    for one in desired.steered:
        rtype = STEERED_TYPES[one.rtype]
        classes = compile_classes(case.policy, case.sites, rtype, lab.WORLD)
        yield kind(case, one, rendered, audience(classes, lab.WORLD), random)


@dataclass
class Counts:
    """What was seen."""

    cases: int = 0
    exact: int = 0  # as our engine answers by the whole policy
    declared: set[Code] = field(default_factory=set)  # said to change answers at some time
    asked: int = 0  # cases whose causes were looked for
    caused: Counter[Code] = field(default_factory=Counter)  # cases that are other than without it


@pytest.mark.parametrize(("dialect", "kind"), DIALECTS, ids=lambda one: getattr(one, "name", ""))
def test_an_answer_is_what_the_declared_losses_make_of_ours(
    dialect: Dialect, kind: type[Setting]
) -> None:
    counts = Counts()
    for seed in range(MAX_POLICIES):
        if counts.cases >= CASES:
            break
        for setting in pushed(dialect, kind, seed):
            reader = dialect.reader(setting.rendered.rrsets, setting.rendered.supports)
            for _ in range(HEALTHS):
                up, ramps = lab.health(setting.random, setting.case)
                passes = lab.checker(setting.case, up, setting.rendered)
                for member in setting.members:
                    name, rtype = setting.one.names[0], setting.one.rtype
                    theirs = reader.answer(name, rtype, member.client, passes).chances
                    assert sum(theirs.values()) == pytest.approx(1.0)
                    _Case(setting, member, theirs, up, ramps).hold(counts)
    print(dialect.name, counts)
    assert counts.cases >= CASES
    assert counts.exact > counts.cases / 4  # agreement is seen, not only losses
    assert counts.declared == set(counts.caused)  # each kind was seen to be the cause of something


@dataclass
class _Case:
    """One client at one moment, and what the copy answers him."""

    setting: Setting
    member: Member
    theirs: Mapping[str, float]
    up: Mapping[tuple[str, int], bool]
    ramps: Mapping[str, float]

    def hold(self, counts: Counts) -> None:
        """Hold the answer against ours, and against what the losses make of ours."""
        setting, said = self.setting, self.setting.said
        counts.cases += 1
        declared = {loss.code for loss in said.losses if loss.bites is not Bites.NEVER}
        counts.declared |= declared
        chain = setting.one.chains[setting.one.classes[self.member.cls]]
        model = oracle.answer(setting.one, chain, lambda one: all(map(self.passes, one.probes)))
        # The model says what our engine says by the policy without what is lost on the way to it,
        engine = self.engine(said)
        assert difference(engine, model) <= SAME, (engine, model, self, said)
        # and the copy what the model says, changed by what is lost at the provider.
        copy = self.copy(said)
        assert difference(copy, self.theirs) <= SAME, (copy, self.theirs, self, said)
        if difference(self.engine(Declared(())), self.theirs) <= SAME:
            counts.exact += 1
        elif declared - counts.caused.keys() or (
            (counts.cases - counts.exact) % CAUSES_OF_EVERY == 0
        ):
            counts.asked += 1
            self.find_causes(counts, engine, copy)

    def find_causes(self, counts: Counts, engine: Chances, copy: Chances) -> None:
        """Count the losses without which the answer would be another; each says when it bites."""
        now = self.circumstances()
        for loss in self.setting.said.losses:
            less = self.setting.said.without(loss)
            if oracle.on_the_way(loss):
                matters = difference(self.engine(less), engine) > SAME
            else:
                matters = difference(self.copy(less), copy) > SAME
            if matters:
                counts.caused[loss.code] += 1
                assert any(oracle.explains(loss, one) for one in now), (loss, now, self)

    def circumstances(self) -> list[oracle.Circumstances]:
        """Return what is true of the client's class, and of the one that he is taken for."""
        case, one = self.setting.case, self.setting.one
        taken = self.setting.chain(self.member.client, self.member, self.setting.said).key
        apart = taken != one.classes[self.member.cls]
        other = next(cls for cls, key in one.classes.items() if key == taken)
        situation = case.at(self.up, self.ramps)
        return [
            oracle.circumstances(
                case.policy, case.sites, cls, self.setting.rtype, situation, apart=apart
            )
            for cls in ([self.member.cls, other] if apart else [self.member.cls])
        ]

    def engine(self, said: Declared) -> Chances:
        """Return what our engine answers by the policy without what *said* declares lost of it."""
        case = self.setting.case
        policy, cls = oracle.lowered(case.policy, said, self.member.cls)
        situation = case.at(self.up, self.ramps if oracle.ramps_count(said) else {})
        return dict(our_answer(policy, case.sites, cls, self.setting.rtype, situation).chances)

    def copy(self, said: Declared) -> Chances:
        """Return what the copy has to answer by what *said* declares lost."""
        return self.setting.predicted(self.member.client, self.member, said, self.passes)

    def passes(self, probe: Probe) -> bool:
        """Whether an address is well."""
        return self.up[self.setting.case.owners[probe.address]]
