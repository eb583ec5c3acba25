"""Synthetic clients stand for all: of every place and class one, with the weight of all of them."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from gslb.policy.types import STEERED_TYPES
from gslb.push.audience import audience
from gslb.push.population import FINEST, ranges
from gslb.steering.classes import compile_classes
from tests.push import lab


@pytest.mark.parametrize("seed", range(12))
def test_every_place_and_class_has_its_first_client_and_all_its_weight(seed: int) -> None:
    """Held against a walk over all ranges, one by one."""
    case = lab.case(Random(seed))
    rtype = STEERED_TYPES["A"]
    classes = compile_classes(case.policy, case.sites, rtype, lab.WORLD)
    people = audience(classes, lab.WORLD)
    view = 0 if classes.resolvers is None else int(classes.resolvers.classes4[0])
    same = np.arange(len(classes.classes), dtype=np.uint16)
    walked: dict[tuple[int, int], tuple[int, int]] = {}
    weights: dict[tuple[int, int], float] = {}
    for family, bits in ((4, 32), (6, 128)):
        columns = ranges(family, classes.views[view], same, lab.WORLD)
        for start, place, kind, size in zip(*(c.tolist() for c in columns), strict=True):
            address = start << bits - FINEST[family]
            walked.setdefault((place, kind), (family, address))
            weights[place, kind] = weights.get((place, kind), 0.0) + size
    total = sum(weights.values())
    assert [(one.client.family, one.client.address) for one in people] == [
        walked[key] for key in sorted(walked)
    ]
    assert [one.cls for one in people] == [classes.classes[kind] for _, kind in sorted(walked)]
    assert [one.weight for one in people] == pytest.approx(
        [weights[key] / total for key in sorted(walked)]
    )
    assert sum(one.weight for one in people) == pytest.approx(1.0)
    assert audience(classes, lab.WORLD) is people
