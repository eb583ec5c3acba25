"""Codes of places that both providers check against, from the project's geodata."""

from __future__ import annotations

import csv
import functools
import importlib.resources


@functools.cache
def countries() -> frozenset[str]:
    """Return the ISO 3166-1 codes of two letters."""
    return frozenset(row["code"] for row in _rows("countries.csv"))


@functools.cache
def states() -> frozenset[str]:
    """Return the codes of the states of the US."""
    return frozenset(r["code"] for r in _rows("subdivisions.csv") if r["country"] == "US")


@functools.cache
def google_regions() -> frozenset[str]:
    """Return the regions of Google Cloud."""
    return frozenset(r["region"] for r in _rows("cloud-regions.csv") if r["provider"] == "gcp")


def _rows(name: str) -> list[dict[str, str]]:
    text = importlib.resources.files("gslb.geodata").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
