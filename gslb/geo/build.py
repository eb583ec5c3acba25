"""Makes a geo table from layers: country, origin AS and city databases laid over each other.

Equal inputs give equal tables, down to the octet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gslb.geo.adapters import NOTHING, Fact, Kind
from gslb.geo.ranges import Layer, RangeCollector, Values, merge_equal, resample
from gslb.geo.sources import Progress, SourceEntry, no_progress, read_source
from gslb.geo.table import GeoError, GeoTable
from gslb.geo.world import countries, place, subdivision_code

MAX_UNMATCHED = 40  # names listed in the manifest that no subdivision could be found for
_MAX_PLACES = 1 << 16  # indices of places are 16 bits
_ASN_BITS = np.uint64(32)  # a pair while building: place << 32 | AS number

Code = tuple[str, str]  # country, subdivision; ("", "") is unknown


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files of one build; of each kind there may be several, such as v4 and v6 apart."""

    country: tuple[Path, ...] = ()
    asn: tuple[Path, ...] = ()
    city: tuple[Path, ...] = ()
    subdivide: tuple[str, ...] = ()  # countries whose subdivisions are kept
    licence: str = ""  # empty: read beside each file
    dated: date | None = None  # of the data; None: as each file says

    def files(self) -> Iterable[tuple[Kind, Path]]:
        """Yield each file with its kind."""
        for kind, paths in (
            (Kind.COUNTRY, self.country),
            (Kind.ASN, self.asn),
            (Kind.CITY, self.city),
        ):
            yield from ((kind, path) for path in paths)


def build_table(
    inputs: Inputs, base: GeoTable | None = None, progress: Progress = no_progress
) -> GeoTable:
    """Read the files and return the table; raise `GeoError` if a file cannot be used.

    The country comes from the country files. The city files add the subdivision where they agree
    with it, and the country where the country files say nothing.

    Args:
        inputs: the files.
        base: gives what no file says anything of: AS numbers, or countries, of IPv4 or of IPv6;
            None: nothing does.
        progress: called now and then.
    """
    if not list(inputs.files()):
        raise GeoError("nothing to build from: give a country, asn or city file")
    collectors = {kind: RangeCollector(NOTHING) for kind in Kind}
    sources = [
        read_source(
            path,
            kind,
            collectors[kind],
            licence=inputs.licence,
            dated=inputs.dated,
            progress=progress,
        ).entry()
        for kind, path in inputs.files()
    ]
    progress("combining", 0.0)
    layers = {kind: collectors[kind].layer() for kind in Kind}
    filled = _fill(layers, base) if base is not None else []
    table = combine(layers, inputs.subdivide, sources, filled)
    progress("combining", 1.0)
    return table


def _fill(layers: dict[Kind, Layer[Fact]], base: GeoTable) -> list[SourceEntry]:
    """Take from *base* what no file says anything of, each family apart; return its sources."""
    countries_known = {Kind.COUNTRY, Kind.CITY}
    added: list[SourceEntry] = []
    for kind, known_by in ((Kind.COUNTRY, countries_known), (Kind.ASN, {Kind.ASN})):
        facts = [
            Fact(asn=int(asn)) if kind is Kind.ASN else Fact(base.places[at].country)
            for at, asn in zip(base.pair_place, base.pair_asn, strict=True)
        ]
        own = layers[kind]
        own4, own6 = (own.starts4, own.values4), (own.starts6, own.values6)
        shift = np.uint32(len(own.values))  # the facts of *base* come behind those of the files
        if fill4 := not any(layers[one].values4.any() for one in known_by):
            own4 = (base.starts4, base.pairs4 + shift)
        if fill6 := not any(layers[one].values6.any() for one in known_by):
            own6 = (base.starts6, base.pairs6 + shift)
        if fill4 or fill6:
            layers[kind] = Layer(*own4, *own6, (*own.values, *facts))
            added += _sources_of(base, kind)
    return added


def _sources_of(table: GeoTable, kind: Kind) -> list[SourceEntry]:
    listed = table.manifest.get("sources")
    entries = listed if isinstance(listed, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("kind") == kind]


