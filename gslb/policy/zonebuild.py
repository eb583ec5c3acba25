"""One zone of the plan: sites, then the policies of its names, then everything that is doubtful."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gslb.policy import model
from gslb.policy.addresslints import lint_addresses
from gslb.policy.checks import CheckBook, closest
from gslb.policy.effective import Layers, Surroundings, make_policy
from gslb.policy.endpoints import read_site
from gslb.policy.lints import lint_policy, note, warning
from gslb.policy.names import BadNameError, OutsideZoneError, read_owner
from gslb.policy.outside import outside_problems
from gslb.policy.places import Places, spot
from gslb.policy.plan import Pick, Policy, ZonePlan
from gslb.policy.problems import Problem, Where
from gslb.policy.rules import read_rules
from gslb.policy.servedzone import Served
from gslb.policy.sitelints import lint_sites
from gslb.policy.zonelints import SteeredNames, lint_https, lint_static, lint_targets


def build_zone(
    parsed: model.PolicyFile, places: Places, served: Served, problems: list[Problem]
) -> ZonePlan:
    """Return the zone that *parsed* and its ``dns`` block, *served*, make; add to *problems*.

    With errors among the problems the zone may lack what they are about.
    """
    return _Build(parsed, places, served, problems).zone()


@dataclass(slots=True)
class _Build:
    """One zone while its names are put together."""

    parsed: model.PolicyFile
    places: Places
    served: Served
    problems: list[Problem]
    policies: list[Policy] = field(default_factory=list)
    promises: list[float | None] = field(default_factory=list)  # recover_in, by policy
    ttl_places: list[Where | None] = field(default_factory=list)  # by policy
    firsts: dict[bytes | None, str] = field(default_factory=dict)  # only once a name is there twice
    known: dict[str, int] = field(default_factory=dict)  # by what a record says of its settings

    def zone(self) -> ZonePlan:
        """Compile everything, lint it, and return the zone."""
        places, parsed, served = self.places, self.parsed, self.served
        sites = {
            name: read_site(name, s, places, self.problems) for name, s in parsed.sites.items()
        }
        book = CheckBook(parsed.checks, places)
        around = Surroundings(parsed, sites, book, places, self.problems)
        names = self._names(around, SteeredNames(served.apex, served.static, sites))
        used = len(self.policies)
        self._leftover(around)
        for policy, promise, ttl_at in zip(
            self.policies, self.promises, self.ttl_places, strict=True
        ):
            if not all(rule.to for rule in policy.rules):
                continue  # the sites that are missing have been named already
            self.problems += lint_policy(policy, sites, promise, ttl_at)
            self.problems += lint_targets(policy, served.apex, served.static, sites)
            self.problems += lint_https(policy, served.apex)
        book.look_through()
        self.problems += book.problems
        self.problems += lint_sites(sites, self.policies)
        self.problems += lint_addresses(sites, parsed.dns.nameservers.values())
        self.problems += lint_static(served.apex, served.static, names)
        self.problems += self._unused(around)
        policies = tuple(self.policies[:used])
        return ZonePlan(
            apex=served.apex,
            soa=served.soa,
            static=served.static.rrsets,
            cuts=served.static.cuts,
            sites=sites,
            policies=policies,
            names=tuple(names.items()),
            ecs=any(_tailored(policy) for policy in policies),
            where=places.locate(("dns", "zone")),
        )

    def _names(self, around: Surroundings, steered: SteeredNames) -> dict[bytes, int]:
        names: dict[bytes, int] = {}
        outside: dict[str, OutsideZoneError] = {}
        for text, record in self.parsed.records.items():
            index = self._index(text, record, around)
            if index is None:
                continue
            try:
                name = read_owner(text, self.served.apex)
            except OutsideZoneError as error:
                outside[text] = error
                continue
            except BadNameError as error:
                where = around.places.locate_key(("records", text))
                self.problems.append(Problem(where, "E204", str(error), hint=error.hint))
                continue
            if name in names:
                self.problems.append(self._twice(text, name))
                continue
            names[name] = index
            where_name = self._place(text)
            self.problems += steered.conflicts(name, self.policies[index], where_name)
        whole = len(self.parsed.records)
        self.problems += outside_problems(outside, whole, self.served.apex, self.places)
        return names

    def _index(self, text: str, record: model.Record, around: Surroundings) -> int | None:
        """Return the index of the policy of *record*; records that say the same share one."""
        if record.policy is None:
            return self._add(text, record, around)
        plain = len(record.model_fields_set) == 1
        key = record.policy if plain else record.model_dump_json(exclude_none=True)
        if key not in self.known:
            if record.policy not in self.parsed.policies:
                where = around.places.locate(("records", text, "policy"))
                hint = closest(record.policy, self.parsed.policies)
                message = f'unknown policy "{record.policy}"'
                self.problems.append(Problem(where, "E203", message, hint=hint))
                return None
            self.known[key] = self._add(text, record, around)
        return self.known[key]

    def _add(self, text: str, record: model.Record, around: Surroundings) -> int:
        """Make the policy of *record*; one without changes carries its rule list's name."""
        record_at = ("records", text)
        layers: list[tuple[model.Steering, tuple[str, ...]]] = [(record, record_at)]
        name, place, rules = text.rstrip("."), record_at, record.rules or []
        if record.policy is not None:
            shared, shared_at = self.parsed.policies[record.policy], ("policies", record.policy)
            layers.append((shared, shared_at))
            rules = shared.rules
            if len(record.model_fields_set) == 1:
                name, place = record.policy, shared_at
        else:
            shared_at = record_at
        layers.append((self.parsed.defaults, ("defaults",)))
        return self._make(name, place, rules, shared_at, Layers(layers), around)

    def _make(
        self,
        name: str,
        place: tuple[str, ...],
        rules: Sequence[model.Rule],
        rules_at: tuple[str, ...],
        layers: Layers,
        around: Surroundings,
    ) -> int:
        read = read_rules(rules, (*rules_at, "rules"), around.sites, around.places, self.problems)
        self.policies.append(
            make_policy(name, read, layers, around, around.places.locate_key(place))
        )
        ttl = layers.find("ttl")
        self.ttl_places.append(None if ttl is None else around.places.locate_key(ttl[1]))
        promise = layers.get("recover_in", None)
        self.promises.append(promise if isinstance(promise, float) else None)
        return len(self.policies) - 1

    def _leftover(self, around: Surroundings) -> None:
        """Compile rule lists that no record uses, so that their mistakes are seen too."""
        used = {record.policy for record in self.parsed.records.values()}
        for name, shared in self.parsed.policies.items():
            if name not in used:
                place = ("policies", name)
                layers = Layers([(shared, place), (self.parsed.defaults, ("defaults",))])
                self._make(name, place, shared.rules, place, layers, around)
                text = f'policy "{name}" is not used by any record'
                self.problems.append(warning(around.places.locate_key(place), "W316", text))

    def _unused(self, around: Surroundings) -> Iterator[Problem]:
        """Yield what nobody uses, unless a mistyped name may be the reason."""
        if not {problem.code for problem in self.problems}.isdisjoint({"E201", "E202"}):
            return
        sites = {name for policy in self.policies for rule in policy.rules for name in rule.sites}
        for name in around.sites:
            if name not in sites:
                where = around.places.locate_key(("sites", name))
                yield warning(where, "W316", f"site {name} is not used by any rule")
        for name in self.parsed.checks:
            if name not in around.book.used:
                where = around.places.locate_key(("checks", name))
                yield note(where, "N404", f'check "{name}" is not used')

    def _twice(self, text: str, name: bytes) -> Problem:
        if not self.firsts:
            for other in self.parsed.records:
                self.firsts.setdefault(_read_or_none(other, self.served.apex), other)
        first = self.firsts[name]
        where = self.places.locate_key(("records", text))
        place = spot(self.places.locate_key(("records", first)), where)
        return Problem(where, "E205", f"{text} is the same name as {first} in {place}")

    def _place(self, text: str) -> Callable[[], Where]:
        return lambda: self.places.locate_key(("records", text))


def _read_or_none(text: str, apex: bytes) -> bytes | None:
    try:
        return read_owner(text, apex)
    except BadNameError:
        return None


def _tailored(policy: Policy) -> bool:
    """Return whether the answer depends on who asks, so that client subnets are worth reading."""
    return not policy.ignore_ecs and any(
        rule.when is not None or rule.pick is not Pick.SHARE for rule in policy.rules
    )
