"""A YAML document with places, walked from its top: what the reader of zone files goes along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gslb.policy.problems import Problem, Severity, Where
from gslb.policy.yamltext import Places, Reader, key_place, value_place


@dataclass(frozen=True, slots=True)
class Node:
    """One value and where it stands."""

    reader: Reader
    value: Any
    places: Places

    @property
    def where(self) -> Where:
        """Return where the value stands."""
        return self.reader.where(value_place(self.places))

    @property
    def key_where(self) -> Where:
        """Return where the key stands that the value belongs to; only below mappings."""
        return self.reader.where(key_place(self.places))

    def get(self, key: str) -> Node | None:
        """Return what the mapping has under *key*; None: nothing, or this is no mapping."""
        if not isinstance(self.value, dict) or self.value.get(key) is None:
            return None
        return Node(self.reader, self.value[key], self.places[1][key])

    def plain(self, key: str, otherwise: Any = None) -> Any:
        """Return the value under *key*, or *otherwise*."""
        found = self.get(key)
        return otherwise if found is None else found.value

    def items(self) -> Iterator[tuple[str, Node]]:
        """Yield what a mapping holds."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield key, Node(self.reader, value, self.places[1][key])

    def entries(self) -> Iterator[Node]:
        """Yield what a list holds; anything else is a list of one."""
        if not isinstance(self.value, list):
            yield self
            return
        for value, places in zip(self.value, self.places[1], strict=True):
            yield Node(self.reader, value, places)

    def error(self, code: str, text: str, hint: str = "") -> None:
        """Add a problem here."""
        self.reader.problems.append(Problem(self.where, code, text, hint=hint))

    def loss(self, code: str, text: str, hint: str = "") -> None:
        """Add something that is not carried over, at its key."""
        self.reader.problems.append(Problem(self.key_where, code, text, Severity.WARNING, hint))

    def unknown(self, known: frozenset[str], what: str) -> None:
        """Name the keys of a mapping that nobody reads."""
        for key, node in self.items():
            if key not in known:
                node.loss("W360", f'{what}: "{key}" is not carried over')
