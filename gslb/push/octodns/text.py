"""Plain values → YAML text, of policies and of octoDNS's zone files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

_WIDTH = 120  # columns, before a list in brackets is broken


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and never an alias."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Equal parts are written out each time."""
        return True

    def check_simple_key(self) -> bool:
        """Let the empty key of the apex stand before its colon like any other."""
        simple: bool = super().check_simple_key()
        return simple or (isinstance(self.event, yaml.ScalarEvent) and self.event.value == "")


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(values: Any) -> str:
    """Return *values* as YAML: innermost lists and mappings on one line, keys in their order."""
    return yaml.dump(
        values,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=None,
        width=_WIDTH,
        allow_unicode=True,
    )


def in_order(value: Any) -> Any:
    """Return *value* with the keys of all mappings in the natural order that octoDNS insists on."""
    if isinstance(value, Mapping):
        return {key: in_order(value[key]) for key in sorted(value, key=_natural)}
    return [in_order(one) for one in value] if isinstance(value, list) else value


def _natural(key: str) -> list[str | int]:
    parts = re.split(r"([0-9]+)", key)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]
