"""Policies of a chosen size, on real cloud regions, for measuring."""

from __future__ import annotations

from collections.abc import Iterator

SITES = [
    *(f"aws/{r}" for r in (
        "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1",
        "eu-west-2", "eu-central-1", "eu-north-1", "ap-northeast-1", "ap-southeast-1", "ap-southeast-2",
        "ap-south-1", "me-south-1", "af-south-1",
    )),
    *(f"gcp/{r}" for r in (
        "us-central1", "us-east1", "us-west1", "southamerica-east1", "europe-west1", "europe-west3",
        "europe-north1", "asia-east1", "asia-northeast1", "asia-southeast1", "asia-south1",
        "australia-southeast1",
    )),
    *(f"azure/{r}" for r in (
        "eastus", "westus2", "brazilsouth", "northeurope", "westeurope", "japaneast", "southeastasia",
        "australiaeast", "southafricanorth", "uaenorth",
    )),
    "alibaba/cn-shanghai", "alibaba/cn-beijing",
]  # fmt: skip
ZONES, ENDPOINTS = 5, 2  # 40 sites × 5 zones × 2 endpoints = 400 endpoints
POLICIES = 20


def policy_text(names: int, zone: str = "bench.test") -> Iterator[str]:
    """Yield the lines of one policy file: *names* steered names sharing 20 rule lists."""
    yield "version: 1"
    yield "dns:"
    yield f"  zone: {zone}"
    yield f"  nameservers: {{ns1.{zone}: [127.0.0.1], ns2.{zone}: [127.0.0.2]}}"
    yield "  static: |"
    yield "    static 30 A 192.0.2.99"
    yield "defaults: {ttl: 30, answer: {count: 2, spread: zone}, check: https}"
    yield "checks:"
    yield "  https: {type: https, port: 443, path: /healthz, every: 5s, timeout: 2s}"
    yield "sites:"
    for s, site in enumerate(SITES):
        yield f"  {site}:"
        if site.startswith("alibaba/cn"):
            yield "    check: {use: https, from: [cn]}"
        yield "    zones:"
        for z in range(ZONES):
            ends = ", ".join(
                f'{{A: 10.{s}.{z}.{e + 1}, AAAA: "2001:db8:{s:x}:{z:x}::{e + 1:x}"}}'
                for e in range(ENDPOINTS)
            )
            yield f"      z{z + 1}: [{ends}]"
    yield "policies:"
    for p in range(POLICIES):
        yield from _policy(p)
    yield "records:"
    for n in range(names):
        yield f"  n{n}.{zone}: {{policy: p{n % POLICIES}}}"


def _policy(p: int) -> Iterator[str]:
    aws, gcp, azure = SITES[:16], SITES[16:28], SITES[28:38]
    home = [aws[p % 16], gcp[p % 12], azure[p % 10]]
    spare = [aws[(p + 5) % 16], gcp[(p + 5) % 12]]
    yield f"  p{p}:"
    yield "    rules:"
    yield "      - name: mainland-china"
    yield "        when: {area: CN}"
    yield "        to: [alibaba/cn-shanghai, alibaba/cn-beijing]"
    yield f"        then: [{spare[0]}]"
    if p % 4 == 0:
        yield "      - name: eu-residency"
        yield "        when: {area: [eu27, GB, CH, NO, IS]}"
        yield "        to: {aws/eu-central-1: 60, aws/eu-west-1: 40}"
        yield "        fence: true"
    if p % 5 == 1:
        yield "      - name: carriers"
        yield "        when: {area: [US, BR], asn: [7018, 7922, 28573]}"
        yield f"        to: {home[0]}"
        yield f"        then: [{spare[1]}]"
    yield "      - name: everyone-else"
    yield f"        pick: {('share', 'latency', 'nearest', 'latency')[p % 4]}"
    yield f"        to: {{{home[0]}: 50, {home[1]}: 30, {home[2]}: 20}}"
    yield f"        then: [{', '.join(spare)}]"
