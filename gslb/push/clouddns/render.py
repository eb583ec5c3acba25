"""A neutral model → the record sets of Cloud DNS, in the mode that loses least for each name.

    shared   www CNAME → _p-<policy> (GEO of CNAME, if regions differ) → _c-<chain>, A and AAAA
    scarce   the same, _c-<chain> is WRR of CNAME → _v-<site>, A and AAAA, which chains share
    own      everything at the name: WRR or primaryBackup for one chain, GEO for several

Shared needs a name that can be a CNAME: not the apex, nothing else at the name. It keeps weights
and one step of failover, and a drain changes few record sets however many names there are. Scarce is
for chains that find no room in the quota of probes (`sharing`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gslb.push.clouddns.nodes import Maker
from gslb.push.clouddns.probes import Checks
from gslb.push.clouddns.reading import probed
from gslb.push.clouddns.regions import Regional, narrowed, regionalise
from gslb.push.clouddns.sharing import Claim, Key, most_probed, whole
from gslb.push.losses import Bites, Code, Loss, Severity, merged
from gslb.push.model import Chain, Desired, PlainSet, Pool, SteeredSet
from gslb.push.naming import policy_key, quoted
from gslb.push.objects import Body, Place, Rendered, Rrset, RrsetKey
from gslb.push.ownership import mark, mark_name

MARK_TTL = 300  # seconds
ROOM = 0.9  # of the quota of probed addresses; plans that take more are stopped (plan.Thresholds)


@dataclass(slots=True)
class _Zone:
    """Record sets in the making."""

    zone: str
    owner: str
    checks: Checks
    rrsets: dict[RrsetKey, Rrset] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    sharing: list[_Shared] = field(default_factory=list)
    waiting: list[_Regions] = field(default_factory=list)
    entries: dict[Place, str] = field(default_factory=dict)
    held: int = 0  # addresses that names have probed which are left as they are

    def add(self, name: str, rtype: str, ttl: int, body: Body, policy: str) -> None:
        """Add a record set and its mark; everything on Cloud DNS is marked beside it."""
        made = Rrset(name, rtype, "", {"name": name, "type": rtype, "ttl": ttl, **body})
        self.rrsets[made.key] = made
        self.entries[name, rtype] = policy
        marker = text(mark_name(name, rtype), MARK_TTL, mark(self.owner))
        self.rrsets[marker.key] = marker

    def probed(self) -> int:
        """Return how many addresses are probed, each time that they are."""
        return self.held + sum(len(probed(one)) for one in self.rrsets.values())

    def divide(self, room: int) -> None:
        """Add what can do with less; what has an item for each region takes what is then left."""
        claims = [claim for one in self.sharing for claim in one.claims()]
        chosen = whole(claims, room - self.probed())
        for one in self.sharing:
            if not one.refused:
                one.add(chosen)
        sets = sum(len(one.names) for one in self.waiting)
        for each in sorted(self.waiting, key=lambda one: len(one.names)):
            left = max(0, room - self.probed())
            each.add(self, left // sets)
            sets -= len(each.names)


@dataclass(frozen=True, slots=True)
class _Regions:
    """Names whose answer is another in each region, for one type."""

    one: SteeredSet
    names: Sequence[str]
    found: Regional

    def add(self, made: _Zone, room: int) -> None:
        """Add them, each with at most *room* probed addresses."""
        one, maker = self.one, Maker(self.one, made.checks)
        sizes = {key: maker.probed(chain) for key, chain in one.chains.items()}
        found = narrowed(self.found, one.cells, sizes, room)
        chains = {region: one.chains[key] for region, key in found.chains.items()}
        kinds = set(found.chains.values())
        node = maker.regions(chains) if len(kinds) > 1 else maker.chain(one.chains[kinds.pop()])
        made.losses += [*node.losses, *_region_loss(one, found)]
        for name in self.names:
            made.add(name, one.rtype, one.ttl, node.body, one.policy)


def _region_loss(one: SteeredSet, found: Regional) -> Iterator[Loss]:
    if len(one.chains) > 1:
        fenced = any(chain.fence for chain in one.chains.values())
        given = f"those nearest to a region of Google's, {len(found.chains)} of them"
        yield Loss(
            Code.REGION, one.policy, one.rtype, "", "clients by area", given,
            Severity.UNSAFE if fenced else Severity.DEGRADED, Bites.CLIENTS, found.wrong,
        )  # fmt: skip


def text(name: str, ttl: int, content: str) -> Rrset:
    """Return a TXT record."""
    body = {"name": name, "type": "TXT", "ttl": ttl, "rrdatas": [quoted(content)]}
    return Rrset(name, "TXT", "", body)


def render(desired: Desired, owner: str, checks: Checks, quota: int) -> Rendered:
    """Return the record sets and checks that say *desired* best, with *quota* addresses to probe."""
    made = _Zone(desired.zone, owner, checks)
    taken = {plain.name for plain in desired.plain} | {desired.zone}
    by_policy: dict[str, list[SteeredSet]] = {}
    for one in desired.steered:
        by_policy.setdefault(one.policy, []).append(one)
    for policy, sets in by_policy.items():
        _Policy(made, policy, sets).add(taken)
    left: dict[str, list[SteeredSet]] = {}
    for refusal in desired.refusals:
        if refusal.there is not None:
            left.setdefault(refusal.policy, []).append(refusal.there)
    for policy, sets in left.items():
        _Policy(made, policy, sets, refused=True).add(taken)
    for plain in desired.plain:
        _plain(made, plain)
    made.divide(int(quota * ROOM))
    return Rendered(made.rrsets, checks.supports, merged(made.losses), made.entries)


def _plain(made: _Zone, plain: PlainSet) -> None:
    made.add(plain.name, plain.rtype, plain.ttl, {"rrdatas": sorted(plain.rdatas)}, "")


@dataclass(frozen=True, slots=True)
class _Policy:
    """Adds what one policy needs: its sets differ in type only."""

    made: _Zone
    policy: str
    sets: Sequence[SteeredSet]
    refused: bool = False  # nothing is added: what is there stays, and what it takes is counted

    def add(self, taken: set[str]) -> None:
        """Add all names; those in *taken* cannot be a CNAME."""
        found = {one.rtype: regionalise(one.cells, tuple(one.chains)) for one in self.sets}
        names = self.sets[0].names
        shapes = self._shapes(found)
        shared = [name for name in names if name not in taken] if shapes is not None else []
        own = [name for name in names if name not in shared]
        for one in () if self.refused else self.sets:
            self.made.losses += [*one.losses, *_selector_loss(one)]
        if shared and shapes is not None:
            self.made.sharing.append(
                _Shared(self.made, self.policy, self.sets, shared, shapes, found, self.refused)
            )
        if own:
            self._own(own, found)

    def _shapes(self, found: Mapping[str, Regional]) -> dict[str, str] | None:
        """Return the shape of every region's chain; None: the types do not agree."""
        all_shapes = []
        for one in self.sets:
            chains = found[one.rtype].chains
            all_shapes.append({region: one.chains[key].shape for region, key in chains.items()})
        return all_shapes[0] if all(shapes == all_shapes[0] for shapes in all_shapes) else None

    def _own(self, names: Sequence[str], found: Mapping[str, Regional]) -> None:
        for one in self.sets:
            kinds = set(found[one.rtype].chains.values())
            if self.refused:
                maker = Maker(one, self.made.checks)
                each = sum(maker.probed(one.chains[key]) for key in kinds)
                self.made.held += each * len(names)
                continue
            if len(kinds) > 1:
                self.made.waiting.append(_Regions(one, names, found[one.rtype]))
                continue
            node = Maker(one, self.made.checks).chain(one.chains[kinds.pop()])
            self.made.losses += [*node.losses, *_region_loss(one, found[one.rtype])]
            for name in names:
                self.made.add(name, one.rtype, one.ttl, node.body, self.policy)


