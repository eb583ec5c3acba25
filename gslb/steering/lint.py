"""What only geography can say of policies: words that mean nobody, rules that no client reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_network

import numpy as np

from gslb.answers.model import MAX_CLASSES
from gslb.geo.areas import UnknownArea
from gslb.geo.regions import closest_name, cloud_regions
from gslb.policy.plan import Condition, Pick, Plan, Policy, Rule, Site, Term
from gslb.policy.problems import Problem, Severity, Where
from gslb.policy.types import STEERED_TYPES, record_types
from gslb.steering.classes import COARSER, compile_classes, compile_finely
from gslb.steering.clients import TooManyKindsError
from gslb.steering.prefixes import BITS, ECS_CAP, parse_prefix
from gslb.steering.ranking import RANKING_PICKS
from gslb.steering.reach import Reach, reach
from gslb.steering.world import World


def lint_plan(plan: Plan, world: World) -> list[Problem]:
    """Return every problem of *plan* that shows against *world*, by place, each once."""
    problems: set[Problem] = set()
    for zone in plan.zones:
        for policy in zone.policies:
            problems.update(_lint_policy(policy, zone.sites, world))
        told = {problem.where for problem in problems if problem.code in {"E245", "W344"}}
        problems.update(_lint_regions(zone.sites, told))
    return sorted(problems)


def _lint_regions(sites: Mapping[str, Site], told: set[Where]) -> Iterator[Problem]:
    """Say which sites look like a region of a known cloud, and are none; once for each site."""
    clouds = {name.partition("/")[0] for name in cloud_regions()}
    for name, site in sites.items():
        cloud, _, region = name.partition("/")
        known = cloud not in clouds or name in cloud_regions()
        if known or site.at is not None or site.where in told:
            continue
        near = closest_name(name)
        hint = f"did you mean {near}? " if near else ""
        hint += "a region that is newer than our list takes at: [degrees north, degrees east]"
        yield _warning(
            site.where, "W346", f'{cloud} is not known to have a region "{region}"', hint
        )


def _lint_policy(policy: Policy, sites: Mapping[str, Site], world: World) -> Iterator[Problem]:
    words: list[Problem] = []
    empty: set[int] = set()  # rules with a word that stands for nobody here: said once is enough
    for index, rule in enumerate(policy.rules):
        found = [] if rule.when is None else list(_lint_condition(rule.when, policy, world))
        words += found
        if any(problem.code in MEANS_NOBODY for problem in found):
            empty.add(index)
        words += _lint_sites(rule, sites, world)
    yield from words
    try:
        if len(world.geo.places) > 1:
            yield from _lint_reach(policy, sites, empty, world)
        else:
            text = "no geography is loaded: every client's place is unknown"
            yield _warning(policy.where, "W345", text, "see: gslb geo info")
        yield from _lint_measurements(policy, sites, world)
    except TooManyKindsError as error:
        yield Problem(policy.where, "E247", str(error))


MEANS_NOBODY = frozenset({"E240", "E241", "E242", "E243", "E244", "W342", "W343"})


def _warning(where: Where, code: str, text: str, hint: str = "") -> Problem:
    return Problem(where, code, text, Severity.WARNING, hint)


def _note(where: Where, code: str, text: str, hint: str = "") -> Problem:
    return Problem(where, code, text, Severity.NOTE, hint)


def _lint_condition(condition: Condition, policy: Policy, world: World) -> Iterator[Problem]:
    for term in condition.area:
        yield from _lint_area(term, world)
    for term in condition.asn:
        yield from _lint_asn(term, world)
    for term in condition.carrier:
        if term.text not in world.carriers:
            near = get_close_matches(term.text.lower(), world.carriers, 1, 0.5)
            hint = f'did you mean "{near[0]}"?' if near else _one_of(world.carriers)
            yield Problem(term.where, "E241", f'unknown carrier "{term.text}"', hint=hint)
    for term in condition.net:
        yield from _lint_prefix(term, ecs=not policy.ignore_ecs)
    for term in condition.resolver:
        yield from _lint_prefix(term, ecs=False)
    for term in condition.qtype:
        if term.text.upper() not in STEERED_TYPES:
            text = f'"{term.text}" is no type that a rule can decide'
            yield Problem(term.where, "E244", text, hint=_one_of(STEERED_TYPES))
    for part in condition.excluded:
        yield from _lint_condition(part, policy, world)


def _one_of(words: Mapping[str, object]) -> str:
    return f"one of {', '.join(sorted(words))}"


def _lint_area(term: Term, world: World) -> Iterator[Problem]:
    try:
        area = world.areas.resolve(term.text)
    except UnknownArea as error:
        hint = f"did you mean {error.suggestion}?" if error.suggestion else ""
        yield Problem(term.where, "E240", f'unknown area "{term.text}"', hint=hint)
        return
    if area.note:
        yield _note(term.where, "N440", area.note)
    if len(world.geo.places) > 1 and not world.areas.covered(area, world.geo):
        text = f'the geo table does not tell {area.name} apart, so "{term.text}" matches nobody'
        hint = "build one with a city file: gslb geo build --city FILE --subdivide "
        countries = ",".join(sorted({country for country, _ in area.subdivisions}))
        yield _warning(term.where, "W343", text, hint + countries)


def _lint_asn(term: Term, world: World) -> Iterator[Problem]:
    digits = term.text.isascii() and term.text.isdigit() and len(term.text) <= 10
    if not digits or not 0 < int(term.text) < 2**32:
        text = f'"{term.text}" is not an AS number (1 to 4294967295)'
        yield Problem(term.where, "E242", text)
    elif len(world.asns) > 1 and not world.asn_mask(frozenset({int(term.text)})).any():
        text = f"AS{term.text} originates no address in the geo table, so it matches nobody"
        yield _warning(term.where, "W342", text)


def _lint_prefix(term: Term, ecs: bool) -> Iterator[Problem]:
    try:
        network = parse_prefix(term.text)
    except ValueError:
        yield Problem(term.where, "E243", f'"{term.text}" is not a prefix', hint=_meant(term.text))
        return
    if network.version == 6 and network.prefixlen > BITS[6]:
        text = f"{network} is longer than /{BITS[6]}, the finest that is told apart in IPv6"
        yield Problem(
            term.where, "E243", text, hint=f"write {network.supernet(new_prefix=BITS[6])}"
        )
    elif ecs and network.prefixlen > (cap := ECS_CAP[network.version]):
        text = f"clients seen through ECS are matched by their /{cap}, not by {network}"
        yield _note(term.where, "N441", text, "it is exact for resolvers that send no ECS")


def _meant(text: str) -> str:
    """Return what *text* would be without the bits behind its length, if it is that."""
    try:
        return f"did you mean {ip_network(text.strip(), strict=False)}?"
    except ValueError:
        return "for example 192.0.2.0/24 or 2001:db8::/32"


def _lint_sites(rule: Rule, sites: Mapping[str, Site], world: World) -> Iterator[Problem]:
    """Say which sites cannot be ranked because nobody knows where they are."""
    if rule.pick not in RANKING_PICKS:
        return
    measured = world.latency.sites(world.at) if world.latency is not None else frozenset()
    for target in rule.to:
        site = sites[target.site]
        if world.point(site) is not None:
            continue
        text = f'nobody knows where {site.name} is, so "pick: {rule.pick}" cannot rank it'
        near = closest_name(site.name)
        hint = "add at: [degrees north, degrees east]"
        hint += f", or did you mean {near}?" if near else ""
        if rule.pick is Pick.LATENCY and site.name in measured:
            yield _warning(site.where, "W344", text + " where it is not measured", hint)
        else:
            yield Problem(site.where, "E245", text, hint=hint)


def _lint_reach(
    policy: Policy, sites: Mapping[str, Site], empty: set[int], world: World
) -> Iterator[Problem]:
    """Say which rules no client reaches, and which clients reach no rule."""
    types = record_types(policy, sites)
    total = reach(policy, types, world)
    for index, rule in enumerate(policy.rules):
        if rule.when is None:
            break  # what is behind it is unreachable by its form, whatever the geography
        if total.decides[index] or index in empty:
            continue
        if total.matches[index]:
            yield _unreachable(policy, index, total)
        else:
            yield _warning(rule.where, "W341", f'rule "{rule.name}" matches nobody')
    if total.lost:
        text = "no rule is for some clients, such as "
        yield Problem(policy.where, "E246", text + total.lost, hint="end with a rule without when")


def _unreachable(policy: Policy, index: int, total: Reach) -> Problem:
    names = [f'"{policy.rules[taker].name}"' for taker in np.flatnonzero(total.taken[index])]
    before = "rule " + names[0] if len(names) == 1 else "rules " + ", ".join(names)
    takes = "takes" if len(names) == 1 else "take"
    text = f'rule "{policy.rules[index].name}" can never match: {before} before it {takes} '
    return _warning(policy.rules[index].where, "W340", text + "all of its clients")


def _lint_measurements(
    policy: Policy, sites: Mapping[str, Site], world: World
) -> Iterator[Problem]:
    """Say where measured latency exists and is not, or not fully, used."""
    rules = [rule for rule in policy.rules if rule.pick is Pick.LATENCY]
    ranked = [rule for rule in policy.rules if rule.pick in RANKING_PICKS]
    if len(ranked) * len(world.geo.places) > MAX_CLASSES:  # else there can be no such problem
        compile_classes(policy, sites, record_types(policy, sites)[0], world)
    if world.latency is None or not rules:
        return
    measured = world.latency.sites(world.at)
    for rule in rules:
        lacking = [target.site for target in rule.to if target.site not in measured]
        if lacking and len(lacking) < len(rule.to):
            text = f'rule "{rule.name}" goes by modelled latency alone: no fresh samples of '
            yield _note(rule.where, "N443", text + ", ".join(lacking))
    for rtype in record_types(policy, sites):
        finest = compile_finely(policy, sites, rtype, world).finest
        if finest is not COARSER[0]:
            text = "too many kinds of clients: measurements finer than "
            yield _note(policy.where, "N442", f"{text}{finest.name.lower()} are left out")
            return
