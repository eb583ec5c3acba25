"""Policy files → the plan that everything else reads, and every problem on the way."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gslb.policy import model
from gslb.policy.document import Document
from gslb.policy.files import STDIN, policy_files
from gslb.policy.lints import warning
from gslb.policy.names import name_text
from gslb.policy.namesakes import told_apart
from gslb.policy.plan import Plan, ZonePlan
from gslb.policy.problems import PolicyError, Problem, Severity, Where
from gslb.policy.reading import read_model
from gslb.policy.servedzone import read_served
from gslb.policy.textplace import text_place
from gslb.policy.yamltext import MAX_OCTETS
from gslb.policy.zonebuild import build_zone
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
    return Plan(told_apart(zones), whole.hexdigest()[:HASH_DIGITS]), problems


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
    zone = build_zone(parsed, document, served, problems)
    return zone, problems, digest.digest()


def _static_place(document: Document, octets: bytes | None) -> Callable[[int], Where]:
    steps = ("dns", "static")
    if octets is None:
        try:
            octets = document.locate(steps).path.read_bytes()
        except OSError:  # gone since it was read: only the places of its lines are lost
            octets = b""
    return text_place(document, steps, octets.decode(errors="replace"))


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
