"""Which check an endpoint's site gets under a policy: template, then what site and record change.

The template is the one named closest to the record: record, then site, then defaults. What a site
says about vantage points always holds, because it is about where the site is; what else it changes
holds for its own template only. ``check: false`` on a site or a record ends probing there.

A calculated check is made of templates (``all``, ``any``, ``at_least`` with ``of``); what it says of
vantage points holds for all of them, and it says nothing else.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gslb.policy.checkmodel import CheckFields, CheckRef, CheckUse, ProbeFields
from gslb.policy.places import Path, Places
from gslb.policy.plan import CALCULATED, Check
from gslb.policy.presets import PRESETS
from gslb.policy.problems import Problem, Severity, Where
from healthcheck.calculated import MAX_DEPTH, MAX_LEAVES

EVERY = 5.0  # seconds between probes
TIMEOUT = 2.0  # seconds, at most, where the policy says nothing
TIMEOUT_SHARE = 0.4  # of the interval, where that is shorter
DOWN_AFTER = 3  # failures in a row
UP_AFTER = 3  # successes in a row
SHORT_TIMEOUT = 0.5  # seconds; below it busy endpoints are taken for dead ones
_PORTS = {"http": 80, "https": 443, "tls": 443, "dns": 53}
_PORTLESS = {"icmp", "exec"}
_PATHS = {"http", "https"}
_NEEDS = {"dns": "qname", "exec": "command"}
# Keys that only some types have; how the probes call them, and in which order.
_EXTRA: Mapping[str, tuple[str, ...]] = {
    "service": ("grpc",),
    "qname": ("dns",),
    "qtype": ("dns",),
    "accept": ("dns",),
    "ca": ("https", "tls", "grpc"),
    "tls": ("grpc",),
    "command": ("exec",),
}
_OF = ("all_", "any_", "of")  # keys that hold names of checks
_CALCULATED = {*_OF, "at_least"}
_SHARED = {"use", "vantage"}  # with a calculated check
# What the probe of the data path takes from the check beside it where it does not say otherwise.
_INHERITED = ("host", "target", "every", "timeout", "down_after", "up_after", "quorum", "vantage")

Ref = tuple[CheckRef | None, Path]  # what is written, and where
Fields = dict[str, tuple[object, Path]]  # each value that is written, and the mapping that has it


@dataclass(slots=True)
class CheckBook:
    """The templates of a file, and every check made of them so far; equal checks are one object."""

    templates: Mapping[str, CheckFields]
    places: Places
    used: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _made: dict[Check, Check] = field(default_factory=dict)
    _parts: dict[tuple[str, object], Check | None] = field(default_factory=dict)
    _told: set[tuple[str, Where, str]] = field(default_factory=set)

    def resolve(self, defaults: Ref, site: Ref, record: Ref) -> Check | None:
        """Return the check of a site under a policy; None: it is not probed, or problems tell why."""
        refs = [ref for ref in (defaults, site, record) if ref[0] is not None]
        if any(ref[0] is False for ref in (site, record)):
            return None
        refs = [ref for ref in refs if ref[0] is not False]
        if not refs:
            return None
        base = next((name for name in map(_template, reversed(refs)) if name), None)
        where = self.places.locate(refs[-1][1])
        fields: Fields = {}
        if base is not None:
            if base not in self.templates:
                path = next(ref[1] for ref in reversed(refs) if _template(ref) == base)
                self._unknown(base, self.places.locate(path))
                return None
            where = self.places.locate_key(("checks", base))
            fields.update(_written(self.templates[base], ("checks", base)))
        for ref in refs:
            changes = _written(ref[0], ref[1]) if isinstance(ref[0], CheckUse) else {}
            if _template(ref) not in {None, base}:
                changes = {k: v for k, v in changes.items() if k == "vantage" and ref is site}
            fields.update(changes)
        trail = () if base is None else (base,)
        self.used.update(trail)
        self._use(fields)
        check = self._make(fields, where, trail)
        return None if check is None else self._made.setdefault(check, check)

    def look_through(self) -> None:
        """Find what is wrong with calculated checks that nothing uses, too."""
        for name, written in self.templates.items():
            fields = _written(written, ("checks", name))
            if _CALCULATED & fields.keys():
                self._make(fields, self.places.locate_key(("checks", name)), (name,))

    def _use(self, fields: Fields) -> None:
        for name in _names(fields):
            if name in self.templates and name not in self.used:
                self.used.add(name)
                self._use(_written(self.templates[name], ("checks", name)))

    def _make(self, fields: Fields, where: Where, trail: tuple[str, ...]) -> Check | None:
        """Return the check of *fields*; *trail* are the templates that led here, its own the last."""
        if _CALCULATED & fields.keys():
            return self._calculate(fields, where, trail)
        fields = dict(fields)
        fields.pop("use", None)
        preset, path = fields.pop("preset", (None, ()))
        beside, beside_path = fields.pop("data_path", (None, path))
        second: Fields = {}
        if isinstance(beside, ProbeFields):
            second = _written(beside, (*beside_path, "data_path"))
        if isinstance(preset, str):
            if preset not in PRESETS:
                self._tell(where, "E222", f'unknown preset "{preset}"', closest(preset, PRESETS))
                return None
            if preset == "haproxy" and "path" not in fields:
                text = "preset haproxy needs a path: the one that monitor-uri has"
                self._tell(where, "E223", text)
                return None
            known = _written(PRESETS[preset], path)
            usual = known.pop("data_path", (None, ()))[0]
            if isinstance(usual, ProbeFields) and beside is not False:
                second = {**_written(usual, path), **second}
            fields = {**known, **fields}
        check = self._probe(fields, where)
        if not second or check is None:
            return check
        inherited = {key: fields[key] for key in _INHERITED if key in fields}
        other = self._probe({**inherited, **second}, where)
        return None if other is None else _calculated((check, other), 2)

    def _calculate(self, fields: Fields, where: Where, trail: tuple[str, ...]) -> Check | None:
        """Return the check that is made of others, each problem of those told at its own place."""
        for key in fields.keys() - _CALCULATED - _SHARED:
            text = f"a calculated check has no {key} of its own"
            hint = "write it in the checks that it is made of"
            self._tell(self.places.locate_key((*fields[key][1], key)), "E224", text, hint)
        ways = [key for key in ("all_", "any_", "at_least") if key in fields]
        if len(ways) != 1 or ("of" in fields) is not (ways == ["at_least"]):
            words = [key.rstrip("_") for key in ways]
            text = f"{' and '.join(words)} in one check" if len(words) > 1 else ""
            hint = "all, or any, or at_least with of"
            self._tell(where, "E224", text or "at_least and of belong together", hint)
            return None
        key = "of" if ways == ["at_least"] else ways[0]
        names, path = fields[key]
        assert isinstance(names, list)
        vantage = fields.get("vantage")
        parts: list[Check | None] = []
        for index, name in enumerate(names):
            at = self.places.locate((*path, key.rstrip("_"), index))
            if name in names[:index]:
                self._tell(at, "E205", f"check {name} is there twice")
                parts.append(None)
            else:
                parts.append(self._part(name, at, trail, vantage))
        needed = {"all_": len(names), "any_": 1}.get(ways[0], 0)
        if not needed:
            least, path = fields["at_least"]
            assert isinstance(least, int)
            needed = least
            if needed > len(names):
                text = f"at least {needed} of {len(names)} can never be up"
                self._tell(self.places.locate((*path, "at_least")), "E226", text)
        found = [part for part in parts if part is not None]
        if len(found) < len(parts) or needed > len(found):
            return None
        check = _calculated(tuple(found), needed)
        if _depth(check) > MAX_DEPTH:
            text = f"checks within checks, {_depth(check)} deep; {MAX_DEPTH} is the most"
            self._tell(where, "E226", text)
            return None
        if sum(1 for _ in check.leaves) > MAX_LEAVES:
            self._tell(where, "E226", f"more than {MAX_LEAVES} probes in one calculated check")
            return None
        self._apart(check, where)
        return check

    def _part(
        self, name: str, at: Where, trail: tuple[str, ...], vantage: tuple[object, Path] | None
    ) -> Check | None:
        """Return the template *name* as a part of the last one of *trail*."""
        if name not in self.templates:
            self._unknown(name, at)
            return None
        if name in trail:
            around = " → ".join((*trail[trail.index(name) :], name))
            self._tell(at, "E225", f"a check is made of itself: {around}")
            return None
        key = name, str(vantage and vantage[0])
        if key not in self._parts:  # each once: their number grows with every level otherwise
            fields = _written(self.templates[name], ("checks", name))
            if vantage is not None:
                fields["vantage"] = vantage
            where = self.places.locate_key(("checks", name))
            self._parts[key] = self._make(fields, where, (*trail, name))
        return self._parts[key]

    def _apart(self, check: Check, where: Where) -> None:
        """Doubt a check whose parts look at different places."""
        targets = dict.fromkeys(leaf.target or "the endpoint itself" for leaf in check.leaves)
        if len(targets) > 1:
            text = f"a calculated check of different places: {', '.join(targets)}"
            hint = "what is shared takes every endpoint down with it"
            self._tell(where, "W330", text, hint, Severity.WARNING)

    def _probe(self, fields: Fields, where: Where) -> Check | None:
        values = {key: value for key, (value, _) in fields.items()}  # checked where written
        read = ProbeFields().model_copy(update=values)
        if read.type is None:
            self._tell(where, "E223", "the check has no type", "type: https, http, tcp …")
            return None
        port = read.port or _PORTS.get(read.type)
        need = _NEEDS.get(read.type)
        if port is None and read.type not in _PORTLESS:
            self._tell(where, "E223", f"a check of type {read.type} needs a port")
            return None
        if need and not getattr(read, need):
            self._tell(where, "E223", f"a check of type {read.type} needs {need}")
            return None
        self._misplaced(fields, read.type)
        if read.timeout is not None and read.timeout < SHORT_TIMEOUT:
            text = f"timeout {read.timeout * 1000:g} ms: a busy endpoint will look dead"
            self._tell(where, "W315", text, "500 ms or more", Severity.WARNING)
        every = read.every or EVERY
        timeout = read.timeout or default_timeout(every)
        if timeout > every:
            text = f"timeout {timeout:g} s is longer than every {every:g} s: probes would overlap"
            hint = "a timeout below every, so that one probe ends before the next begins"
            self._tell(where, "W329", text, hint, Severity.WARNING)
        return Check(
            type=read.type,
            port=None if read.type in _PORTLESS else port,
            path=(read.path or "/") if read.type in _PATHS else None,
            host=read.host,
            expect=(read.expect or ((200, 299),)) if read.type in _PATHS else (),
            body=read.body,
            target=read.target,
            every=every,
            timeout=timeout,
            down_after=read.down_after or DOWN_AFTER,
            up_after=read.up_after or UP_AFTER,
            quorum=read.quorum,
            vantage=tuple(read.vantage or ()),
            extra=tuple(_extra(read)),
        )

    def _misplaced(self, fields: Fields, type_: str) -> None:
        """Tell of keys that this type of check does not have."""
        for key, types in _EXTRA.items():
            if key in fields and type_ not in types:
                text = f"{key} is for checks of type {' and '.join(types)}, not {type_}"
                self._tell(self.places.locate_key((*fields[key][1], key)), "E227", text)
        if type_ == "grpc" and "ca" in fields and not fields.get("tls", (False,))[0]:
            where = self.places.locate_key((*fields["ca"][1], "ca"))
            self._tell(where, "E227", "ca means nothing without tls", "tls: true")

    def _unknown(self, name: str, where: Where) -> None:
        self._tell(where, "E202", f'unknown check "{name}"', closest(name, self.templates))

    def _tell(
        self,
        where: Where,
        code: str,
        text: str,
        hint: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Add a problem once, however many sites and records run into it."""
        if (code, where, text) not in self._told:
            self._told.add((code, where, text))
            self.problems.append(Problem(where, code, text, severity, hint))


