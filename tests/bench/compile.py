"""From policy files to a served table, timed step by step, with the peak of memory.

    python -m tests.bench.compile POLICY.yaml NAMES

Run in a process of its own, because the peak of memory belongs to a process.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gslb.answers.model import TableContent
from gslb.answers.pack import pack
from gslb.answers.patch import TableWriter
from gslb.answers.table import AnswerTable
from gslb.answers.verify import verify
from gslb.geo.load import load_world_geo
from gslb.policy.compile import compile_policies
from gslb.steering.lint import lint_plan
from gslb.steering.render import Renderer
from gslb.steering.situation import Health, Situation, Status
from gslb.steering.world import make_world


def main() -> None:
    """Print one line of JSON: seconds by step, peak MiB, octets a name, milliseconds a flip."""
    path, names = Path(sys.argv[1]), int(sys.argv[2])
    steps: dict[str, float] = {}
    clock = time.perf_counter

    def lap(name: str, since: float) -> float:
        now = clock()
        steps[name] = round(now - since, 3)
        return now

    at = start = clock()
    plan, problems = compile_policies([path])
    assert plan is not None, problems[:5]
    at = lap("read and check", at)
    world = make_world(load_world_geo().table, datetime.now(UTC))
    at = lap("geography", at)
    lint_plan(plan, world)
    at = lap("lint", at)
    situation = Situation(at=datetime.now(UTC))
    renderer = Renderer(plan, world, serial=1)
    content = renderer.content(situation)
    at = lap("decide and render", at)
    octets = pack(content, generation=1, built_at=int(time.time()))
    at = lap("pack", at)
    bad = verify(octets)
    assert not bad, bad[:5]
    at = lap("verify", at)
    AnswerTable(memoryview(octets))
    lap("open", at)
    total = clock() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    writer = TableWriter(bytearray(octets))
    flips = []
    endpoints = [e for zone in plan.zones for site in zone.sites.values() for e in site.endpoints]
    checks = {
        e.id: {p.checks[site.name] for p in zone.policies if site.name in p.checks}
        for zone in plan.zones
        for site in zone.sites.values()
        for e in site.endpoints
    }
    for endpoint in endpoints[:: max(1, len(endpoints) // 40)]:
        for status in (Status.DOWN, Status.UP):
            health = dict(situation.health)
            for check in checks[endpoint.id]:
                health[endpoint.id, check] = Health(status, status)
            situation = replace(situation, health=health)
            begin = clock()
            writer.patch(renderer.patch(situation))
            flips.append((clock() - begin) * 1e3)
    flips.sort()
    name_octets = sum(len(name) for zone in content.zones for name, _ in zone.names)
    one = len(pack(few_names(content), generation=1, built_at=0))
    print(json.dumps({
        "names": names, "seconds": round(total, 2), "steps": steps, "peak_mib": round(peak),
        "table_octets": len(octets), "octets_a_name": round((len(octets) - one - name_octets) / names, 1),
        "flip_ms": {"median": round(flips[len(flips) // 2], 2), "max": round(flips[-1], 2)},
    }))  # fmt: skip


def few_names(content: TableContent) -> TableContent:
    """Return the same table with a handful of names, to tell what the names themselves take."""
    zones = (
        replace(zone, names=sorted(zone.names, key=lambda name: len(name[0]))[:100])
        for zone in content.zones
    )
    return replace(content, zones=tuple(zones))


if __name__ == "__main__":
    main()
