"""Every block of counters of a node: made for workers, read, and added up when it is finished.

So counters go on over the death of a worker, a reload, and the end of the supervisor: finished
blocks are kept as totals in the state directory, and those of workers that outlive a supervisor
are taken over from them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gslb.answers.table import AnswerTable
from gslb.errors import GslbError
from gslb.logs import Log
from gslb.metrics import Values
from gslb.node.attribution import Legend, attribute
from gslb.node.blocks import Block
from gslb.node.memory import make_blocks
from gslb.node.totals import Totals
from gslb.state.tables import labels_path, map_table, table_path
from gslb.steering.labels import LabelChange, Labels, no_labels

FILE_NAME = "counters.json"
MAX_OCTETS = 64 << 20  # of the file; some 100 000 series have a tenth of that

_log = Log(__name__)


class Ledger:
    """All that was ever counted here."""

    def __init__(self, directory: Path) -> None:
        """Go on with what is kept in *directory*."""
        self._directory = directory
        self._blocks: list[Block] = []
        self._legends: dict[int, Legend] = {}  # by generation
        self._settled = self._read()  # of blocks that are no more
        self._is_ours = True  # the file, to be written

    def open(self, worker: int, generation: int) -> list[Block]:
        """Make blocks for a *worker* that is to serve this *generation*: UDP's, TCP's.

        Raises GslbError.
        """
        descriptors = make_blocks(self._legend(generation).table, generation, worker)
        made: list[Block] = []
        try:
            while descriptors:
                made.append(Block.adopt(descriptors.pop(0), worker))
        except GslbError:  # the one that failed has been closed
            for block in made:
                block.close()
            for descriptor in descriptors:
                os.close(descriptor)
            raise
        self._blocks += made
        return made

    def adopt(self, descriptors: Iterable[int], worker: int | None = None) -> None:
        """Take over blocks that somebody else has made: for this *worker*, which counts in them.

        None: workers of an earlier supervisor go on counting there.
        """
        for descriptor in descriptors:
            try:
                self._blocks.append(Block.adopt(descriptor, worker))
            except GslbError as error:
                _log.error("counters of a worker are lost", worker=worker, reason=str(error))

    def died(self, worker: int) -> None:
        """Add up the blocks of a *worker* that has ended, whether it has finished them or not."""
        self._fold([block for block in self._blocks if block.worker == worker])

    def drop(self, blocks: Iterable[Block]) -> None:
        """Add up *blocks* that nobody counts in."""
        self._fold(list(blocks))

    def relabel(self, generation: int, change: LabelChange) -> None:
        """Go on with other labels; what has been counted so far keeps those of before."""
        if change.reasons or change.places:
            legend = self._legend(generation)
            legend.coming = change.reasons
            self.settle()
            legend.coming = {}
            legend.labels.take(change)

    def settle(self) -> None:
        """Add up what was counted since the last time; let go of blocks that are finished."""
        finished = [block for block in self._blocks if block.finished]
        for block in self._blocks:
            attribute(block, self._legend(block.generation))
        self._fold(finished)

    def totals(self) -> Totals:
        """Return all that was counted until now."""
        self.settle()
        return Totals().take([self._settled, *(block.totals for block in self._blocks)])

    def values(self) -> Values:
        """Return the same as metrics."""
        return self.totals().values()

    @property
    def labels(self) -> Labels:
        """The labels of the newest table that is counted with."""
        newest = max((block.generation for block in self._blocks), default=None)
        return no_labels() if newest is None else self._legend(newest).labels

    def rest(self) -> None:
        """Leave the file to another supervisor, which counts on from it and from the workers."""
        self._is_ours = False

    def go_on(self, descriptors: Iterable[int]) -> None:
        """Own the file again; the workers of the other one have counted in the blocks behind these."""
        self._is_ours = True
        self.adopt(descriptors)

    def close(self) -> None:
        """Add up everything: the workers have ended."""
        self._fold(list(self._blocks))

    def _fold(self, blocks: list[Block]) -> None:
        for block in blocks:
            attribute(block, self._legend(block.generation))
            self._settled.take([block.totals])
            self._blocks.remove(block)
            block.close()
        used = {block.generation for block in self._blocks}
        newest = max(self._legends, default=0)
        for generation in [g for g in self._legends if g not in used and g != newest]:
            del self._legends[generation]
        if blocks and self._is_ours:
            self._write()

    def _legend(self, generation: int) -> Legend:
        known = self._legends.get(generation)
        if known is None:
            known = self._legends[generation] = self._look_up(generation)
        return known

    def _look_up(self, generation: int) -> Legend:
        path = table_path(self._directory, generation)
        try:
            table = AnswerTable(map_table(path))
        except GslbError:  # an old one: its answers are counted together
            return Legend(None)
        try:
            labels = Labels.from_json(labels_path(path).read_bytes())
        except (OSError, ValueError) as error:
            _log.warning("answers are counted without labels", table=str(path), reason=str(error))
            labels = no_labels()
        return Legend(table, labels)

    def _read(self) -> Totals:
        path = self._directory / FILE_NAME
        try:
            with path.open("rb") as file:
                return Totals.from_json(file.read(MAX_OCTETS))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            _log.error("counters begin at 0", file=str(path), reason=str(error))
        return Totals()

    def _write(self) -> None:
        """Keep the totals. A loss of power may cost the last ones: nothing waits for the disk."""
        path = self._directory / FILE_NAME
        fresh = path.with_suffix(".new")
        try:
            fresh.write_bytes(self._settled.to_json())
            fresh.replace(path)
        except OSError as error:
            _log.error("counters not kept", file=str(path), reason=error.strerror or str(error))
