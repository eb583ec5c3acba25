"""Which AS numbers are whose: carrier names of policies → origin AS numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml


@cache
def load_carriers() -> Mapping[str, frozenset[int]]:
    """Return the AS numbers of every carrier, by the name that policies use ("cn-telecom")."""
    text = resources.files("gslb.geodata").joinpath("carriers.yaml").read_text("utf-8")
    document = yaml.safe_load(text)
    return MappingProxyType(
        {name: frozenset(_numbers(entry["asns"])) for name, entry in document.items()}
    )


def _numbers(text: str) -> list[int]:
    """Read "4134 4809 134762-134763": numbers and closed ranges, separated by space."""
    numbers: list[int] = []
    for word in str(text).split():
        first, _, last = word.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
