"""The board's overlay as the situation that steering decides by: the one place that knows both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gslb.state.board import Overlay, Standing
from gslb.state.inventory import CheckKey
from gslb.steering.situation import AliasAddresses, Health, Situation, Status

_STATUS = {status.value: status for status in Status}


class Situations:
    """Makes situations of one board's overlays; what did not change is not made again."""

    def __init__(self) -> None:
        """Nothing has been made."""
        self._health: dict[CheckKey, Health] = {}
        self._number = 0

    def of(
        self, overlay: Overlay, aliases: Mapping[bytes, AliasAddresses], at: datetime
    ) -> Situation:
        """Return what is true at *at* (aware), by *overlay* and with *aliases* as resolved last."""
        if overlay.number == self._number + 1:
            for key in overlay.changed:
                standing = overlay.standings.get(key)
                if standing is None:
                    self._health.pop(key, None)
                else:
                    self._health[key] = health_of(standing)
        elif overlay.number != self._number or not overlay.number:
            self._health = {key: health_of(one) for key, one in overlay.standings.items()}
        self._number = overlay.number
        return Situation(
            at=at,
            health=dict(self._health),
            drains=overlay.drains,
            aliases=aliases,
            leaving=overlay.leaving,
            lifted=overlay.lifted,
        )


def health_of(standing: Standing) -> Health:
    """Return *standing* in the words of steering."""
    return Health(
        _STATUS[standing.v4.value], _STATUS[standing.v6.value], standing.ramp, standing.detail
    )
