"""Domain names as Route 53 keeps and orders them (Developer Guide, "DNS domain name format")."""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\([0-7]{3})|\\(.)|(.)", re.DOTALL)
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_MAX_LABEL = 63
_MAX_NAME = 255


class BadNameError(ValueError):
    """A text that is no domain name; the message is AWS's."""


def normal(text: str) -> str:
    r"""Return *text* in lower case, with the dot at the end and octal escapes (``\052`` for ``*``)."""
    return ".".join(labels(text)) + "."


def labels(text: str) -> list[str]:
    """Return the labels of *text*, escaped, leftmost first."""
    if not text or text == ".":
        raise BadNameError(
            f"FATAL problem: DomainNameEmpty (Domain name is empty) encountered with '{text}'"
        )
    found: list[str] = []
    label = ""
    length = 0
    wire = 1
    trimmed = text.removesuffix(".") if not text.endswith("\\.") else text
    for octal, quoted, plain in _ESCAPED.findall(trimmed + "."):
        if plain == ".":
            if not 1 <= length <= _MAX_LABEL:
                kind = (
                    "DomainLabelEmpty (Domain label is empty)"
                    if not length
                    else ("DomainLabelTooLong (Domain label is too long)")
                )
                raise BadNameError(f"FATAL problem: {kind} encountered with '{text}'")
            found.append(label)
            wire += length + 1
            label, length = "", 0
            continue
        character = chr(int(octal, 8)) if octal else (quoted or plain)
        length += 1
        lower = character.lower() if character.isascii() else character
        if ord(lower) > 0xFF:
            raise BadNameError(
                "FATAL problem: UnsupportedCharacter (Value contains unsupported characters) "
                f"encountered with '{text}'"
            )
        label += lower if lower in _PLAIN else f"\\{ord(lower):03o}"
    if wire > _MAX_NAME:
        raise BadNameError(
            f"FATAL problem: DomainNameTooLong (Domain name is too long) encountered with '{text}'"
        )
    return found


def order(name: str) -> str:
    """Return the sort key of a normal name: labels reversed, with the dot at the end."""
    return ".".join(reversed(name.removesuffix(".").split("."))) + "."


def within(name: str, zone: str) -> bool:
    """Say whether a normal name is the zone's apex or below it."""
    return name == zone or name.endswith("." + zone)
