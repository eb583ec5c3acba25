"""Rules of the model → rules of the plan, and the sites that they name but nobody described."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gslb.policy import model
from gslb.policy.checks import closest
from gslb.policy.lints import warning
from gslb.policy.places import Path, Places
from gslb.policy.plan import Condition, Pick, Rule, Target, Term
from gslb.policy.problems import Problem

TIE_MS = 15.0  # sites whose latency differs less are alike: estimates are no better than that
_EQUAL = 1  # the share of each site in a list
_TERMS = ("area", "asn", "carrier", "net", "resolver", "qtype")


def read_rules(
    rules: Sequence[model.Rule],
    place: Path,
    sites: Mapping[str, object],
    places: Places,
    problems: list[Problem],
) -> tuple[Rule, ...]:
    """Return the rules at *place*; problems are added to *problems*.

    Rules without a name are called by their number, from 1. Sites that do not exist are left out,
    so that everything else can still be looked at.
    """
    found = [
        _rule(rule, index, (*place, index), sites, places, problems)
        for index, rule in enumerate(rules)
    ]
    seen: dict[str, Rule] = {}
    for rule in found:
        first = seen.setdefault(rule.name, rule)
        if first is not rule:
            text = f'a second rule "{rule.name}"; the first is in line {first.where.line}'
            problems.append(Problem(rule.where, "E205", text))
    return tuple(found)


def _rule(
    rule: model.Rule,
    index: int,
    place: Path,
    sites: Mapping[str, object],
    places: Places,
    problems: list[Problem],
) -> Rule:
    targets = list(_targets(rule.to))
    problems += _unknown([t.site for t in targets], (*place, "to"), rule.to, sites, places)
    problems += _unknown(rule.then, (*place, "then"), rule.then, sites, places)
    name = rule.name or f"rule-{index + 1}"
    if not targets:
        problems.append(
            Problem(places.locate((*place, "to")), "E207", f'rule "{name}" has no site in "to"')
        )
    if rule.fence and rule.then:
        text = f'rule "{name}": the fence forbids leaving "to", so "then" is never used'
        problems.append(warning(places.locate_key((*place, "then")), "W303", text))
    return Rule(
        name=name,
        when=None if rule.when is None else _condition(rule.when, (*place, "when"), places),
        pick=Pick(rule.pick),
        to=tuple(target for target in targets if target.site in sites),
        then=tuple(dict.fromkeys(name for name in rule.then if name in sites)),
        fence=rule.fence,
        tie_ms=TIE_MS if rule.tie is None else rule.tie,
        where=places.locate_key(place),
    )


def _targets(to: str | list[str] | dict[str, int]) -> Iterator[Target]:
    if isinstance(to, str):
        yield Target(to, _EQUAL)
    elif isinstance(to, dict):
        yield from (Target(site, share) for site, share in to.items())
    else:
        yield from (Target(site, _EQUAL) for site in dict.fromkeys(to))


def _unknown(
    names: list[str],
    place: Path,
    written: str | list[str] | dict[str, int],
    sites: Mapping[str, object],
    places: Places,
) -> Iterator[Problem]:
    if isinstance(written, list):
        for index, name in enumerate(written):
            if name in written[:index]:
                yield Problem(places.locate((*place, index)), "E205", f"{name} is given twice")
    for name in names:
        if name not in sites:
            where = places.locate(place)
            if isinstance(written, list):
                where = places.locate((*place, written.index(name)))
            elif isinstance(written, dict):
                where = places.locate_key((*place, name))
            yield Problem(where, "E201", f'unknown site "{name}"', hint=closest(name, sites))


def _condition(when: model.Condition, place: Path, places: Places) -> Condition:
    terms = {
        key: tuple(
            Term(text, places.locate((*place, key, index)))
            for index, text in enumerate(getattr(when, key) or ())
        )
        for key in _TERMS
    }
    excluded = [
        _condition(part, (*place, "not", index), places)
        for index, part in enumerate(when.not_ or ())
    ]
    return Condition(**terms, excluded=tuple(excluded))
