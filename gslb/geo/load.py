"""Loads the geography that a node uses, and never fails: a geo failure is no DNS failure.

The order of what is used: what the settings name, if it passes the checks of `judge`; else the table
in use; else the last one that was good (kept in the state directory); else the embedded one; else a
table that knows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from hashlib import blake2b
from importlib import resources
from pathlib import Path

from gslb import __version__
from gslb.geo.build import Inputs, build_table
from gslb.geo.file import VERSION, read_table, unpack_table, write_table
from gslb.geo.judge import age_alarm, judge
from gslb.geo.settings import GeoSettings
from gslb.geo.table import GeoError, GeoTable, empty_table

MAX_CACHED_TABLES = 3  # compiled files kept in the state directory; each has 10 to 30 MB
EMBEDDED = "embedded"
_EMBEDDED_ONLY = GeoSettings()
_LAST_GOOD = "last-good.tbl"
_READ_OCTETS = 1 << 20


@dataclass(frozen=True, slots=True)
class LoadedGeo:
    """The table to use from now on."""

    table: GeoTable
    source: str  # for people: the path, "embedded", "in use", "last good" or "empty"
    alarms: tuple[str, ...] = ()  # what went wrong, or is old; empty: all well


def load_world_geo(
    settings: GeoSettings = _EMBEDDED_ONLY,
    *,
    state: Path | None = None,
    previous: GeoTable | None = None,
    today: date | None = None,
    may_compile: bool = True,
) -> LoadedGeo:
    """Return the table to use; whatever is wrong is said in its alarms and never raised.

    Args:
        settings: which files; by default none, so the embedded table.
        state: folder for compiled tables and the last good one; None: nothing is kept.
        previous: the table in use, if there is one.
        today: for the alarm about old data; None: no such alarm.
        may_compile: false: use only what is compiled already, since compiling takes 5 to 60 s.
    """
    folder = state / "geo" if state is not None else None
    try:
        fresh = _configured(settings, folder, may_compile=may_compile)
        comparable = previous if previous is not None else _last_good(folder)
        if comparable is not None and not same_sources(comparable, fresh.table):
            comparable = None
        objections = judge(fresh.table, comparable, whole_world=settings.whole_world)
        if objections:
            raise GeoError(_refusal(fresh, objections, folder))
    except GeoError as error:
        return _aged(_fallback(str(error), folder, previous), today)
    kept = _keep_as_last_good(fresh, folder)
    return _aged(replace(fresh, alarms=kept), today)


def compiled_path(settings: GeoSettings, state: Path) -> Path:
    """Return the compiled form of the settings' input files, compiling them if need be.

    Takes 5 s for CSV of country and AS and up to a minute for a city database, all of it CPU: call
    it in another process, then `load_world_geo` finds the result.

    Raises:
        GeoError: a file cannot be read, or the folder not be written.
    """
    folder = state / "geo"
    path = folder / f"{_fingerprint(settings)}.tbl"
    _make_folder(folder)
    if not path.exists():
        write_table(_compile(settings), path)
    _forget_old(folder, path)
    return path


def same_sources(one: GeoTable, other: GeoTable) -> bool:
    """Return whether two tables come from the same databases, perhaps of different days."""
    return _source_names(one) == _source_names(other)


def embedded_table() -> GeoTable:
    """Return the table that the program carries; raise `GeoError` if it is missing or damaged."""
    try:
        file = resources.files("gslb.geodata").joinpath("embedded.tbl")
        return unpack_table(file.read_bytes())
    except OSError as error:
        raise GeoError(f"embedded geo table: {error.strerror}") from None
    except GeoError as error:
        raise GeoError(f"embedded geo table: {error}") from None


def _configured(settings: GeoSettings, folder: Path | None, *, may_compile: bool) -> LoadedGeo:
    if settings.table is not None:
        return LoadedGeo(read_table(settings.table), str(settings.table))
    if not settings.inputs:
        return LoadedGeo(embedded_table(), EMBEDDED)
    source = ", ".join(map(str, settings.inputs))
    if folder is None:
        if not may_compile:
            raise GeoError(f"{source}: not compiled, and there is no folder that it could be in")
        return LoadedGeo(_compile(settings), source)
    cached = folder / f"{_fingerprint(settings)}.tbl"
    try:
        return LoadedGeo(read_table(cached), source)
    except GeoError:
        if not may_compile:
            raise GeoError(f"{source}: not compiled yet") from None
    with suppress(OSError):
        cached.unlink()  # a cache may be damaged; it is made again
    return LoadedGeo(read_table(compiled_path(settings, folder.parent)), source)


def _compile(settings: GeoSettings) -> GeoTable:
    """Build the table; what no file says anything of comes from the embedded one, if it is there."""
    inputs = Inputs(settings.country, settings.asn, settings.city, settings.subdivide)
    base = None
    with suppress(GeoError):
        base = embedded_table()
    return build_table(inputs, base)


def _fingerprint(settings: GeoSettings) -> str:
    """Return a name for the compiled form: of the inputs' octets and of all that changes it."""
    options = f"{__version__} {VERSION} {sorted(settings.subdivide)}"  # and so the shipped data
    digest = blake2b(options.encode(), digest_size=12)
    for kind in ("country", "asn", "city"):
        for path in getattr(settings, kind):
            digest.update(f"\n{kind} {path.name} ".encode())
            for chunk in _chunks(path):
                digest.update(chunk)
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_READ_OCTETS):
                yield chunk
    except OSError as error:
        raise GeoError(f"{path}: {error.strerror}") from None


