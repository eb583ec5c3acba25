"""Inventories to try the board with: sites of equal endpoints, one check, one policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gslb.policy.plan import Check, Families, Protect
from gslb.state.inventory import CheckKey, Inventory, take_inventory
from gslb.state.verdicts import Verdict
from healthcheck.model import Status
from tests.steering import lab

CHECK: Check = lab.CHECK
UP = Verdict(Status.UP, Status.UP)
DOWN = Verdict(Status.DOWN, Status.DOWN)


def inventory(
    sizes: dict[str, int],
    removal: tuple[float, float] | None = (0.25, 30.0),
    slow_start: float | None = None,
    damping: bool = False,
    families: Families = Families.TOGETHER,
    panic: float = 0.0,
    drained: Iterable[str] = (),
) -> Inventory:
    """One policy over sites with so many zones of one endpoint (both families) each."""
    held = set(drained)
    where = lab.sites(
        *(
            lab.site(
                name,
                [
                    [
                        lab.endpoint(
                            f"{name}/z{n}",
                            aaaa=lab.address6(f"{name}/z{n}"),
                            drained=lab.DRAIN if f"{name}/z{n}" in held else None,
                        )
                    ]
                    for n in range(size)
                ],
            )
            for name, size in sizes.items()
        )
    )
    policy = lab.policy(
        lab.rule(" ".join(sizes)),
        protect=Protect(slow_start, damping, removal),
        families=families,
    )
    policy = replace(policy, panic=replace(policy.panic, below=panic))
    return take_inventory(lab.plan(lab.zone_plan([policy], where)))


def key(endpoint: str) -> CheckKey:
    return endpoint, CHECK


def keys(found: Inventory, below: str = "") -> list[CheckKey]:
    return [key(one) for one in found.places if one.startswith(below)]
