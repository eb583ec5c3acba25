"""Which generation comes next: it never goes back, whatever was lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Generations:
    """The generations that are given out, one after another."""

    last: int = 0

    def next(self, on_disk: int = 0) -> int:
        """Return a generation above every one before, of this run and of earlier ones (*on_disk*)."""
        self.last = max(on_disk, self.last) + 1
        return self.last

    def give_back(self, generation: int) -> None:
        """Have *generation*, which no table has, given out again if no later one is out."""
        if self.last == generation:
            self.last -= 1
