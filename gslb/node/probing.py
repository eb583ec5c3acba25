"""What is to be probed: the checks of a plan as probes, and which endpoints each of them speaks for.

`wishes` is made where the plan is; `probes_of` of that, wherever the addresses of names are known.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

from gslb.listen import Listen
from gslb.policy.names import BadNameError, name_text, read_name
from gslb.policy.plan import Check, Endpoint, Plan, ZonePlan
from gslb.state.inventory import CheckKey
from gslb.steering.situation import AliasAddresses
from healthcheck.messages import Wanted
from healthcheck.model import Probe
from healthcheck.votes import key_of

_NAMED = {"http", "https", "tls", "grpc", "exec"}  # types of checks that say or are told a host
REFERENCE_EVERY, REFERENCE_TIMEOUT = 2.0, 1.0  # seconds; ahead of whatever would be masked
KEY_DIGITS = 32  # of `votes.key_of`
_STAR = b"\x01*"
_NOTHING = AliasAddresses()


@dataclass(frozen=True, slots=True)
class Wish:
    """One endpoint under one check that is probed. Addresses are text, `name` is wire form."""

    endpoint: str  # id
    check: Check  # not calculated
    host: str  # "" where the type has none
    v4: tuple[str, ...]
    v6: tuple[str, ...]
    name: bytes | None  # has the addresses in place of `v4` and `v6`, once it is resolved
    families: tuple[int, ...]  # that the endpoint may have
    shared: bool  # the check has a target of its own: what is seen there counts for each family
    under: tuple[Check, ...] = ()  # the checks that judge the endpoint and rest on this one

    @property
    def key(self) -> CheckKey:
        """How the state of a node calls it."""
        return self.endpoint, self.check


@dataclass(frozen=True, slots=True)
class Probing:
    """The probes to be run, and the targets (`target_of`) that each key rests on."""

    probes: Mapping[str, Probe]  # by target: one probe may be several, judged by different voters
    terms: Mapping[str, Check]  # by target, a check that asks for it
    groups: Mapping[str, str]  # by target, the cloud that it belongs to
    v4: Mapping[CheckKey, tuple[str, ...]]  # targets by key of what is probed; any up is up
    v6: Mapping[CheckKey, tuple[str, ...]]
    under: Mapping[CheckKey, tuple[Check, ...]]  # by key of what is probed: `Wish.under`
    elsewhere: int  # checks that are for checkers (``from:``) of which none is here

    def targets_of(self) -> dict[str, tuple[str, ...]]:
        """Return which targets votes on each probe (`votes.key_of`) are about."""
        found: dict[str, list[str]] = {}
        for target in self.probes:
            found.setdefault(target[:KEY_DIGITS], []).append(target)
        return {key: tuple(targets) for key, targets in found.items()}

    def probes_for(self, checker: str) -> dict[Probe, str]:
        """Return what *checker* is to run, each probe once, with a target of it."""
        found: dict[Probe, str] = {}
        for target, probe in self.probes.items():
            vantage = self.terms[target].vantage
            if not vantage or checker in vantage:
                found.setdefault(probe, target)
        return found

    def keys_of(self) -> dict[str, tuple[CheckKey, ...]]:
        """Return which keys each target speaks for, those of calculated checks included."""
        found: dict[str, dict[CheckKey, None]] = {}
        for family in (self.v4, self.v6):
            for key, targets in family.items():
                judged: list[CheckKey] = [(key[0], check) for check in self.under[key]]
                for target in targets:
                    found.setdefault(target, {}).update(dict.fromkeys(judged))
        return {target: tuple(keys) for target, keys in found.items()}


NOTHING = Probing({}, {}, {}, {}, {}, {}, 0)


def wishes(plan: Plan) -> tuple[Wish, ...]:
    """Return every endpoint under every check that is probed to judge it, each pair once."""
    found: dict[CheckKey, Wish] = {}
    under: dict[CheckKey, dict[Check, None]] = {}
    for zone in plan.zones:
        hosts = _hosts(zone)
        for number, policy in enumerate(zone.policies):
            for name in dict.fromkeys(site for rule in policy.rules for site in rule.sites):
                check = policy.checks.get(name)
                if check is None:
                    continue
                for leaf in dict.fromkeys(check.leaves):
                    host = leaf.host or hosts.get(number, "") if leaf.type in _NAMED else ""
                    for endpoint in zone.sites[name].endpoints:
                        key = endpoint.id, leaf
                        under.setdefault(key, {})[check] = None
                        if key not in found:
                            found[key] = _wish(endpoint, leaf, host)
    return tuple(replace(wish, under=tuple(under[key])) for key, wish in found.items())


def names_of(wanted: Iterable[Wish]) -> set[bytes]:
    """Return the names, in wire form, that have to be resolved for *wanted*."""
    return {wish.name for wish in wanted if wish.name is not None}


def _hosts(zone: ZonePlan) -> dict[int, str]:
    """Return by policy the first name that it steers, one that is no wildcard where there is one."""
    first: dict[int, tuple[bool, bytes]] = {}
    for name, policy in zone.names:
        candidate = name.startswith(_STAR), name
        if policy not in first or candidate < first[policy]:
            first[policy] = candidate
    return {
        policy: name_text(name[len(_STAR) :] if wild else name).removesuffix(".")
        for policy, (wild, name) in first.items()
    }


def _wish(endpoint: Endpoint, check: Check, host: str) -> Wish:
    named = endpoint.alias or endpoint.cname
    families = tuple(
        family
        for family, own in ((4, endpoint.a), (6, endpoint.aaaa))
        if named is not None or own is not None
    )
    if check.target is None:
        v4, v6 = _text(endpoint.a), _text(endpoint.aaaa)
        return Wish(endpoint.id, check, host, v4, v6, named, families, shared=False)
    try:
        fixed = ipaddress.ip_address(check.target)
    except ValueError:
        return Wish(endpoint.id, check, host, (), (), _name(check.target), families, shared=True)
    v4, v6 = ((str(fixed),), ()) if fixed.version == 4 else ((), (str(fixed),))
    return Wish(endpoint.id, check, host, v4, v6, None, families, shared=True)


def _text(address: bytes | None) -> tuple[str, ...]:
    return () if address is None else (str(ipaddress.ip_address(address)),)


def _name(text: str) -> bytes | None:
    try:
        return read_name(text)
    except BadNameError:
        return None  # never probed, so never down


def target_of(key: str, check: Check) -> str:
    """Return what votes on the probe of *key* (`votes.key_of`) are counted as, for *check*.

    Whose votes count, and how many, is part of it: one probe may be asked for by several checks.
    """
    if check.quorum is None and not check.vantage:
        return key
    said = repr((check.quorum, check.vantage)).encode()
    return f"{key}-{blake2b(said, digest_size=4).hexdigest()}"


def probes_of(
    wanted: Iterable[Wish], resolved: Mapping[bytes, AliasAddresses], checkers: Collection[str]
) -> Probing:
    """Return the probes that *checkers* are to run for *wanted*, equal ones once.

    Names without an address in *resolved* are not probed; what rests on them stays unknown.
    """
    probes: dict[str, Probe] = {}
    terms: dict[str, Check] = {}
    groups: dict[str, str] = {}
    known: dict[Probe, str] = {}
    by_family: tuple[dict[CheckKey, tuple[str, ...]], ...] = ({}, {})
    under: dict[CheckKey, tuple[Check, ...]] = {}
    elsewhere: set[Check] = set()
    for wish in wanted:
        if wish.check.vantage and not set(checkers) & set(wish.check.vantage):
            elsewhere.add(wish.check)
            continue
        under[wish.key] = wish.under
        for family, addresses in _addresses(wish, resolved):
            targets = []
            for address in addresses:
                probe = _probe(wish, address)
                if probe not in known:
                    known[probe] = key_of(probe)
                target = target_of(known[probe], wish.check)
                probes[target] = probe
                terms.setdefault(target, wish.check)
                groups.setdefault(target, wish.endpoint.partition("/")[0])
                targets.append(target)
            by_family[family == 6][wish.key] = tuple(targets)
    return Probing(probes, terms, groups, by_family[0], by_family[1], under, len(elsewhere))


def references_of(targets: Iterable[Listen]) -> list[Wanted]:
    """Return probes of *targets*, whose failure says more of ourselves than of them."""
    return [
        Wanted(
            Probe("tcp", one.address, one.port, REFERENCE_EVERY, REFERENCE_TIMEOUT, 2, 1),
            reference=True,
        )
        for one in targets
    ]


def _addresses(
    wish: Wish, resolved: Mapping[bytes, AliasAddresses]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield each family that something can be said of, with the addresses to ask."""
    v4, v6 = wish.v4, wish.v6
    if wish.name is not None:
        has = resolved.get(wish.name, _NOTHING)
        v4 = tuple(str(ipaddress.ip_address(one)) for one in has.a)
        v6 = tuple(str(ipaddress.ip_address(one)) for one in has.aaaa)
    if wish.shared:
        v4 = v6 = v4 + v6
    for family, addresses in ((4, v4), (6, v6)):
        if addresses and family in wish.families:
            yield family, addresses


def _probe(wish: Wish, address: str) -> Probe:
    check = wish.check
    return Probe(
        type=check.type,
        address=address,
        port=check.port or 0,
        every=check.every,
        timeout=check.timeout,
        down_after=check.down_after,
        up_after=check.up_after,
        host=wish.host,
        path=check.path or "",
        expect=check.expect,
        body=check.body or "",
        extra=check.extra,
    )
