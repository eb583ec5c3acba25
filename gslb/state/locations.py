"""Patterns that name a part of the cloud/region/zone tree: ``aws``, ``alibaba/*``, ``aws/*/use1-az2``.

A pattern covers every endpoint at or below it. Each part may have ``*`` (any run of characters of
that part) and ``?`` (one character); a wildcard never reaches over a slash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

from gslb.errors import GslbError

MAX_PATTERN = 253  # characters; an endpoint's id is far shorter
MAX_PARTS = 4  # cloud, region, zone, and the number of an endpoint in its zone
MAX_WILDCARDS = 8  # in one pattern; bounds the work of matching it
_PART = re.compile(r"[A-Za-z0-9_.*?-]+")


class LocationError(GslbError):
    """A pattern that cannot name anything, or names nothing that there is."""


def parse_pattern(text: str) -> str:
    """Return *text* as a pattern in its one spelling, without slashes at its ends.

    Raises:
        LocationError: empty, too long or deep, an empty part, or a character that no name has.
    """
    pattern = text.strip().strip("/")
    if not pattern:
        raise LocationError("a location is wanted, such as aws, aws/us-east-1 or aws/*/use1-az2")
    if len(pattern) > MAX_PATTERN:
        raise LocationError(f"a location has at most {MAX_PATTERN} characters")
    parts = pattern.split("/")
    if len(parts) > MAX_PARTS:
        raise LocationError(f'"{pattern}" is too deep: cloud/region/zone/number is the deepest')
    for part in parts:
        if _PART.fullmatch(part) is None:
            raise LocationError(
                f'"{pattern}" is no location: letters, digits, "-", "_", "." and the wildcards'
                ' "*" and "?" stand between its slashes'
            )
    if len(re.findall(r"[*?]+", pattern)) > MAX_WILDCARDS:
        raise LocationError(f"a location has at most {MAX_WILDCARDS} wildcards")
    return pattern


@lru_cache(maxsize=2048)
def _compiled(pattern: str) -> re.Pattern[str]:
    text = ""
    for character in re.sub(r"\*+", "*", pattern):
        text += {"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(character)
    return re.compile(rf"{text}(?:/.*)?", re.DOTALL)


def matches(pattern: str, endpoint: str) -> bool:
    """Return whether the endpoint with this id is at or below *pattern*, as `parse_pattern` gave it.

    >>> matches("aws/*/use1-az2", "aws/us-east-1/use1-az2")
    True
    >>> matches("aws/us-east-1", "aws/us-east-11/az1")
    False
    """
    return _compiled(pattern).fullmatch(endpoint) is not None


def covered(pattern: str, endpoints: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of *endpoints* that *pattern* covers, in their order."""
    match = _compiled(pattern).fullmatch
    return tuple(one for one in endpoints if match(one) is not None)


def ancestors(endpoint: str) -> tuple[str, ...]:
    """Return the locations that an endpoint's id lies in, widest first, itself last."""
    parts = endpoint.split("/")
    return tuple("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def nothing_at(pattern: str, endpoints: Iterable[str]) -> LocationError:
    """Return the error that no endpoint is at *pattern*, with the location that may be meant."""
    known = sorted({place for one in endpoints for place in ancestors(one)})
    close = get_close_matches(pattern, known, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return LocationError(f'no endpoint is at "{pattern}"{hint}')


def site_and_zone(endpoint: str) -> tuple[str, str]:
    """Return the site and the availability zone of an endpoint's id."""
    cloud, region, zone = (*endpoint.split("/"), "", "")[:3]
    return f"{cloud}/{region}", zone
