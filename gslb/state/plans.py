"""The plan of the last good policies on disk: what a start goes on with while those of now are refused.

A table says what was answered, not what is to be probed, or what a drain would do: that takes the plan.
The file is our own, and is read as if it were not: a digest finds damage, and only the plan's own types
are made of what it holds. One that another version wrote is refused, as the types may differ.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from gslb.errors import GslbError
from gslb.policy import plan as plans
from gslb.policy.plan import Plan
from gslb.policy.problems import Where
from gslb.state.tables import write_whole

FILE_NAME = "last-plan"
MAX_OCTETS = 1 << 30  # a million names take a tenth of it
_MAGIC = b"gslb plan 1\n"
_DIGEST = hashlib.sha256().digest_size


class PlanStore:
    """The last good plan of one state directory."""

    def __init__(self, directory: Path) -> None:
        """Keep it in *directory*, which is there."""
        self.path = directory / FILE_NAME

    def keep(self, plan: Plan) -> None:
        """Keep *plan* in place of the one before. Raises GslbError with everything as it was."""
        body = pickle.dumps(plan, pickle.HIGHEST_PROTOCOL)
        head = _head(body)
        try:
            with self.path.open("rb") as file:
                if file.read(len(head)) == head:
                    return
        except OSError:
            pass  # there is none yet, or none that can be read
        write_whole(self.path, head + body)

    def load(self) -> Plan:
        """Return the plan that was kept. Raises GslbError: there is none that can be used."""
        try:
            with self.path.open("rb") as file:
                octets = file.read(MAX_OCTETS + 1)
        except OSError as error:
            raise GslbError(f"{self.path}: {error.strerror}") from None
        body = octets[len(_MAGIC) + 2 * _DIGEST :]
        if len(octets) > MAX_OCTETS or octets[: len(octets) - len(body)] != _head(body):
            raise GslbError(f"{self.path}: damaged, or of another version")
        try:
            plan = _Reader(io.BytesIO(body)).load()
        except Exception as error:  # noqa: BLE001 - whatever octets may make of the reader
            raise GslbError(f"{self.path}: no plan ({type(error).__name__})") from None
        if not isinstance(plan, Plan):
            raise GslbError(f"{self.path}: no plan")
        return plan


class _Reader(pickle.Unpickler):
    """Makes values of a plan's types and of no others."""

    def find_class(self, module: str, name: str) -> type:
        """Return the type of this name. Raises UnpicklingError."""
        found = _TYPES.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a plan")
        return found


def _plan_types() -> Iterator[type]:
    for value in vars(plans).values():
        if isinstance(value, type) and value.__module__ == plans.__name__:
            yield value
    yield from (Where, type(Path()), datetime, timedelta, timezone, frozenset)


def _shape() -> bytes:
    """Return the digest of all fields of all types: what must not have changed in between."""
    lines = [
        f"{kind.__qualname__} {[(one.name, one.type) for one in fields(kind)]}"
        for kind in _TYPES.values()
        if is_dataclass(kind)
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).digest()


_TYPES = {(kind.__module__, kind.__qualname__): kind for kind in _plan_types()}
_SHAPE = _shape()


def _head(body: bytes) -> bytes:
    return _MAGIC + _SHAPE + hashlib.sha256(body).digest()
