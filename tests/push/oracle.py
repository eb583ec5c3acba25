"""What a copy has to answer, given its declared losses: worked out from the model, not from record sets.

Two steps. Our own engine answers by the policy without the features that are declared lost: that
is what the chains of the model say. Then each loss of the provider changes what its kind changes
(a step that is not there, a sick endpoint's traffic that leaves its site, …) and nothing else.
A loss that is not declared changes nothing, so the copy's answer is another than this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gslb.policy.plan import Panic, Policy, Site, Spread, WhenAllDown
from gslb.push.clouddns.nodes import NEXT
from gslb.push.clouddns.regions import by_distance
from gslb.push.losses import Bites, Code, Loss
from gslb.push.lowering import UNBOUNDED, lower_class
from gslb.push.model import Chain, Ending, Pool, Probe, SteeredSet, Step, Target
from gslb.push.provider import Client
from gslb.push.route53.bodies import MAX_WEIGHT
from gslb.push.weights import scaled
from gslb.steering.capacity import Candidate, candidates
from gslb.steering.decide import rule_sites
from gslb.steering.model import ClientClass
from gslb.steering.situation import Situation, Status

Chances = dict[str, float]
Passes = Callable[[Probe], bool]


@dataclass(frozen=True)
class Declared:
    """Losses of one policy and type, as far as they concern one rule."""

    losses: tuple[Loss, ...]

    def has(self, code: Code, about: str, given: str = "") -> bool:
        """Whether a loss of this kind is declared of just this."""
        return any(
            one.code is code and one.about == about and given in one.given for one in self.losses
        )

    def without(self, loss: Loss) -> Declared:
        return Declared(tuple(one for one in self.losses if one != loss))


BEFORE = {Code.SPILL, Code.PANIC, Code.FAIL_CLOSED, Code.RUNTIME, Code.COUNT, Code.TIES}


def on_the_way(loss: Loss) -> bool:
    """Whether *loss* is one on the way to the model, whatever the provider."""
    return loss.code in BEFORE or (loss.code is Code.LAST_RESORT and not loss.about)


def lowered(policy: Policy, said: Declared, cls: ClientClass) -> tuple[Policy, ClientClass]:
    """Return *policy* and *cls* without what is declared to be lost on the way to the model."""
    rule = policy.rules[cls.rule].name
    changes: dict[str, object] = {}
    if said.has(Code.SPILL, rule):
        changes["headroom"] = dict.fromkeys(policy.headroom, UNBOUNDED)
    if said.has(Code.PANIC, rule):
        changes["panic"] = Panic(0.0, "all")
    if said.has(Code.FAIL_CLOSED, "") and policy.when_all_down is WhenAllDown.REFUSE:
        changes["when_all_down"] = WhenAllDown.SERVE_ALL
    if said.has(Code.LAST_RESORT, ""):
        changes["last_resort"] = None
        if policy.when_all_down is WhenAllDown.LAST_RESORT:
            changes["when_all_down"] = WhenAllDown.SERVE_ALL
    if any(one.code is Code.COUNT and one.bites is Bites.ALWAYS for one in said.losses):
        changes |= {"count": 1, "spread": Spread.NONE}
    made = replace(policy, **changes)  # type: ignore[arg-type]
    return made, lower_class(cls) if said.has(Code.TIES, rule) else cls


def ramps_count(said: Declared) -> bool:
    """Whether endpoints that get a part of their weight do so in a copy."""
    return not said.has(Code.RUNTIME, "")


# --- chains, as the model has them ---


def answer(
    one: SteeredSet,
    chain: Chain,
    well: Callable[[Target], bool],
    weights: Callable[[str, Sequence[int]], Sequence[int]] = lambda _, found: found,
) -> Chances:
    """Return what *chain* answers while *well* tells who is. *weights*: of a step or site."""
    for step in chain.steps:
        if found := stepped(one, step, well, weights):
            return found
    if chain.steps and chain.ending is Ending.SERVE_ALL:
        return stepped(one, chain.steps[0], lambda _: True, weights)
    return even(one.last_resort)


def stepped(
    one: SteeredSet,
    step: Step,
    well: Callable[[Target], bool],
    weights: Callable[[str, Sequence[int]], Sequence[int]] = lambda _, found: found,
) -> Chances:
    """Return what *step* answers: nothing if nobody is well."""
    shares = weights(f"step {step.key}", [share.share for share in step.shares])
    found: list[tuple[float, Chances]] = []
    for share, part in zip(step.shares, shares, strict=True):
        pool = one.pools[share.pool]
        if inside := pooled(pool, well, weights):
            found.append((part, inside))
    whole = sum(part for part, _ in found)
    chances: Chances = {}
    for part, inside in found:
        for rdata, chance in inside.items():
            chances[rdata] = chances.get(rdata, 0.0) + part / whole * chance
    return chances


def pooled(
    pool: Pool,
    well: Callable[[Target], bool],
    weights: Callable[[str, Sequence[int]], Sequence[int]],
) -> Chances:
    """Return what one site answers by itself; spares only when all others are gone.

    Spares are drawn by endpoint: two addresses of one host name share its part.
    """
    given = weights(pool.site, [target.weight for target in pool.targets])
    live = [(t, weight) for t, weight in zip(pool.targets, given, strict=True) if well(t)]
    used = [(target.rdata, float(weight)) for target, weight in live if weight]
    if not used:
        ids = [target.endpoint.partition("#")[0] for target, _ in live]
        used = [
            (target.rdata, 1.0 / ids.count(i)) for i, (target, _) in zip(ids, live, strict=True)
        ]
    whole = sum(weight for _, weight in used)
    return {rdata: weight / whole for rdata, weight in used}


def even(rdatas: Iterable[str]) -> Chances:
    found = list(rdatas)
    return {rdata: 1 / len(found) for rdata in found}


# --- Route 53 ---


def at_route53(one: SteeredSet, chain: Chain, said: Declared, passes: Passes) -> Chances:
    """Return what Route 53 has to answer for *chain*."""
    blind = {loss.wanted for loss in said.losses if loss.code is Code.PROBE_NONE}

    def well(target: Target) -> bool:
        return all(
            f"{probe.check.type} of {probe.address}" in blind or passes(probe)
            for probe in target.probes
        )

    def weights(about: str, found: Sequence[int]) -> Sequence[int]:
        rounded = said.has(Code.WEIGHT_ROUNDED, about, ":")
        return scaled(found, MAX_WEIGHT) if rounded else found

    alike = {
        loss.about for loss in said.losses
        if loss.code is Code.WEIGHT_ROUNDED and loss.given == "their addresses alike"
    }  # fmt: skip
    if alike:
        pools = {
            key: replace(pool, targets=tuple(map(_own, pool.targets)))
            if pool.site in alike else pool
            for key, pool in one.pools.items()
        }  # fmt: skip
        one = replace(one, pools=pools)
    return answer(one, chain, well, weights)


def _own(target: Target) -> Target:
    """Count an address as an endpoint."""
    return replace(target, endpoint=target.endpoint.replace("#", "/#"))


# --- Cloud DNS ---


def at_clouddns(one: SteeredSet, chain: Chain, said: Declared, passes: Passes) -> Chances:
    """Return what a routing policy of Cloud DNS for *chain* alone has to answer."""
    cut = next(
        (int(loss.given) for loss in said.losses
         if loss.code is Code.CHAIN and loss.given.isdecimal()),
        len(chain.steps),
    )  # fmt: skip
    steps = chain.steps[:cut]
    well = _judge(one, steps, said, chain.rule, passes)
    for at, step in enumerate(steps):
        if found := _step(one, step, well, said, chain.rule, at):
            return found
    if not steps or (chain.ending is Ending.LAST_RESORT and not said.has(
        Code.LAST_RESORT, chain.rule
    )):  # fmt: skip
        return even(one.last_resort)
    last = said.has(Code.CHAIN, chain.rule, "the next step")
    at = len(steps) - 1 if last else 0
    if said.has(Code.LAST_RESORT, chain.rule, NEXT):
        at = len(steps) - 1
    return _step(one, steps[at], lambda _: True, said, chain.rule, at)


def _judge(
    one: SteeredSet, steps: Iterable[Step], said: Declared, rule: str, passes: Passes
) -> Callable[[Target], bool]:
    """Return who counts as healthy."""
    if said.has(Code.PROBE_NONE, rule, "none: "):
        return lambda _: True
    apart = said.has(Code.FAMILIES, rule)

    def well(target: Target) -> bool:
        return all(map(passes, target.probes[:1] if apart else target.probes))

    return well


def _step(
    one: SteeredSet,
    step: Step,
    well: Callable[[Target], bool],
    said: Declared,
    rule: str,
    at: int,
) -> Chances:
    """Return what step number *at* answers; nothing if nobody is well."""
    where = "" if at == 0 else NEXT
    pools = one.pools
    if said.has(Code.STANDBY, f"{rule}{where}"):
        pools = {
            key: replace(pool, targets=tuple(t for t in pool.targets if t.weight) or pool.targets)
            for key, pool in pools.items()
        }
    one = replace(one, pools=pools)
    if said.has(Code.PROBE_SHARED, rule):
        return _shared(one, step, well)
    whole = stepped(one, step, lambda _: True)
    if said.has(Code.WEIGHT_DROPPED, f"{rule}{where}"):
        whole = even(whole)
    elif not said.has(Code.FLATTENED, f"{rule}{where}"):
        return stepped(one, step, well)
    sick = {
        target.rdata
        for share in step.shares
        for target in one.pools[share.pool].targets
        if not well(target)
    }
    left = {rdata: chance for rdata, chance in whole.items() if rdata not in sick}
    total = sum(left.values())
    return {rdata: chance / total for rdata, chance in left.items()}


def _shared(one: SteeredSet, step: Step, well: Callable[[Target], bool]) -> Chances:
    """Return what sites answer that keep their parts, whoever is well: never nothing."""
    chances: Chances = {}
    parts = sum(share.share for share in step.shares)
    for share in step.shares:
        alone = replace(step, shares=(share,))
        found = stepped(one, alone, well) or stepped(one, alone, lambda _: True)
        for rdata, chance in found.items():
            chances[rdata] = chances.get(rdata, 0.0) + share.share / parts * chance
    return chances


def by_region(
    one: SteeredSet, chains: Mapping[str, Chain], client: Client, said: Declared, passes: Passes
) -> Chances:
    """Return what one routing policy of Cloud DNS with an item for each region has to answer."""
    order = [r for r in by_distance(client.latitude, client.longitude) if r in chains]
    near = chains[order[0]]
    if not near.steps:
        return even(one.last_resort)
    # What serves when the nearest region does not is what is declared of the nearest one's rule.
    leaves = said.has(Code.CHAIN, near.rule, "the next region") and (
        not near.fence or said.has(Code.FENCE, near.rule)
    )
    for region in order if leaves else order[:1]:
        chain = chains[region]
        if not chain.steps:
            return even(one.last_resort)
        well = _judge(one, chain.steps[:1], said, chain.rule, passes)
        targets = [t for s in chain.steps[0].shares for t in one.pools[s.pool].targets]
        mixed = len({bool(target.probes) for target in targets}) > 1
        if mixed and said.has(Code.PROBE_NONE, chain.rule, "none"):
            well = lambda _: True  # noqa: E731
        if found := _step(one, chain.steps[0], well, said, chain.rule, 0):
            return found
    return _step(one, near.steps[0], lambda _: True, said, near.rule, 0)


# --- when a loss may be the cause ---


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is true of one client at one moment, of the endpoints that its rule may use."""

    sick: bool  # one is down
    drained: bool  # one is drained
    ramping: bool  # one gets a part of its weight
    all_sick: bool  # none is up and not drained
    apart: bool  # the client is not of the kind that is most frequent in its area


def circumstances(
    policy: Policy,
    sites: Mapping[str, Site],
    cls: ClientClass,
    rtype: int,
    situation: Situation,
    *,
    apart: bool,
) -> Circumstances:
    """Return what is true of clients of *cls*; *apart* is taken as it is given."""
    found: list[Candidate] = []
    for name in rule_sites(policy, sites, cls.rule, rtype):
        check = policy.checks.get(name)
        found += candidates(sites[name], check, policy.families, rtype, situation)
    return Circumstances(
        sick=any(one.status is Status.DOWN for one in found),
        drained=any(one.drained is not None for one in found),
        ramping=any(one.health.ramp < 1 for one in found),
        all_sick=all(one.status is Status.DOWN or one.drained is not None for one in found),
        apart=apart,
    )


def explains(loss: Loss, now: Circumstances) -> bool:
    """Return whether answers may differ because of *loss*, *now*."""
    return {
        Bites.NEVER: False,
        Bites.ALWAYS: True,
        Bites.CLIENTS: now.apart,
        Bites.SICK: now.sick,
        Bites.REDUCED: now.sick or now.drained,
        Bites.RAMPING: now.ramping,
        Bites.ALL_SICK: now.all_sick,
    }[loss.bites]