@dataclass(frozen=True, slots=True)
class _Shared:
    """Names of one policy that are CNAMEs to nodes, if that serves anything."""

    made: _Zone
    policy: str
    sets: Sequence[SteeredSet]
    names: Sequence[str]
    shapes: Mapping[str, str]  # region → shape of its chain, whatever the type
    found: Mapping[str, Regional]  # by type
    refused: bool  # they are counted, and left as they are

    def claims(self) -> Iterator[Claim]:
        """Yield what each of the chains takes of the quota."""
        for shape in dict.fromkeys(self.shapes.values()):
            pools: dict[str, int] = {}
            size, clients, ways, can = 0, 0.0, 0, True
            steps = set[tuple[tuple[str, int], ...]]()
            for one in self.sets:
                maker, chain = Maker(one, self.made.checks), self._chain(one, shape)
                can = can and maker.shareable(chain)
                size += most_probed(chain) if maker.probes(chain) else 0
                pools |= {word.pool: word.size for step in chain.words for word in step}
                ways = max(ways, sum(len(step) for step in chain.words))
                first = chain.steps[0].shares if chain.steps else ()
                steps.add(tuple((one.pools[share.pool].common, share.share) for share in first))
                clients += sum(
                    weight
                    for cell in one.cells
                    for key, weight in cell.chains.items()
                    if one.chains[key].shape == shape
                )
            value = clients / len(self.sets) * len(self.names) if ways > 1 else 0.0
            yield Claim((self.policy, shape), size, pools if can and len(steps) == 1 else {}, value)

    def add(self, chosen: Container[Key]) -> None:
        """Add the nodes, those that are not *chosen* with the probes of their sites, and names."""
        kinds = dict.fromkeys(self.shapes.values())
        if len(kinds) == len(self.names) == 1 and (self.policy, next(iter(kinds))) in chosen:
            self._alone(next(iter(kinds)))  # nothing to share, and a CNAME less to follow
            return
        for one in self.sets:
            self.made.losses += _region_loss(one, self.found[one.rtype])
            for shape in kinds:
                self._add_node(one, shape, own=(self.policy, shape) in chosen)
        ttl = self.sets[0].ttl
        top = self._node(next(iter(kinds)))
        if len(kinds) > 1:
            top = f"_p-{policy_key(self.policy)}.{self.made.zone}"
            items = [
                {"location": region, "rrdatas": [self._node(shape)]}
                for region, shape in self.shapes.items()
            ]
            geo = {"routingPolicy": {"geo": {"enableFencing": False, "items": items}}}
            self.made.add(top, "CNAME", ttl, geo, self.policy)
        for name in self.names:
            self.made.add(name, "CNAME", ttl, {"rrdatas": [top]}, self.policy)

    def _alone(self, shape: str) -> None:
        for one in self.sets:
            node = Maker(one, self.made.checks).chain(self._chain(one, shape))
            self.made.losses += [*node.losses, *_region_loss(one, self.found[one.rtype])]
            self.made.add(self.names[0], one.rtype, one.ttl, node.body, self.policy)

    def _add_node(self, one: SteeredSet, shape: str, *, own: bool) -> None:
        maker, chain, name = (
            Maker(one, self.made.checks),
            self._chain(one, shape),
            self._node(shape),
        )
        node = maker.chain(chain) if own else maker.sites(chain, self._site)
        self.made.losses += node.losses
        self.made.add(name, one.rtype if own else "CNAME", one.ttl, node.body, self.policy)
        for share in () if own else chain.steps[0].shares:
            site = self._site(one.pools[share.pool])
            if (site, one.rtype, "") not in self.made.rrsets:
                self.made.add(site, one.rtype, one.ttl, maker.site(share), self.policy)

    def _chain(self, one: SteeredSet, shape: str) -> Chain:
        """Return the chain of *shape* that the first region has of those that have one."""
        found = (one.chains[key] for key in self.found[one.rtype].chains.values())
        return next(chain for chain in found if chain.shape == shape)

    def _node(self, shape: str) -> str:
        return f"_c-{shape}-{policy_key(self.policy)}.{self.made.zone}"

    def _site(self, pool: Pool) -> str:
        return f"_v-{pool.common}.{self.made.zone}"


def _selector_loss(one: SteeredSet) -> Iterator[Loss]:
    if one.blocks:
        wanted = f"{len(one.blocks):,} prefixes of their own"
        yield Loss(
            Code.SELECTOR, one.policy, one.rtype, "", wanted, "like their region",
            Severity.DEGRADED, Bites.CLIENTS, sum(block.weight for block in one.blocks),
        )  # fmt: skip
