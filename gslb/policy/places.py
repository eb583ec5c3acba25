"""How the compiler asks where something stands: a path of keys and indices → a place in a file."""

from __future__ import annotations

from typing import Protocol

from gslb.policy.problems import Where

Path = tuple[str | int, ...]  # ("sites", "aws/us-east-1", "zones", "a", 0)


def spot(place: Where, here: Where) -> str:
    """Return *place* as a message at *here* names it: the line alone if it is in the same file."""
    return f"line {place.line}" if place.path == here.path else f"{place.path}:{place.line}"


class Places(Protocol):
    """A document, as far as places go. Parts of a path that the file lacks are passed over."""

    def locate(self, steps: Path) -> Where:
        """Return where the value at *steps* stands."""

    def locate_key(self, steps: Path) -> Where:
        """Return where the last key of *steps* stands, or the item if the last step is an index."""
