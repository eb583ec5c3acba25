"""What the last start began with, so that the next one can begin before its settings are read.

The file lies in the state directory, which is the service's own, as the table is that the node then
answers from. It counts only while everything is the same that settings are read from; they are read
all the same, and `gslb.node.beginning` compares.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from gslb.errors import GslbError
from gslb.logs import Log
from gslb.node.inputs import Inputs
from gslb.node.outset import Outset

FILE = "outset.json"
MAX_OCTETS = 1 << 16

_log = Log(__name__)


def recall(inputs: Inputs) -> Outset | None:
    """Return what a node with these *inputs* began with; None: it never did, or something changed."""
    folder = inputs.state_directory()
    try:
        with (folder / FILE).open("rb") as file:
            said = json.loads(file.read(MAX_OCTETS))
        if said["inputs"] != inputs.digest():
            return None
        outset = Outset.from_data(said["outset"])
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        GslbError,
    ):  # cut short, or of another version
        return None
    return outset if outset.state_directory == folder else None


def remember(digest: str, outset: Outset) -> None:
    """Keep *outset* for the next start with inputs of this *digest*.

    Only for the holder of the state directory's lock. What cannot be written only costs the next
    start a tenth of a second.
    """
    path = outset.state_directory / FILE
    octets = json.dumps({"inputs": digest, "outset": outset.to_data()}).encode()
    try:
        if path.exists() and path.read_bytes() == octets:
            return
        fresh = path.with_suffix(".new")
        with open(fresh, "wb", opener=_private) as file:
            file.write(octets)
        fresh.rename(path)
    except OSError as error:
        _log.warning("outset not kept", file=str(path), reason=error.strerror)


def forget(folder: Path) -> None:
    """Have the next start read its settings first. Raises OSError."""
    (folder / FILE).unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
