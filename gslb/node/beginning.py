"""What `gslb serve` does before it knows its settings, and before the supervisor is loaded.

Nothing large is imported here: workers start at once, and load their own program meanwhile.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from gslb.node.recruits import Recruits

if TYPE_CHECKING:
    from gslb.node.inputs import Inputs
    from gslb.node.outset import Outset
    from gslb.node.start import Start


class EarlySignals:
    """Signals that come before the event loop can be told of them."""

    def __init__(self) -> None:
        """Keep a word to stop for later; the files that one to reload means are read anyway."""
        self.told_to_stop = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, lambda *_: None)  # not SIG_IGN, which children inherit

    def _stop(self, *_: object) -> None:
        self.told_to_stop = True


class Beginning:
    """What has begun before the supervisor is loaded. Its end, `give_up`, must not be forgotten."""

    def __init__(self, recruits: int = 0, signals: EarlySignals | None = None) -> None:
        """Start so many workers without orders; *signals* came until now."""
        self.began = time.monotonic()
        self._signals = signals
        self.recruits = Recruits.start(recruits)
        self._start: Start | None = None
        self._outset: Outset | None = None
        self._digest: str | None = None  # of what the settings are read from
        self._is_behind = False

    def begin(self, outset: Outset) -> Start:
        """Begin to answer, unless that was done. Raises LockedError, or GslbError: it cannot be."""
        if self._start is None:
            from gslb.node.start import begin  # noqa: PLC0415 - the recruits do not wait for it

            self._start, self._outset = begin(outset, self.recruits), outset
        elif outset != self._outset:
            from gslb.errors import GslbError  # noqa: PLC0415 - as above
            from gslb.node.remembered import forget  # noqa: PLC0415

            forget(outset.state_directory)
            raise GslbError(
                "the settings were changed while they were read, or mean something else to this"
                " version than to the one before; start again"
            )
        return self._start

    def recall(self, inputs: Inputs) -> Outset | None:
        """Return what the last start with these *inputs* began with, if that is known."""
        from gslb.node.remembered import recall  # noqa: PLC0415 - as above

        self._digest = inputs.digest()
        return recall(inputs)

    def remember(self, outset: Outset) -> None:
        """Keep *outset* for the next start with the same inputs, if somebody asked for these."""
        from gslb.node.remembered import remember  # noqa: PLC0415 - as above

        if self._digest is not None:
            remember(self._digest, outset)

    @property
    def told_to_stop(self) -> bool:
        """Whether somebody wants us to end already."""
        return self._signals is not None and self._signals.told_to_stop

    def let_workers_go_first(self) -> None:
        """Step behind the workers, from now on; once, whoever says it."""
        if not self._is_behind:
            from gslb.priority import let_workers_go_first  # noqa: PLC0415 - as above

            let_workers_go_first()
            self._is_behind = True

    @property
    def has_begun(self) -> bool:
        """Whether `begin` was called."""
        return self._start is not None

    def hand_over(self) -> None:
        """Leave the workers to somebody who ends them."""
        self._start = None

    def give_up(self) -> None:
        """End whatever was not handed over."""
        self.recruits.dismiss()
        if self._start is not None:
            self._start.give_up()
            self._start = None