def _refusal(fresh: LoadedGeo, objections: list[str], folder: Path | None) -> str:
    """Return the alarm, with the way to overrule it."""
    text = f"{fresh.source}: refused: {'; '.join(objections)}"
    if folder is None:
        return text
    return f"{text} (if it is right all the same, delete {folder / _LAST_GOOD} and start again)"


def _source_names(table: GeoTable) -> list[tuple[str, str, str]]:
    sources = table.manifest.get("sources")
    return [
        (str(source.get("kind")), str(source.get("file")), str(source.get("form")))
        for source in (sources if isinstance(sources, list) else [])
        if isinstance(source, dict)
    ]


def _fallback(alarm: str, folder: Path | None, previous: GeoTable | None) -> LoadedGeo:
    if previous is not None:
        return LoadedGeo(previous, "in use", (alarm,))
    last = _last_good(folder)
    if last is not None:
        return LoadedGeo(last, "last good", (alarm,))
    try:
        return LoadedGeo(embedded_table(), EMBEDDED, (alarm,))
    except GeoError as error:
        return LoadedGeo(empty_table(), "empty", (alarm, str(error)))


def _last_good(folder: Path | None) -> GeoTable | None:
    if folder is None:
        return None
    try:
        return read_table(folder / _LAST_GOOD)
    except GeoError:
        return None


def _keep_as_last_good(fresh: LoadedGeo, folder: Path | None) -> tuple[str, ...]:
    """Save an operator's table that passed; the embedded one is always there. Return alarms."""
    if folder is None or fresh.source == EMBEDDED:
        return ()
    last = _last_good(folder)
    if last is not None and last.manifest == fresh.table.manifest:
        return ()
    try:
        _make_folder(folder)
        write_table(fresh.table, folder / _LAST_GOOD)
    except GeoError as error:
        return (f"the geo table could not be kept for the next start: {error}",)
    return ()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GeoError(f"{folder}: {error.strerror}") from None


def _forget_old(folder: Path, newest: Path) -> None:
    """Delete all but the newest compiled tables."""
    try:
        others = [p for p in folder.glob("*.tbl") if p not in {newest, folder / _LAST_GOOD}]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[MAX_CACHED_TABLES - 1 :]:
            path.unlink(missing_ok=True)
    except OSError:
        return  # somebody else tidies too; space is all that it costs


def _aged(loaded: LoadedGeo, today: date | None) -> LoadedGeo:
    alarm = age_alarm(loaded.table, today) if today is not None else ""
    return replace(loaded, alarms=(*loaded.alarms, alarm)) if alarm else loaded
