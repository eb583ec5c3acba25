"""What is wrong or doubtful in a policy that can be understood: its rules, families, endings.

Only what needs no geography; the geographic part is steering's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gslb.policy.plan import Endpoint, Pick, Policy, Rule, Site, WhenAllDown
from gslb.policy.problems import Problem, Severity, Where
from gslb.policy.types import (
    TYPE_WORDS,
    can_answer,
    concerned,
    is_catch_all,
    lacks,
    only_cnames,
    record_types,
)
from gslb.wire.constants import TYPE_A, TYPE_AAAA

LONG_TTL = 300  # seconds; above it a removal takes minutes to reach clients
FAMILY_WORDS = {TYPE_A: "IPv4", TYPE_AAAA: "IPv6"}
Sites = Mapping[str, Site]


def lint_policy(
    policy: Policy, sites: Sites, recover_in: float | None = None, ttl_at: Where | None = None
) -> Iterator[Problem]:
    """Yield the problems of one policy, whose sites are all known.

    *recover_in*: seconds in which the operator wants clients away from what fails, if stated.
    *ttl_at*: where the TTL is said, if it is.
    """
    yield from _rules(policy)
    yield from _endings(policy)
    for rule in policy.rules:
        yield from _rule(rule, sites)
    yield from _drained(policy, sites)
    yield from _kinds(policy, sites)
    yield from _families(policy, sites)
    yield from _times(policy, recover_in, ttl_at)


def _rules(policy: Policy) -> Iterator[Problem]:
    ends = [index for index, rule in enumerate(policy.rules) if is_catch_all(rule)]
    if not ends:
        text = f"{policy.name}: the last rule has a condition, so some clients match no rule"
        where = policy.rules[-1].where if policy.rules else policy.where
        yield Problem(where, "E206", text, hint="end with a rule without when:")
        return
    first, late = policy.rules[ends[0]], policy.rules[ends[0] + 1 :]
    if late and (first.fence or len(late) > 1):
        behind = f"the {len(late)} rules" if len(late) > 1 else "the rule"
        text = f'rule "{first.name}" matches everybody, so {behind} after it can never be used'
        if first.fence:
            sites = _few([target.site for target in first.to])
            text += f", and its fence keeps every client at {sites}"
        yield warning(first.where, "W301", text, "move it to the end, or give it a when:")
    for rule in late:
        text = f'rule "{rule.name}" is never reached: "{first.name}" before it matches everybody'
        yield warning(rule.where, "W301", text)


def _endings(policy: Policy) -> Iterator[Problem]:
    asked = [
        word
        for word, holds in (
            ("when_all_down: last_resort", policy.when_all_down is WhenAllDown.LAST_RESORT),
            ("panic.serve: last_resort", policy.panic.serve == "last_resort"),
        )
        if holds
    ]
    if asked and policy.last_resort is None:
        text = f"{policy.name}: {' and '.join(asked)}, but there is no last_resort"
        yield Problem(policy.where, "E214", text, hint="add last_resort: {A: [...]}")


def _rule(rule: Rule, sites: Sites) -> Iterator[Problem]:
    preferred = [target.site for target in rule.to]
    again = sorted(set(preferred) & set(rule.then))
    if again:
        text = f'rule "{rule.name}": {", ".join(again)} in both "to" and "then"'
        yield warning(rule.where, "W304", text, '"then" is for other sites, in order')
    zones = sum(len(sites[name].zones) for name in preferred)
    if rule.fence and zones < 2:
        text = f'rule "{rule.name}": a fence around one zone: nothing is left when it fails'
        yield warning(rule.where, "W302", text)
    if rule.to and rule.pick in {Pick.SHARE, Pick.HASH} and not any(t.share for t in rule.to):
        text = f'rule "{rule.name}": every share is 0, so all get the same'
        yield warning(rule.where, "W317", text)


def _drained(policy: Policy, sites: Sites) -> Iterator[Problem]:
    """Yield what drains leave nothing of; an error only where a drain will not end by itself."""
    endpoints = used_endpoints(policy, sites)
    if endpoints and all(endpoint.drained for endpoint in endpoints):
        text = f"{policy.name}: every endpoint that it may use is drained"
        for_good = any(e.drained is not None and e.drained.until is None for e in endpoints)
        severity = Severity.ERROR if for_good else Severity.WARNING
        yield Problem(policy.where, "E209" if for_good else "W309", text, severity)
        return
    for rule in policy.rules:
        held = [endpoint for name in rule.sites for endpoint in sites[name].endpoints]
        if held and all(endpoint.drained for endpoint in held):
            text = f'rule "{rule.name}": every endpoint of its sites is drained'
            yield warning(rule.where, "W309", text)


def _kinds(policy: Policy, sites: Sites) -> Iterator[Problem]:
    endpoints = used_endpoints(policy, sites)
    if only_cnames(policy, sites):
        if policy.https is not None:
            text = f"{policy.name}: https needs addresses, and there are only host names (CNAME)"
            yield Problem(policy.where, "E220", text, hint="use alias: in place of CNAME:")
        return
    handed = [endpoint.id for endpoint in endpoints if endpoint.cname is not None]
    if handed:
        text = (
            f"{policy.name}: host names that are handed on ({_few(handed)}) beside addresses;"
            " the CNAME is there for some clients only"
        )
        yield warning(policy.where, "W312", text, "alias: resolves the host name here")


def _families(policy: Policy, sites: Sites) -> Iterator[Problem]:
    """At most one warning for each policy: what clients of one family will miss."""
    types = record_types(policy, sites)
    if only_cnames(policy, sites) or not policy.rules:
        return
    if not types:
        text = f"{policy.name}: no type can be answered by every rule, so nothing is served"
        yield Problem(policy.where, "E215", text)
        return
    last = policy.last_resort
    # With neither addresses nor CNAME, a CNAME was refused: that has been said.
    if last is not None and (last.a or last.aaaa):
        for rtype, addresses in ((TYPE_A, last.a), (TYPE_AAAA, last.aaaa)):
            if rtype in types and not addresses:
                text = (
                    f"{policy.name}: last_resort has no {FAMILY_WORDS[rtype]} address,"
                    f" so {TYPE_WORDS[rtype]} cannot use it"
                )
                yield warning(last.where, "W323", text)
    found = list(lacks(policy, sites))
    if found:
        yield from _withheld(policy, sites, found[0].rtype)
        return
    for rtype in (TYPE_A, TYPE_AAAA):
        if rtype not in types:
            word = TYPE_WORDS[rtype]
            text = f"{policy.name}: no {FAMILY_WORDS[rtype]} endpoint; {word} queries get NODATA"
            yield warning(policy.where, "W307", text)
            return
    yield from _partial(policy, sites)


def _withheld(policy: Policy, sites: Sites, rtype: int) -> Iterator[Problem]:
    rules = [lack for lack in lacks(policy, sites) if lack.rtype == rtype]
    names = _few([f'"{policy.rules[lack.rule].name}"' for lack in rules])
    text = (
        f"{TYPE_WORDS[rtype]} of {_few(rules[0].able)} is not served for {policy.name}:"
        f" {'rules' if len(rules) > 1 else 'rule'} {names} {'have' if len(rules) > 1 else 'has'}"
        f" no {FAMILY_WORDS[rtype]} site, and a type exists for all clients or none"
    )
    yield warning(policy.rules[rules[0].rule].where, "W305", text)


def _partial(policy: Policy, sites: Sites) -> Iterator[Problem]:
    for rtype in (TYPE_AAAA, TYPE_A):
        used = dict.fromkeys(n for i in concerned(policy, rtype) for n in policy.rules[i].sites)
        without = [name for name in used if not can_answer(sites[name], rtype)]
        if without:
            word, family = TYPE_WORDS[rtype], FAMILY_WORDS[rtype]
            rules = [policy.rules[i] for i in concerned(policy, rtype)]
            rules = [rule for rule in rules if not set(rule.sites).isdisjoint(without)]
            names = _few([f'"{rule.name}"' for rule in rules])
            text = (
                f"{policy.name}: no {word} in {_few(without)}, so {family} clients of"
                f" {'rules' if len(rules) > 1 else 'rule'} {names} go elsewhere"
            )
            yield warning(rules[0].where, "W306", text)
            return


def _times(policy: Policy, recover_in: float | None, ttl_at: Where | None) -> Iterator[Problem]:
    if policy.ttl > LONG_TTL:  # without the policy's name: one line may hold for many
        text = f"TTL {policy.ttl}: a failed endpoint stays in caches for that many seconds"
        yield warning(ttl_at or policy.where, "W310", text, f"{LONG_TTL} or less")
    if recover_in is None:
        return
    slowest, site = max(
        (
            (leaf.every * leaf.down_after + leaf.timeout, name)
            for name, check in policy.checks.items()
            for leaf in (() if check is None else check.leaves)
        ),
        default=(None, ""),
    )
    if slowest is not None and slowest + policy.ttl > recover_in:
        text = (
            f"{policy.name}: recover_in {recover_in:g} s is not met at {site}: every × down_after"
            f" + timeout + ttl is {slowest + policy.ttl:g} s"
        )
        yield warning(policy.where, "W314", text)


def used_endpoints(policy: Policy, sites: Sites) -> list[Endpoint]:
    """Return every endpoint that *policy* may use, each once."""
    names = dict.fromkeys(name for rule in policy.rules for name in rule.sites)
    return [endpoint for name in names for endpoint in sites[name].endpoints]


def warning(where: Where, code: str, text: str, hint: str = "") -> Problem:
    """Return a warning."""
    return Problem(where, code, text, Severity.WARNING, hint)


def note(where: Where, code: str, text: str) -> Problem:
    """Return a note: good to know, never counted against a policy."""
    return Problem(where, code, text, Severity.NOTE)


def _few(names: list[str] | tuple[str, ...]) -> str:
    """Return up to three of *names*, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