def default_timeout(every: float) -> float:
    """Return the timeout, in seconds, of a check that is run every so many seconds.

    2 s of 5 s and above; in proportion below, so that what never answers is found out in proportion
    too, but never so short that a busy endpoint looks dead.
    """
    return min(TIMEOUT, max(SHORT_TIMEOUT, TIMEOUT_SHARE * every))


def target_family(check: Check) -> int | None:
    """Return 4 or 6 if *check* probes one fixed address in place of the endpoint's own."""
    try:
        return None if check.target is None else ipaddress.ip_address(check.target).version
    except ValueError:
        return None


def closest(word: str, known: Mapping[str, object]) -> str:
    """Return a hint with the known word that looks most like *word*, or with the few there are."""
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"there are {', '.join(sorted(known))}" if 0 < len(known) <= 8 else ""


def _calculated(parts: tuple[Check, ...], needed: int) -> Check:
    """Return the check that is up while *needed* of *parts* are; its times are the longest."""
    leaves = [leaf for part in parts for leaf in part.leaves]
    slowest = max(leaves, key=lambda leaf: leaf.every * leaf.down_after + leaf.timeout)
    return replace(
        slowest, type=CALCULATED, port=None, path=None, host=None, expect=(), body=None,
        target=None, quorum=None, vantage=(), extra=(), needed=needed, parts=parts,
    )  # fmt: skip


def _depth(check: Check) -> int:
    return 1 + max(map(_depth, check.parts)) if check.parts else 0


def _extra(read: ProbeFields) -> Iterator[tuple[str, str]]:
    """Yield the fields that only this type of probe has, as it knows them."""
    for key in _EXTRA:
        value = getattr(read, key)
        if key == "command":
            yield from ((key, word) for word in value or ())
        elif key == "tls":
            yield from [(key, "yes")] if value else ()
        elif value is not None and value != "answer":  # what ``accept`` is without a word
            yield key, value


def _names(fields: Fields) -> Iterator[str]:
    """Yield the names of the checks that a calculated one is made of."""
    for key in _OF:
        names = fields.get(key, ((), ()))[0]
        assert isinstance(names, list | tuple)
        yield from names


def _template(ref: Ref) -> str | None:
    written = ref[0]
    if isinstance(written, CheckUse):
        return written.use
    return written if isinstance(written, str) else None


def _written(fields: ProbeFields, path: Path) -> Fields:
    """Return what was written: the fields that are not None, each with the place of *fields*."""
    values = ((name, getattr(fields, name)) for name in type(fields).model_fields)
    return {name: (value, path) for name, value in values if value is not None}
