"""Copies at both providers' doubles: plans, requests, quotas, and drains until they are in sync.

A node, 1000 names that share 20 policies over 40 endpoints in 20 regions. The doubles answer at
once and have a change in sync within half a second: what is measured is ours, pace included.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gslb.fallback.alone import snapshot_of
from gslb.fallback.proposals import described
from gslb.fallback.snapshot import Snapshot
from gslb.push.dialects import DIALECTS
from gslb.push.objects import Actual
from gslb.push.outcome import Proposal
from gslb.push.plan import Request, make_plan
from gslb.settings import Settings
from tests.bench.worlds import SITES
from tests.doubles.base import Double
from tests.system.copies import Providers, Pushed
from tests.system.nodes import until

NAMES, POLICIES, REGIONS = 1000, 20, 20
DRAINED = SITES[0]
COMMITS = {"ChangeResourceRecordSets", "dns.changes.create"}
PAUSE = 11.0  # seconds between two drains: longer than the gap between pushes that are none


def policy_text() -> Iterator[str]:
    """Yield the lines of the policy file."""
    yield "version: 1"
    yield "dns:"
    yield "  zone: example.com"
    yield "  nameservers: {ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}"
    yield "defaults: {ttl: 30, check: https}"
    yield "checks: {https: {type: https, port: 443, path: /healthz}}"
    yield "sites:"
    for number, site in enumerate(SITES[:REGIONS]):
        ends = ", ".join(f"z{z}: {{A: 203.0.113.{2 * number + z}}}" for z in (1, 2))
        yield f"  {site}: {{zones: {{{ends}}}}}"
    yield "policies:"
    for p in range(POLICIES):
        home, other, spare = (SITES[(p + step) % REGIONS] for step in (0, 3, 7))
        yield f"  p{p}:"
        yield "    rules:"
        yield f"      - {{name: europe, when: {{area: europe}}, to: {other}, then: [{home}]}}"
        yield f"      - {{name: rest, to: {{{home}: 60, {other}: 40}}, then: [{spare}]}}"
    yield "records:"
    for n in range(NAMES):
        yield f"  n{n}.example.com: {{policy: p{n % POLICIES}}}"


def measure(folder: Path, rounds: int = 6) -> None:
    """Print what plans, pushes and drains take."""
    print(f"push       {NAMES} names, {POLICIES} policies, {2 * REGIONS} endpoints")
    for name, first, again in _thinking(folder):
        print(f"           {name:9s} a plan takes {first:.1f} s of CPU, the next one {again:.1f} s")
    with Providers(folder) as providers:
        node = Pushed(folder / "node", providers.settings, providers.environment)
        node.policy.write_text("\n".join(policy_text()))
        doubles = {"route53": providers.aws, "clouddns": providers.google}
        try:
            node.start()
            until(lambda: node.states() == {"held"}, "the copies wait for a first plan", 120.0)
            for name, double in doubles.items():
                _begin(node, name, double)
            until(lambda: node.states() == {"insync"}, "both copies are up", 300.0)
            drains = [_drain(node, doubles) for _ in range(rounds)]
        finally:
            node.stop()
    seconds = [took for took, _ in drains]
    print(
        f"           drain of {DRAINED}, from the call to in sync at both: median"
        f" {statistics.median(seconds):.1f} s, worst {max(seconds):.1f} s (limit 5); batches"
        f" {max(batches for _, batches in drains)} at most (limit 2); {len(drains)} drains"
    )


def _thinking(folder: Path) -> Iterator[tuple[str, float, float]]:
    """Yield by provider the CPU of a first plan, measured on the whole world, and of another one."""
    file = folder / "policies.yaml"
    file.write_text("\n".join(policy_text()))
    settings = Settings(policies=(file,), state_directory=folder)
    for name in DIALECTS:
        snapshot = snapshot_of(settings)
        took = []
        for generation in (1, 2):
            before = time.process_time()
            now = Snapshot(snapshot.plan, snapshot.world, snapshot.situation, generation)
            zone = now.zone("example.com.")
            assert zone is not None
            wish = now.wish(zone, Request("bench", generation), sampled=True)
            rendered = DIALECTS[name].render(wish.desired, "bench")
            plan = make_plan(DIALECTS[name], wish.desired, rendered, Actual(), wish.request)
            described(now, zone, Proposal(wish, rendered, Actual(), plan), DIALECTS[name])
            took.append(time.process_time() - before)
        yield name, took[0], took[1]


def _begin(node: Pushed, name: str, double: Double) -> None:
    """Have the first plan of a copy made and carried out."""
    seen, began = len(double.calls), time.monotonic()
    _, out, error = node.run("push", "plan", "--provider", name, "--json")
    took = time.monotonic() - began
    assert out, error
    (plan,) = json.loads(out)
    quota = ", ".join(f"{used} of {most} {what}" for what, (used, most) in plan["quota"].items())
    stops = "; ".join(f"{one['kind']}: {one['text']}" for one in plan["stops"] if one["holds"])
    print(
        f"           {name:9s} plan {took:.1f} s (limit 5), {len(double.calls) - seen} requests;"
        f" {quota}; {plan['batches']} batches{'; STOPPED ' if stops else ''}{stops}"
    )
    print(f"           {'':9s} {_lost(plan)}")
    seen, began = len(double.calls), time.monotonic()
    _, out, error = node.run("push", "apply", plan["hash"], "--force")
    took = time.monotonic() - began
    assert "insync" in out, out + error
    calls = [one.at for one in double.calls[seen:] if one.operation != "token"]
    print(
        f"           {'':9s} push {took:.1f} s, {len(calls)} requests, {_most(calls)} in a second"
        " at most (limit 5)"
    )


def _lost(plan: Mapping[str, Any]) -> str:
    """Return how far a copy is from ours, in words."""
    records = [one["differs"] for one in plan["records"]]
    means = [
        f"{statistics.fmean(one[when] for one in records):.1%} while {words}"
        for when, words in (("all_up", "all is up"), ("one_site_down", "a site is down"))
    ]
    sharing = sum(
        any(loss["code"] == "probe.shared" for loss in one["losses"]) for one in plan["records"]
    )
    return (
        f"answers that differ from ours, mean of {len(records)} policies: {', '.join(means)};"
        f" {sharing} share probes"
    )


def _most(times: Sequence[float]) -> int:
    """Return the most of *times*, which ascend, within a second."""
    return max((sum(at <= one < at + 1.0 for one in times) for at in times), default=0)


def _drain(node: Pushed, doubles: dict[str, Double]) -> tuple[float, int]:
    """Drain a region and end that; return seconds until in sync, and batches at one provider."""
    time.sleep(PAUSE)
    seen = {name: len(double.calls) for name, double in doubles.items()}
    began = time.monotonic()
    body = {"location": DRAINED, "reason": "bench"}
    made = node.api.call("POST", "/drains", body, {"wait": "push"}, 120)
    took = time.monotonic() - began
    assert {one["state"] for one in made["copies"]} == {"insync"}, made["copies"]
    batches = [
        sum(one.operation in COMMITS for one in double.calls[seen[name] :])
        for name, double in doubles.items()
    ]
    for name, double in doubles.items():
        calls = [one.at for one in double.calls[seen[name] :] if one.operation != "token"]
        assert _most(calls) <= 5, calls  # counted at the other end
    time.sleep(PAUSE)
    node.api.call("DELETE", f"/drains/{made['drain']['id']}", None, {"wait": "push"}, 120)
    return took, max(batches)
