"""What should be pushed, as of one moment: policies, world and drains → wishes, made when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from gslb.policy.plan import Plan, ZonePlan
from gslb.push.compile import desire
from gslb.push.model import Desired
from gslb.push.outcome import Wish
from gslb.push.plan import Request
from gslb.push.verify import Question, sample
from gslb.steering.situation import Situation
from gslb.steering.world import World
from gslb.wire.names import to_text


@dataclass(frozen=True)
class Snapshot:
    """One desired state of all zones. What is made of it is kept: copies of a zone share it."""

    plan: Plan
    world: World
    situation: Situation
    generation: int
    _desired: dict[str, Desired] = field(default_factory=dict)
    _questions: dict[str, tuple[Question, ...]] = field(default_factory=dict)

    def zone(self, name: str) -> ZonePlan | None:
        """Return the zone of this name (absolute, lower case), if we serve it."""
        return next((one for one in self.plan.zones if to_text(one.apex).lower() == name), None)

    def desired(self, zone: ZonePlan) -> Desired:
        """Return what a copy of *zone* should hold. Takes seconds for large policies."""
        name = to_text(zone.apex).lower()
        if name not in self._desired:
            self._desired[name] = desire(zone, self.world, self.situation)
        return self._desired[name]

    def wish(self, zone: ZonePlan, request: Request, *, sampled: bool) -> Wish:
        """Return the wish for a copy of *zone*; *sampled*: with questions to verify it by."""
        desired = self.desired(zone)
        name = desired.zone
        if sampled and name not in self._questions:
            self._questions[name] = sample(zone, self.world, self.situation, desired)
        return Wish(desired, request, self._questions[name] if sampled else ())
