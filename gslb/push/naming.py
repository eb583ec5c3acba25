"""Names of the objects that we make, and texts of TXT records."""

from __future__ import annotations

import re

from gslb.push.objects import digest

_TEXT = 255  # octets of one string of a TXT record, RFC 1035 §3.3.14


def policy_key(policy: str) -> str:
    """Return what names the objects of a policy: readable, and its own."""
    slug = re.sub(r"[^a-z0-9]+", "-", policy.lower()).strip("-")[:30].strip("-")
    return f"{slug}-{digest(policy, 8)}"


def quoted(text: str) -> str:
    """Return *text* (no quotes or backslashes in it) as TXT data.

    >>> quoted("heritage=gslb")
    '"heritage=gslb"'
    """
    parts = [text[at : at + _TEXT] for at in range(0, len(text), _TEXT)] or [""]
    return " ".join(f'"{part}"' for part in parts)


def unquoted(value: str) -> str:
    """Return the text of TXT data, its strings put together; data without quotes is one text."""
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
    return "".join(strings) if strings else value