def combine(
    layers: Mapping[Kind, Layer[Fact]],
    subdivide: Sequence[str],
    sources: Sequence[SourceEntry],
    filled: Sequence[SourceEntry] = (),
) -> GeoTable:
    """Lay the layers over each other; see `build_table`.

    The day of the table is that of the oldest of *sources*; those of *filled* do not count, since
    they are not the operator's to keep current.
    """
    coder = _Coder(subdivide)
    of_country = [coder.code(fact.country, "") for fact in layers[Kind.COUNTRY].values]
    of_city = [coder.code(fact.country, fact.subdivision) for fact in layers[Kind.CITY].values]
    codes = sorted({*of_country, *of_city, *((country, "") for country, _ in of_city)})
    index = {code: number for number, code in enumerate(codes)}
    by_country = np.array([index[code] for code in of_country], np.uint64)
    by_city = np.array([index[code] for code in of_city], np.uint64)
    home = np.array([index[country, ""] for country, _ in codes], np.uint64)
    asns = np.array([fact.asn for fact in layers[Kind.ASN].values], np.uint64)

    families = []
    for four in (True, False):
        starts, at = _overlay(layers, four=four)
        country, city = by_country[at[Kind.COUNTRY]], by_city[at[Kind.CITY]]
        finer = (city != 0) & ((country == 0) | (home[city] == country))
        keys = np.where(finer, city, country) << _ASN_BITS | asns[at[Kind.ASN]]
        kept = merge_equal(keys)
        families.append((starts[kept], keys[kept]))
    return _number_pairs(families, codes, _manifest(sources, filled, subdivide, coder))


class _Coder:
    """Turns what records say into codes that we have points for, and remembers what it could not."""

    def __init__(self, subdivide: Sequence[str]) -> None:
        self._subdivide = frozenset(subdivide)
        self.unknown: Counter[str] = Counter()

    def code(self, country: str, subdivision: str) -> Code:
        """Return (country, subdivision); the parts that are unknown or not wanted are empty."""
        if country not in countries():
            if country:
                self.unknown[country] += 1
            return "", ""
        if not subdivision or country not in self._subdivide:
            return country, ""
        code = subdivision_code(country, subdivision)
        if code is None:
            self.unknown[f"{country} {subdivision}"] += 1
        return country, code or ""


def _overlay(
    layers: Mapping[Kind, Layer[Fact]], *, four: bool
) -> tuple[npt.NDArray[np.generic], dict[Kind, Values]]:
    """Return every start of any layer, and for each layer the index of its value there."""
    columns = {
        kind: (layer.starts4, layer.values4) if four else (layer.starts6, layer.values6)
        for kind, layer in layers.items()
    }
    at = np.unique(np.concatenate([starts for starts, _ in columns.values()]))
    return at, {kind: resample(starts, values, at) for kind, (starts, values) in columns.items()}


def _number_pairs(
    families: Sequence[tuple[npt.NDArray[np.generic], npt.NDArray[np.uint64]]],
    codes: Sequence[Code],
    manifest: dict[str, object],
) -> GeoTable:
    """Give each distinct (place, AS) a number in order, 0 to nothing known; drop unused places."""
    (starts4, keys4), (starts6, keys6) = families
    pairs = np.unique(np.concatenate([np.zeros(1, np.uint64), keys4, keys6]))
    used, pair_place = np.unique(pairs >> _ASN_BITS, return_inverse=True)
    if len(used) > _MAX_PLACES:
        raise GeoError(f"{len(used)} places are more than a table can hold")
    places = tuple(place(*codes[int(number)]) for number in used)
    table = GeoTable(
        starts4=starts4.astype(np.uint32),
        pairs4=np.searchsorted(pairs, keys4).astype(np.uint32),
        starts6=starts6.astype(np.uint64),
        pairs6=np.searchsorted(pairs, keys6).astype(np.uint32),
        pair_place=pair_place.astype(np.uint16),
        pair_asn=(pairs & np.uint64(0xFFFF_FFFF)).astype(np.uint32),
        places=places,
        manifest=manifest,
    )
    manifest["counts"] = count(table)
    return table


def count(table: GeoTable) -> dict[str, int]:
    """Return how much a table knows, for people and for the check of a new table."""
    return {
        "ranges4": len(table.starts4),
        "ranges6": len(table.starts6),
        "pairs": len(table.pair_asn),
        "countries": len({one.country for one in table.places} - {""}),
        "subdivisions": sum(bool(one.subdivision) for one in table.places),
        "asns": len(np.unique(table.pair_asn[table.pair_asn != 0])),
    }


def _manifest(
    sources: Sequence[SourceEntry],
    filled: Sequence[SourceEntry],
    subdivide: Sequence[str],
    coder: _Coder,
) -> dict[str, object]:
    subdivided = any(source["kind"] == Kind.CITY for source in sources)
    return {
        "date": min((str(source["date"]) for source in sources), default=""),
        "sources": [*sources, *filled],
        "subdivide": sorted(subdivide) if subdivided else [],
        "unmatched": [name for name, _ in coder.unknown.most_common(MAX_UNMATCHED)],
    }
