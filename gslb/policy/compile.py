"""Policy files → the plan that everything else reads, and every problem on the way."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gslb.policy import model
from gslb.policy.checks import CheckBook, closest
from gslb.policy.document import Document, read_model
from gslb.policy.effective import Layers, Surroundings, make_policy
from gslb.policy.endpoints import read_site
from gslb.policy.files import STDIN, policy_files
from gslb.policy.lints import lint_policy, note, warning
from gslb.policy.names import BadNameError, name_text, read_owner
from gslb.policy.places import spot
from gslb.policy.plan import Pick, Plan, Policy, ZonePlan
from gslb.policy.problems import PolicyError, Problem, Severity, Where
from gslb.policy.rules import read_rules
from gslb.policy.servedzone import Served, read_served
from gslb.policy.sitelints import lint_sites
from gslb.policy.textplace import text_place
from gslb.policy.yamltext import MAX_OCTETS
from gslb.policy.zonelints import SteeredNames, lint_https, lint_static, lint_targets
from gslb.wire.names import is_within

HASH_DIGITS = 12  # hexadecimal digits of Plan.hash


def compile_policies(paths: Sequence[Path]) -> tuple[Plan | None, list[Problem]]:
    """Return the plan of the policy files at or under *paths*, and all problems, by place.

    There is a plan only if no problem is an error. A folder stands for the policies in it (see
    `policy_files`), ``-`` for standard input.
    """
    files, problems = policy_files(paths)
    zones: list[ZonePlan] = []
    digests: list[bytes] = []
    for file in files:
        try:
            octets = sys.stdin.buffer.read(MAX_OCTETS + 1) if file == STDIN else None
            parsed, document = read_model(file, octets=octets)
        except PolicyError as error:
            problems += error.problems
            continue
        zone, found, digest = compile_model(parsed, document, octets)
        problems += found
        digests.append(digest)
        if zone is not None:
            problems += _neighbours(zone, zones)
            zones.append(zone)
    problems = sorted(set(problems))
    if any(problem.severity is Severity.ERROR for problem in problems):
        return None, problems
    whole = hashlib.sha256(b"".join(sorted(digests)))
    return Plan(tuple(zones), whole.hexdigest()[:HASH_DIGITS]), problems


def compile_model(
    parsed: model.PolicyFile, document: Document, octets: bytes | None = None
) -> tuple[ZonePlan | None, list[Problem], bytes]:
    """Return the zone of one file, its problems, and a digest of all octets that it is made of.

    With errors among the problems the zone may lack what they are about. *octets* are those of
    a policy that came from no file.
    """
    problems: list[Problem] = []
    served = read_served(
        parsed.dns,
        document.files[0],
        document,
        lambda: _static_place(document, octets),
        problems,
    )
    digest = hashlib.sha256(document.digest.encode())
    if served is None:
        return None, problems, digest.digest()
    for read in served.files:
        digest.update(hashlib.sha256(read).digest())
    build = _Build(parsed, document, served, problems)
    return build.zone(), problems, digest.digest()


def _static_place(document: Document, octets: bytes | None) -> Callable[[int], Where]:
    steps = ("dns", "static")
    if octets is None:
        try:
            octets = document.locate(steps).path.read_bytes()
        except OSError:  # gone since it was read: only the places of its lines are lost
            octets = b""
    return text_place(document, steps, octets.decode(errors="replace"))


@dataclass(slots=True)
class _Build:
    """One zone while its names are put together."""

    parsed: model.PolicyFile
    document: Document
    served: Served
    problems: list[Problem]
    policies: list[Policy] = field(default_factory=list)
    promises: list[float | None] = field(default_factory=list)  # recover_in, by policy
    known: dict[str, int] = field(default_factory=dict)  # by what a record says of its settings

    def zone(self) -> ZonePlan:
        """Compile everything, lint it, and return the zone."""
        places, parsed, served = self.document, self.parsed, self.served
        sites = {
            name: read_site(name, s, places, self.problems) for name, s in parsed.sites.items()
        }
        book = CheckBook(parsed.checks, lambda name: places.locate_key(("checks", name)))
        around = Surroundings(parsed, sites, book, places, self.problems)
        names = self._names(around, SteeredNames(served.apex, served.static, sites))
        used = len(self.policies)
        self._leftover(around)
        for policy, promise in zip(self.policies, self.promises, strict=True):
            if not all(rule.to for rule in policy.rules):
                continue  # the sites that are missing have been named already
            self.problems += lint_policy(policy, sites, promise)
            self.problems += lint_targets(policy, served.apex, served.static, sites)
            self.problems += lint_https(policy, served.apex)
        self.problems += book.problems
        self.problems += lint_sites(sites, self.policies)
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
        for text, record in self.parsed.records.items():
            index = self._index(text, record, around)
            if index is None:
                continue
            try:
                name = read_owner(text, self.served.apex)
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
        first = next(
            other
            for other in self.parsed.records
            if other != text and _reads_as(other, name, self.served.apex)
        )
        where = self.document.locate_key(("records", text))
        place = spot(self.document.locate_key(("records", first)), where)
        return Problem(where, "E205", f"{text} is the same name as {first} in {place}")

    def _place(self, text: str) -> Callable[[], Where]:
        return lambda: self.document.locate_key(("records", text))


def _reads_as(text: str, name: bytes, apex: bytes) -> bool:
    try:
        return read_owner(text, apex) == name
    except BadNameError:
        return False


def _tailored(policy: Policy) -> bool:
    """Return whether the answer depends on who asks, so that client subnets are worth reading."""
    return not policy.ignore_ecs and any(
        rule.when is not None or rule.pick is not Pick.SHARE for rule in policy.rules
    )


def _neighbours(zone: ZonePlan, others: Sequence[ZonePlan]) -> Iterator[Problem]:
    """Yield what is wrong between *zone* and the zones of other files."""
    for other in others:
        if zone.apex == other.apex:
            text = f"zone {name_text(zone.apex)} is served by {other.where.path} too"
            yield Problem(zone.where, "E217", text)
            continue
        parent, child = (zone, other) if is_within(other.apex, zone.apex) else (other, zone)
        if not is_within(child.apex, parent.apex):
            continue
        hidden = [name for name, _ in parent.names if is_within(name, child.apex)]
        if hidden:
            text = (
                f"{name_text(hidden[0])} of zone {name_text(parent.apex)} is never answered: zone"
                f" {name_text(child.apex)} is served here and has its own names"
            )
            yield warning(parent.where, "W327", text)
