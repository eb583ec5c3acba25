"""Which check an endpoint's site gets under a policy: template, then what site and record change.

The template is the one named closest to the record: record, then site, then defaults. What a site
says about vantage points always holds, because it is about where the site is; what else it changes
holds for its own template only. ``check: false`` on a site or a record ends probing there.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gslb.policy.model import CheckFields, CheckRef, CheckUse
from gslb.policy.plan import Check
from gslb.policy.presets import PRESETS
from gslb.policy.problems import Problem, Severity, Where

EVERY = 5.0  # seconds between probes
TIMEOUT = 2.0  # seconds, at most, where the policy says nothing
TIMEOUT_SHARE = 0.4  # of the interval, where that is shorter
DOWN_AFTER = 3  # failures in a row
UP_AFTER = 3  # successes in a row
SHORT_TIMEOUT = 0.5  # seconds; below it busy endpoints are taken for dead ones
_PORTS = {"http": 80, "https": 443, "tls": 443, "dns": 53}
_PORTLESS = {"icmp", "exec"}
_PATHS = {"http", "https"}
_EXTRA = ("service", "qname", "qtype")
_NEEDS = {"dns": "qname", "exec": "command"}

Ref = tuple[CheckRef | None, Where]  # what is written, and where


@dataclass(slots=True)
class CheckBook:
    """The templates of a file, and every check made of them so far; equal checks are one object."""

    templates: Mapping[str, CheckFields]
    place: Callable[[str], Where]  # of a template, by name
    used: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _made: dict[Check, Check] = field(default_factory=dict)
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
        where = refs[-1][1]
        if base is not None and base not in self.templates:
            self._unknown(base, next(ref[1] for ref in reversed(refs) if _template(ref) == base))
            return None
        fields: dict[str, object] = {}
        if base is not None:
            self.used.add(base)
            fields.update(_written(self.templates[base]))
        for ref in refs:
            changes = _written(ref[0]) if isinstance(ref[0], CheckUse) else {}
            if _template(ref) not in {None, base}:
                changes = {k: v for k, v in changes.items() if k == "vantage" and ref is site}
            fields.update(changes)
        check = self._make(fields, where if base is None else self.place(base))
        return None if check is None else self._made.setdefault(check, check)

    def _make(self, fields: dict[str, object], where: Where) -> Check | None:
        preset = fields.pop("preset", None)
        fields.pop("use", None)
        if isinstance(preset, str):
            if preset not in PRESETS:
                self._tell(where, "E222", f'unknown preset "{preset}"', closest(preset, PRESETS))
                return None
            fields = {**_written(PRESETS[preset]), **fields}
        read = CheckFields().model_copy(
            update=fields
        )  # values were checked where they were written
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
        if preset == "haproxy" and read.path is None:
            self._tell(where, "E223", "preset haproxy needs a path: the one that monitor-uri has")
            return None
        extra = [(key, str(getattr(read, key))) for key in _EXTRA if getattr(read, key) is not None]
        extra += [("command", word) for word in read.command or ()]
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
            extra=tuple(extra),
        )

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


def _template(ref: Ref) -> str | None:
    written = ref[0]
    if isinstance(written, CheckUse):
        return written.use
    return written if isinstance(written, str) else None


def _written(fields: CheckFields) -> dict[str, object]:
    """Return what was written: the fields that are not None."""
    values = ((name, getattr(fields, name)) for name in type(fields).model_fields)
    return {name: value for name, value in values if value is not None}
