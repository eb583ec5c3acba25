"""What copies held before they were drained past our servers: kept in files, or told by policies."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from gslb.errors import GslbError
from gslb.fallback.alone import snapshot_of
from gslb.fallback.messages import CopyId
from gslb.push.batches import MANIFEST_TTL
from gslb.push.objects import Actual, manifest_name
from gslb.push.plan import content_hash
from gslb.push.provider import Dialect
from gslb.push.statefile import StateFileError, actual_json, read_actual
from gslb.push.withdrawal import NotWithdrawnError, manifest_of
from gslb.settings import Settings


def keep(directory: Path, copy: CopyId, dialect: Dialect, actual: Actual, owner: str) -> str:
    """Keep what a copy holds in a file, if nothing is out of it yet; return where, for people."""
    parent = manifest_of(dialect, copy.zone, actual)
    if parent is None or parent.owner != owner or parent.drained:
        return ""
    file = kept_file(directory, copy)
    said = json.dumps(actual_json(dialect.name, copy.zone, actual))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(said)
        fresh.replace(file)
    except OSError as error:
        return f"the way back will take the policies: {file} cannot be written ({error.strerror})"
    return f"what it held is kept for `gslb push undrain`: {file}"


def kept_file(directory: Path, copy: CopyId) -> Path:
    """Return where it is kept what a copy held before it was drained past our servers."""
    place = re.sub(r"[^A-Za-z0-9.-]", "-", copy.place)
    return directory / "drained-there" / f"{copy.provider}-{copy.zone}{place}.json"


def held_before(
    settings: Settings, copy: CopyId, dialect: Dialect, actual: Actual, owner: str
) -> Actual:
    """Return what a copy held before anything was taken out of it past our servers.

    Raises:
        GslbError: nobody knows.
    """
    zone = copy.zone
    parent = manifest_of(dialect, zone, actual)
    if parent is None or not parent.drained:
        raise NotWithdrawnError("nothing was drained there past our servers")
    file = kept_file(settings.state_directory, copy)
    try:
        found = read_actual(file, dialect.name, zone)
        then = manifest_of(dialect, zone, found)
        if then is not None and then.generation == parent.generation:
            return found
        why = f"{file} is about an earlier push"
    except StateFileError as error:
        why = str(error)
    try:
        snapshot = snapshot_of(settings)
    except GslbError as error:
        raise GslbError(f"{why}; the policies cannot be read: {error}") from None
    served = snapshot.zone(zone)
    if served is None:
        raise GslbError(f"{why}; the policies have no zone {zone}")
    rendered = dialect.render(snapshot.desired(served), owner, actual.limits)
    left = dialect.prune(rendered.rrsets, frozenset(parent.drained)).rrsets
    if content_hash(replace(rendered, rrsets=left)) != parent.hash:
        raise GslbError(f"{why}; and the copy was not pushed from the policies here, as they are")
    whole = replace(parent, drained=())
    manifest = dialect.text(manifest_name(zone), MANIFEST_TTL, whole.text())
    return Actual({**rendered.rrsets, manifest.key: manifest}, rendered.supports)
