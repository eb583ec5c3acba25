"""What a managed zone held, kept in a file: for plans without a network, and to be looked at."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gslb.errors import GslbError
from gslb.push.objects import Actual, Limits, Rrset, Support

FORMAT = 1
MAX_OCTETS = 256 << 20  # a zone of a million record sets is no zone of ours


class StateFileError(GslbError):
    """A file holds no zone."""


def actual_json(provider: str, zone: str, actual: Actual) -> dict[str, Any]:
    """Return *actual* as JSON values, with whose it is."""
    return {
        "format": FORMAT,
        "provider": provider,
        "zone": zone,
        "rrsets": [
            {"name": one.name, "type": one.rtype, "identifier": one.ident, "body": one.body}
            for one in actual.rrsets.values()
        ],
        "supports": [asdict(one) for one in actual.supports.values()],
        "foreign_checks": actual.foreign_checks,
        "limits": asdict(actual.limits) if actual.limits is not None else None,
    }


def read_actual(path: Path, provider: str, zone: str) -> Actual:
    """Return what `actual_json` said in the file at *path*.

    Raises:
        StateFileError: it cannot be read, or is about another zone.
    """
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise StateFileError(f"{path}: more than {MAX_OCTETS >> 20} MiB")
        said = json.loads(path.read_bytes())
    except OSError as error:
        raise StateFileError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise StateFileError(f"{path}: no JSON: {error}") from None
    try:
        if said["format"] != FORMAT:
            raise StateFileError(f"{path}: not of format {FORMAT}")
        whose = said["provider"], said["zone"]
        if whose != (provider, zone):
            raise StateFileError(f"{path}: about {' '.join(whose)}, not {provider} {zone}")
        return _actual(said)
    except (KeyError, TypeError, AttributeError) as error:
        raise StateFileError(f"{path}: not a zone: {type(error).__name__} {error}") from None


def _actual(said: Any) -> Actual:
    rrsets = [
        Rrset(str(one["name"]), str(one["type"]), str(one["identifier"]), dict(one["body"]))
        for one in said["rrsets"]
    ]
    supports = [Support(**{**one, "needs": tuple(one["needs"])}) for one in said["supports"]]
    return Actual(
        rrsets={one.key: one for one in rrsets},
        supports={one.key: one for one in supports},
        foreign_checks=int(said["foreign_checks"]),
        limits=Limits(**said["limits"]) if said["limits"] is not None else None,
    )
