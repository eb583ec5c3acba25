"""What a node's settings are read from: the file, the environment and the command line."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gslb import __file__ as _ours
from gslb import __version__
from gslb.defaults import DEFAULT_CONFIG, default_state_directory

PREFIX = "GSLB_"
CONFIG_VARIABLE = "GSLB_CONFIG"
MAX_OCTETS = 1 << 20  # of a file that is worth a digest


@dataclass(frozen=True, slots=True)
class Inputs:
    """All of them. The command line wins over the environment, and that over the file."""

    path: Path | None  # of the file
    given: Mapping[str, Any]  # what the command line says, in the settings' own shape
    environment: Mapping[str, str]  # GSLB_… variables are looked for in it

    @classmethod
    def of(
        cls,
        path: Path | None,
        given: Mapping[str, Any],
        environment: Mapping[str, str] = os.environ,
    ) -> Inputs:
        """Return those of a node whose settings file is at *path*; None: where it usually is.

        That is where GSLB_CONFIG says, else the system's place, if there is one.
        """
        if path is None and (named := environment.get(CONFIG_VARIABLE)):
            path = Path(named)
        if path is None and DEFAULT_CONFIG.exists():
            path = DEFAULT_CONFIG
        return cls(path, given, environment)

    def state_directory(self) -> Path:
        """Return where the node keeps its state, unless the file says otherwise."""
        said = self.given.get("state_directory") or self.environment.get(f"{PREFIX}STATE_DIRECTORY")
        return Path(said) if said else default_state_directory()

    def digest(self) -> str | None:
        """Return what differs whenever the settings may differ; None: the file cannot be read.

        Beside the inputs it holds what their reading depends on: this program and this machine.
        """
        try:
            read = b""
            if self.path is not None:
                with self.path.open("rb") as file:
                    read = file.read(MAX_OCTETS + 1)
            reader = Path(_ours).with_name("settings.py").stat()
        except OSError:
            return None
        if len(read) > MAX_OCTETS:
            return None
        told = sorted(one for one in self.environment.items() if one[0].startswith(PREFIX))
        program = (__version__, reader.st_mtime_ns, reader.st_size)
        machine = (len(os.sched_getaffinity(0)), os.geteuid(), str(default_state_directory()))
        parts = (program, machine, str(self.path), dict(self.given), told)
        return hashlib.sha256(json.dumps(parts, default=str).encode() + read).hexdigest()
