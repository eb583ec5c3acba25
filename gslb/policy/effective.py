"""What holds for a name: its record's settings, else its rule list's, else the defaults', else ours.

A setting is taken whole from the closest place that has it; the parts of ``answer`` and ``protect``
are taken one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gslb.policy import model
from gslb.policy.checkmodel import CheckUse
from gslb.policy.checks import CheckBook, Ref
from gslb.policy.endpoints import host, unusable
from gslb.policy.places import Path, Places
from gslb.policy.plan import (
    Check,
    Families,
    Https,
    LastResort,
    Panic,
    Policy,
    Protect,
    Rule,
    Site,
    Spread,
    WhenAllDown,
)
from gslb.policy.problems import Problem, Where

TTL = 30  # seconds
COUNT = 2  # addresses in an answer
PANIC_BELOW = 0.5  # of the weight that a rule may use
SLOW_START = 300.0  # seconds at least, and at least five TTLs: clients come back over one TTL
REMOVAL = (0.25, 30.0)  # a quarter of the weight in thirty seconds


@dataclass(frozen=True, slots=True)
class Layers:
    """The places that may say something about a policy, the closest first, with their paths."""

    layers: Sequence[tuple[model.Steering, Path]]

    def find(self, name: str) -> tuple[object, Path] | None:
        """Return the closest value of the setting *name*, and where it stands."""
        for settings, path in self.layers:
            value = getattr(settings, name)
            if value is not None:
                return value, (*path, name)
        return None

    def get(self, name: str, otherwise: object) -> object:
        """Return the closest value of the setting *name*, or *otherwise*."""
        found = self.find(name)
        return otherwise if found is None else found[0]

    def part(self, name: str, part: str, otherwise: object) -> object:
        """Return the closest value of one part of the setting *name*, or *otherwise*."""
        for settings, _ in self.layers:
            whole = getattr(settings, name)
            if whole is not None and getattr(whole, part) is not None:
                return getattr(whole, part)
        return otherwise


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the policies of a file have in common."""

    file: model.PolicyFile
    sites: Mapping[str, Site]
    book: CheckBook
    places: Places
    problems: list[Problem]


def make_policy(
    name: str,
    rules: tuple[Rule, ...],
    layers: Layers,
    around: Surroundings,
    where: Where,
) -> Policy:
    """Return the policy *name* with every setting filled in; problems are added to those around."""
    used = tuple(dict.fromkeys(site for rule in rules for site in rule.sites))
    ttl = _int(layers.get("ttl", TTL))
    panic = layers.get("panic", None)
    https = layers.get("https", None)
    around.problems.extend(_refusal(name, layers, around))
    headrooms = {site: _headroom(site, layers, around) for site in used}
    return Policy(
        name=name,
        rules=rules,
        ttl=ttl,
        count=_int(layers.part("answer", "count", COUNT)),
        spread=Spread(str(layers.part("answer", "spread", "zone"))),
        headroom={site: value for site, (value, _) in headrooms.items()},
        capacity_at={site: at for site, (_, at) in headrooms.items() if at is not None},
        checks={site: _check(site, layers, around) for site in used},
        panic=Panic(panic.below, panic.serve)
        if isinstance(panic, model.Panic)
        else Panic(PANIC_BELOW, "all"),
        when_all_down=WhenAllDown(str(layers.get("when_all_down", "serve_all"))),
        last_resort=_last_resort(layers, around),
        https=Https(https.priority, tuple(https.alpn), https.port, https.hints)
        if isinstance(https, model.Https)
        else None,
        families=Families(str(layers.get("families", "together"))),
        protect=_protect(layers, ttl),
        ignore_ecs=bool(layers.get("ignore_ecs", False)),
        where=where,
    )


def default_headroom(site: Site) -> float:
    """Return the headroom under which the loss of one zone of *site* moves no traffic.

    With n zones, n - 1 must carry everything: they keep it while c ≥ 1 / (1 + headroom), so
    (n - 1) / n = 1 / (1 + headroom) and headroom = 1 / (n - 1): 50 % for three zones, 100 % for
    two. What may be *lost* then is 1 / n, 34 % and 50 %. Zones count that have any weight; one zone
    alone has no headroom.
    """
    zones = sum(1 for zone in site.zones if any(one.weight for one in zone.endpoints))
    return 1 / (zones - 1) if zones > 1 else 0.0


def _headroom(name: str, layers: Layers, around: Surroundings) -> tuple[float, Where | None]:
    """Return what record or rule list say, else the site, else the defaults, and where.

    Nobody: one zone's worth, from nowhere.
    """
    *close, (defaults, path) = layers.layers
    saying: list[tuple[model.Steering | model.Site, Path]] = [
        *close,
        (around.file.sites[name], ("sites", name)),
        (defaults, path),
    ]
    for said, place in saying:
        if said.headroom is not None:
            return said.headroom, around.places.locate((*place, "headroom"))
    return default_headroom(around.sites[name]), None


def _check(name: str, layers: Layers, around: Surroundings) -> Check | None:
    *close, (defaults, path) = layers.layers
    found = Layers(close).find("check")
    return around.book.resolve(
        _ref(defaults.check, (*path, "check")),
        _ref(around.file.sites[name].check, ("sites", name, "check")),
        _ref(*found) if found is not None else (None, ()),
    )


def _ref(written: object, path: Path) -> Ref:
    assert written is None or written is False or isinstance(written, str | CheckUse)
    return written, path


def _last_resort(layers: Layers, around: Surroundings) -> LastResort | None:
    found = layers.find("last_resort")
    if found is None:
        return None
    written, path = found
    assert isinstance(written, model.LastResort)
    around.problems.extend(_unusable(written, path, around.places))
    cname = None
    if written.CNAME is not None:
        cname = host(written.CNAME, around.places.locate((*path, "CNAME")), around.problems)
    return LastResort(
        tuple(dict.fromkeys(address.packed for address in written.A)),
        tuple(dict.fromkeys(address.packed for address in written.AAAA)),
        cname,
        around.places.locate_key(path),
    )


def _unusable(written: model.LastResort, path: Path, places: Places) -> Iterator[Problem]:
    for index, v4 in enumerate(written.A):
        yield from unusable(v4, places.locate((*path, "A", index)))
    for index, v6 in enumerate(written.AAAA):
        yield from unusable(v6, places.locate((*path, "AAAA", index)))


def _protect(layers: Layers, ttl: int) -> Protect:
    slow = layers.part("protect", "slow_start", max(5.0 * ttl, SLOW_START))
    removal = layers.part("protect", "removal", None)
    if isinstance(removal, model.Removal):
        limit: tuple[float, float] | None = (removal.share, removal.per)
    else:
        limit = None if removal == "off" else REMOVAL
    return Protect(
        slow_start=slow if isinstance(slow, float) else None,
        damping=layers.part("protect", "damping", "on") == "on",
        removal=limit,
    )


def _refusal(name: str, layers: Layers, around: Surroundings) -> Iterator[Problem]:
    found = layers.find("when_all_down")
    if found is not None and found[0] == "refuse" and layers.get("acknowledge", False) is not True:
        text = f"{name}: when_all_down: refuse leaves clients without any answer"
        hint = "add acknowledge: true if that is meant"
        yield Problem(around.places.locate(found[1]), "E213", text, hint=hint)


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
