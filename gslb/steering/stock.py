"""The stock: what every site has now, kept so that a change re-judges only the sites it touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from gslb.policy.plan import Drained, Plan
from gslb.steering.capacity import Candidate, Supply, candidates, supply_of
from gslb.steering.pools import StockKey
from gslb.steering.situation import Situation

SiteKey = tuple[int, str]  # index into Plan.zones, site
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Stock:
    """Candidates and supply of every site under every check that is used, in one situation."""

    def __init__(self, plan: Plan, keys: Iterable[StockKey]) -> None:
        self._plan = plan
        self._keys: dict[SiteKey, list[StockKey]] = {}
        for key in keys:
            self._keys.setdefault((key.zone, key.site), []).append(key)
        self._endpoints: dict[str, set[SiteKey]] = {}
        self._aliases: dict[bytes, set[SiteKey]] = {}
        self._drains: list[tuple[Drained, SiteKey]] = []  # of the file, with an end
        for site in self._keys:
            self._index(site)
        self._situation: Situation | None = None
        self.candidates: dict[StockKey, tuple[Candidate, ...]] = {}
        self.supplies: dict[StockKey, Supply] = {}

    def _index(self, key: SiteKey) -> None:
        zone, name = key
        for endpoint in self._plan.zones[zone].sites[name].endpoints:
            self._endpoints.setdefault(endpoint.id, set()).add(key)
            if endpoint.alias is not None:
                self._aliases.setdefault(endpoint.alias, set()).add(key)
            if endpoint.drained is not None and endpoint.drained.until is not None:
                self._drains.append((endpoint.drained, key))

    def take(self, situation: Situation) -> set[StockKey]:
        """Take *situation* as what is true now; return the keys whose candidates changed."""
        changed = set()
        for site in self._touched(situation):
            for key in self._keys[site]:
                zone = self._plan.zones[key.zone]
                found = candidates(
                    zone.sites[key.site], key.check, key.families, key.rtype, situation
                )
                if found != self.candidates.get(key):
                    self.candidates[key] = found
                    self.supplies[key] = supply_of(key.site, found)
                    changed.add(key)
        self._situation = situation
        return changed

    def _touched(self, new: Situation) -> set[SiteKey]:
        """Return the sites for which *new* differs from the situation before."""
        old = self._situation
        if old is None:
            return set(self._keys)
        sites: set[SiteKey] = set()
        ids = {endpoint for endpoint, _ in _differing(old.health, new.health)}
        ids |= (
            set(_differing(old.drains, new.drains))
            | (old.lifted ^ new.lifted)
            | (old.leaving ^ new.leaving)
        )
        ids |= {i for i, drain in new.drains.items() if _ends(drain, old.at, new.at)}
        for endpoint in ids:
            sites |= self._endpoints.get(endpoint, set())
        for alias in _differing(old.aliases, new.aliases):
            sites |= self._aliases.get(alias, set())
        sites |= {site for drain, site in self._drains if _ends(drain, old.at, new.at)}
        return sites


def _differing(old: Mapping[_Key, _Value], new: Mapping[_Key, _Value]) -> list[_Key]:
    """Return the keys that are in one mapping only, or have another value."""
    if old is new:
        return []
    changed = [key for key, value in new.items() if key not in old or old[key] != value]
    return changed + [key for key in old if key not in new]


def _ends(drain: Drained, before: datetime, now: datetime) -> bool:
    """Return whether *drain* holds at one of two moments and not at the other."""
    return drain.until is not None and (drain.until > before) != (drain.until > now)
