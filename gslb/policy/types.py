"""Which types a steered name has: fixed by its policy, never by the client or by health.

RFC 7871 §7.4: negative answers are not tailored, so a type exists for every client or for none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gslb.policy.plan import Condition, Policy, Rule, Site
from gslb.wire.constants import TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_HTTPS

STEERED_TYPES = {"A": TYPE_A, "AAAA": TYPE_AAAA, "CNAME": TYPE_CNAME, "HTTPS": TYPE_HTTPS}
TYPE_WORDS = {number: word for word, number in STEERED_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Lack:
    """A rule that cannot answer a type which other rules of its policy can."""

    rtype: int
    rule: int  # index into Policy.rules
    able: tuple[str, ...]  # sites elsewhere in the policy that could answer the type


def can_answer(site: Site, rtype: int) -> bool:
    """Return whether *site* has an endpoint that can stand in an answer of type *rtype*.

    An alias counts for both address families (which it has is known only once it is resolved), a
    CNAME for every type. HTTPS (RFC 9460) needs an address of either family.
    """
    if rtype == TYPE_HTTPS:
        return can_answer(site, TYPE_A) or can_answer(site, TYPE_AAAA)
    for endpoint in site.endpoints:
        if endpoint.cname is not None:
            return True
        if rtype in {TYPE_A, TYPE_AAAA} and endpoint.alias is not None:
            return True
        if (rtype == TYPE_A and endpoint.a) or (rtype == TYPE_AAAA and endpoint.aaaa):
            return True
    return False


def record_types(policy: Policy, sites: Mapping[str, Site]) -> tuple[int, ...]:
    """Return the types that a name with *policy* has, ascending.

    ``(CNAME,)`` when nothing but host names is handed on: then the CNAME answers every type
    (RFC 1034 §3.6.2). Otherwise A and AAAA, each if every rule that concerns the type can answer
    it from some site that the rule may use, and HTTPS if the policy has one and either is served.
    """
    if only_cnames(policy, sites):
        return (TYPE_CNAME,)
    lacking = {lack.rtype for lack in lacks(policy, sites)}
    families = [
        rtype
        for rtype in (TYPE_A, TYPE_AAAA)
        if rtype not in lacking and any(True for _ in concerned(policy, rtype))
        and _anywhere(policy, sites, rtype)
    ]  # fmt: skip
    if policy.https is not None and families:
        families.append(TYPE_HTTPS)
    return tuple(families)


def lacks(policy: Policy, sites: Mapping[str, Site]) -> Iterator[Lack]:
    """Yield, for A and AAAA, the rules that keep the whole name from having the type.

    Nothing is yielded for a type that no rule can answer: such a name is plainly of one family.
    """
    for rtype in (TYPE_A, TYPE_AAAA):
        able = _anywhere(policy, sites, rtype)
        if not able:
            continue
        for index in concerned(policy, rtype):
            if not any(
                can_answer(site, rtype) for site in _sources(policy.rules[index], sites, rtype)
            ):
                yield Lack(rtype, index, able)


def _sources(rule: Rule, sites: Mapping[str, Site], rtype: int) -> list[Site]:
    """Return the sites of *rule* that make it able to answer *rtype*.

    For AAAA those of ``to`` alone, where the rule can answer A: clients with IPv6 try it first, and
    an AAAA that only ``then`` has would send them all to the spare site while ``to`` is well.
    """
    known = [sites[name] for name in rule.sites if name in sites]
    if rtype == TYPE_AAAA and any(can_answer(site, TYPE_A) for site in known):
        return [sites[target.site] for target in rule.to if target.site in sites]
    return known


def only_cnames(policy: Policy, sites: Mapping[str, Site]) -> bool:
    """Return whether every endpoint that *policy* may use is a CNAME."""
    endpoints = [
        endpoint for name in _used(policy) if name in sites for endpoint in sites[name].endpoints
    ]
    return bool(endpoints) and all(endpoint.cname is not None for endpoint in endpoints)


def concerned(policy: Policy, rtype: int) -> Iterator[int]:
    """Yield the indices of the rules that can decide a query of type *rtype*, in order.

    A rule for other types is passed over; rules behind a catch-all are never reached.
    """
    for index, rule in enumerate(policy.rules):
        if concerns(rule, rtype):
            yield index
            if is_catch_all(rule, rtype):
                return


def concerns(rule: Rule, rtype: int) -> bool:
    """Return whether *rule* can match a query of type *rtype* at all."""
    return rule.when is None or _possible(rule.when, rtype)


def is_catch_all(rule: Rule, rtype: int | None = None) -> bool:
    """Return whether *rule* matches every client; *rtype* None: for queries of every type."""
    if rule.when is None:
        return True
    if rtype is None:
        return all(_everybody(rule.when, one) for one in STEERED_TYPES.values())
    return _everybody(rule.when, rtype)


def _possible(condition: Condition, rtype: int) -> bool:
    if condition.qtype and rtype not in qtypes(condition):
        return False
    return not any(_everybody(part, rtype) for part in condition.excluded)


def _everybody(condition: Condition, rtype: int) -> bool:
    """Return whether *condition* holds for every client that asks for *rtype*."""
    if condition.area or condition.asn or condition.carrier or condition.net or condition.resolver:
        return False
    if condition.qtype and rtype not in qtypes(condition):
        return False
    return not any(_possible(part, rtype) for part in condition.excluded)


def qtypes(condition: Condition) -> set[int]:
    """Return the steered types that *condition* names; other words name none."""
    words = (term.text.upper() for term in condition.qtype)
    return {STEERED_TYPES[word] for word in words if word in STEERED_TYPES}


def _used(policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for rule in policy.rules for name in rule.sites))


def _anywhere(policy: Policy, sites: Mapping[str, Site], rtype: int) -> tuple[str, ...]:
    """Return the sites that can answer *rtype*, of those that rules concerned with it may use."""
    names = dict.fromkeys(n for i in concerned(policy, rtype) for n in policy.rules[i].sites)
    return tuple(name for name in names if name in sites and can_answer(sites[name], rtype))
