"""The whole way from an octoDNS zone file to the text of a policy that can be served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gslb.policy.compile import compile_model
from gslb.policy.document import Document
from gslb.policy.problems import PolicyError, Problem, Severity, Where
from gslb.policy.reading import read_model
from gslb.push.octodns.importing import Imported, Steps, import_zone
from gslb.push.octodns.reading import read_zone
from gslb.push.octodns.text import dump


def policy_of(
    path: Path, octets: bytes, zone: str, servers: Mapping[str, list[str]]
) -> tuple[str | None, list[Problem]]:
    """Return the policy that says what the zone file *path* says, and every problem, by place.

    Args:
        path: what the file is called in problems.
        octets: what it holds.
        zone: its zone, without the final dot.
        servers: name servers with addresses; empty: the NS records of the file.

    Returns:
        YAML text, or None if a problem is an error. Warnings name what is not carried over.
    """
    read, problems = read_zone(path, octets, zone)
    if read is None:
        return None, sorted(problems)
    values, made = import_zone(read, servers)
    problems += made.problems
    text = dump(values)
    if not _errors(problems):
        problems += _refused(text, made)
    problems = sorted(set(problems))
    return None if _errors(problems) else text, problems


def _errors(problems: list[Problem]) -> list[Problem]:
    return [one for one in problems if one.severity is Severity.ERROR]


def _refused(text: str, made: Imported) -> Iterator[Problem]:
    """Yield why *text* cannot be served, at the places in the zone file that it comes from."""
    octets = text.encode()
    name = Path("policy")
    try:
        parsed, document = read_model(name, octets=octets)
    except PolicyError as error:
        begins: list[tuple[int, Where]] = _begins(text, made)
        found = error.problems
    else:
        begins = _begins(text, made, document)
        found = _errors(compile_model(parsed, document, octets)[1])
    for problem in found:
        before = [place for line, place in begins if line <= problem.where.line]
        yield replace(problem, where=before[-1] if before else made.zone.where)


def _begins(text: str, made: Imported, document: Document | None = None) -> list[tuple[int, Where]]:
    """Return the lines of *text* at which parts with an origin begin, ascending."""
    found: list[tuple[int, Where]] = []
    lines = text.split("\n")
    for steps, origin in made.origins.items():
        found.append((_line(lines, steps, document), origin))
    if made.static:
        first = lines.index("  static: |") + 2 if "  static: |" in lines else 0
        found += [(first + at, where) for at, (_, where) in enumerate(made.static) if first]
    return sorted(found, key=lambda pair: pair[0])


def _line(lines: list[str], steps: Steps, document: Document | None) -> int:
    if document is not None:
        return document.locate_key(steps).line
    begins = f"  {steps[-1]}:"
    return next((at for at, line in enumerate(lines, 1) if line.startswith(begins)), 1)
