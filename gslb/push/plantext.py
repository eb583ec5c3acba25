"""A plan as people and programs read it: JSON values, and from these text or Markdown.

What is told comes in the order of what matters: who is answered otherwise, what is stopped, what
the copy cannot say, what it costs; record sets one by one only for those who ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gslb.push.fidelity import SAME, Fidelity, Verdict
from gslb.push.losses import Severity
from gslb.push.objects import Change, manifest_name
from gslb.push.plan import PASSABLE, Plan
from gslb.push.traffic import Traffic, moved

Said = Mapping[str, Any]  # JSON values
FORCE = "--force"
SIGNS = {"create": "+", "update": "~", "delete": "-"}
SHOWN = 12  # lines of one list in a text for people; JSON has all


def plan_json(
    plan: Plan, fidelity: Sequence[Fidelity], found: Sequence[Traffic], *, fresh: bool = False
) -> dict[str, Any]:
    """Return all of *plan* as JSON values.

    Args:
        plan: the plan.
        fidelity: how true the copy is that it makes.
        found: what it does to traffic.
        fresh: the zone was not read: it is taken to be empty.
    """
    held = set(plan.blocked)
    changes = [one for one in plan.changes if one.rrset.name != manifest_name(plan.zone)]
    return {
        "provider": plan.provider,
        "zone": plan.zone,
        "owner": plan.request.owner,
        "hash": plan.hash,
        "generation": plan.request.generation,
        "replaces": plan.parent.generation if plan.parent is not None else None,
        "empty": plan.empty,
        "assumed_empty": fresh,
        "moved": moved(found),
        "traffic": [one.to_json() for one in found],
        "counts": dict(plan.counts),
        "changes": [_change(one) for one in changes],
        "batches": len(plan.batches),
        "checks": {
            "create": sum(one.kind == "check" for one in plan.create),
            "unused": len(plan.unused),
        },
        "records": [one.to_json() for one in fidelity],
        "stops": [
            {
                "kind": stop.kind.value,
                "text": stop.text,
                "holds": stop in held,
                "passed_by": FORCE if stop.kind in PASSABLE else None,
            }
            for stop in plan.stops
        ],
        "warnings": [
            {"why": one.why, "addresses": list(one.addresses), "names": list(one.names)}
            for one in plan.warnings
        ],
        "conflicts": [str(one) for one in plan.conflicts],
        "refusals": [
            {
                "policy": one.policy,
                "type": one.rtype,
                "names": list(one.names),
                "reason": one.reason,
            }
            for one in plan.refusals
        ],
        "cost": {"before": plan.cost[0], "after": plan.cost[1]},  # US dollars a month
        "quota": {what: list(pair) for what, pair in plan.quota.items()},
    }


def _change(change: Change) -> dict[str, Any]:
    one = change.rrset
    return {
        "action": change.action.value,
        "name": one.name,
        "type": one.rtype,
        "identifier": one.ident,
        "old": dict(change.old.body) if change.old is not None else None,
        "new": dict(change.new.body) if change.new is not None else None,
    }


def blocked(said: Said) -> list[Said]:
    """Return the stops that hold."""
    return [stop for stop in said["stops"] if stop["holds"]]


# --- text ---


def plan_text(said: Said, *, verbose: bool = False) -> list[str]:
    """Return what `plan_json` said as lines for a terminal."""
    counts = said["counts"]
    since = "" if said["replaces"] is None else f", in place of {said['replaces']}"
    lines = [
        (
            f"{said['provider']} {said['zone']}  owner {said['owner']},"
            f" generation {said['generation']}{since}"
        )
    ]
    if said["assumed_empty"]:
        lines.append("  the zone was not read; it is taken to be empty")
    if said["empty"]:
        lines.append("  no changes: the copy is as it should be")
    else:
        lines += _few(_traffic_lines(said), "  ", verbose=verbose)
        lines.append(
            f"  record sets  + {counts['create']}  ~ {counts['update']}  - {counts['delete']}"
            f"  ({counts['owned']} are ours, {counts['foreign']} of others are left alone)"
        )
        if verbose:
            lines += [f"    {line}" for line in _changes(said)]
        lines.append(f"  traffic      {_percent(said['moved'])} of the answers differ")
    lines += _listed("  losses", _fidelity_lines(said), verbose=verbose)
    lines += [f"  WARNING      {line}" for line in _warnings(said)]
    lines += _listed("  conflicts: left alone", said["conflicts"], verbose=verbose)
    lines += _listed("  not pushed: what is there stays", _refusals(said), verbose=verbose)
    lines.append(f"  costs        {_cost(said)}")
    lines.append(f"  quota        {_quota(said)}")
    lines += [f"  STOPPED      {line}" for line in _stops(said)]
    return [*lines, *_end(said)]


def _few(lines: Iterable[str], indent: str, *, verbose: bool) -> list[str]:
    found = [indent + line for line in lines]
    if verbose or len(found) <= SHOWN:
        return found
    return [*found[:SHOWN], f"{indent}… {len(found) - SHOWN} more lines; --verbose has them"]


def _listed(title: str, lines: Iterable[str], *, verbose: bool) -> list[str]:
    found = _few(lines, "    ", verbose=verbose)
    return [title, *found] if found else []


def _traffic_lines(said: Said) -> Iterator[str]:
    """Yield which names are answered otherwise, and how."""
    same = 0
    for one in said["traffic"]:
        names = _names(one["names"])
        if one["new"]:
            yield f"+ {names}  {one['type']}  {_mix(one['after'])}"
        elif one["differs"] > SAME:
            yield f"~ {names}  {one['type']}  {_percent(one['differs'])} of the answers differ:"
            for rdata in sorted({*one["before"], *one["after"]}):
                old, new = (one[side].get(rdata, 0.0) for side in ("before", "after"))
                if abs(old - new) > SAME:
                    why = "  (drained)" if rdata in one["drained"] else ""
                    yield f"    {rdata:<24} {_percent(old)} → {_percent(new)}{why}"
        else:
            same += len(one["names"])
    gone = {(one["name"], one["type"]) for one in said["changes"] if one["action"] == "delete"}
    kept = {(one["name"], one["type"]) for one in said["changes"] if one["new"] is not None}
    for name, rtype in sorted(gone - kept):
        if not name.startswith("_"):
            yield f"- {name}  {rtype}"
    if same:
        yield f"= {same} name{'' if same == 1 else 's'} and types answered as before"


def _mix(mix: Mapping[str, float]) -> str:
    parts = [f"{rdata} {_percent(share)}" for rdata, share in sorted(mix.items())]
    more = f", … {len(parts) - 4} more" if len(parts) > 4 else ""
    return ", ".join(parts[:4]) + more


def _names(names: Sequence[str]) -> str:
    more = len(names) - 1
    return names[0] + (f" and {more} more" if more else "")


def _changes(said: Said) -> Iterator[str]:
    for one in said["changes"]:
        ident = f"  {one['identifier']}" if one["identifier"] else ""
        yield f"{SIGNS[one['action']]} {one['name']} {one['type']}{ident}"


def _fidelity_lines(said: Said) -> Iterator[str]:
    """Yield how true the copy of each record is."""
    exact = [one for one in said["records"] if one["verdict"] == Verdict.EXACT]
    for one in said["records"]:
        if one["verdict"] == Verdict.IMPOSSIBLE:
            yield f"impossible    {_names(one['names'])} {one['type']}: {one['reason']}"
        elif one["verdict"] == Verdict.APPROXIMATED:
            differs = one["differs"]
            yield (
                f"approximated  {_names(one['names'])} {one['type']}:"
                f" {_percent(differs['all_up'])} of the answers differ from ours while all is up,"
                f" {_percent(differs['one_site_down'])} while a site is down"
            )
            for loss in one["losses"]:
                if loss["severity"] != Severity.INFO:
                    yield f"  {_loss(loss)}"
    if exact:
        yield f"exact         {len(exact)} of {len(said['records'])} policies and types"


def _loss(loss: Said) -> str:
    about = f" ({loss['about']})" if loss["about"] else ""
    return (
        f"{loss['severity']:<9} {loss['code']}{about}: wanted: {loss['wanted']};"
        f" given: {loss['given']}"
    )


def _refusals(said: Said) -> Iterator[str]:
    for one in said["refusals"]:
        yield f"{_names(one['names'])} {one['type']}: {one['reason']}"


def _warnings(said: Said) -> Iterator[str]:
    """Yield which addresses will not answer the provider's probes, by kind."""
    for one in said["warnings"]:
        shown = ", ".join(one["addresses"][:4])
        more = len(one["addresses"]) - 4
        yield (
            f"no probe from the cloud is answered by {shown}{f', … {more} more' if more > 0 else ''}"
            f" ({one['why']}): {_names(one['names'])}"
        )


def _cost(said: Said) -> str:
    before, after = said["cost"]["before"], said["cost"]["after"]
    checks = said["checks"]
    return (
        f"health checks {before:.2f} → {after:.2f} US dollars a month by list price"
        f" ({checks['create']} new, {checks['unused']} no longer needed)"
    )


def _quota(said: Said) -> str:
    return ", ".join(
        f"{used} of {allowed} {what}" for what, (used, allowed) in said["quota"].items()
    )


def _stops(said: Said) -> Iterator[str]:
    for stop in blocked(said):
        if stop["passed_by"]:
            yield f"{stop['kind']}: {stop['text']}; {stop['passed_by']} goes on all the same"
        else:
            yield f"{stop['kind']}: {stop['text']}; nothing overcomes this"


def _end(said: Said) -> Iterator[str]:
    if said["assumed_empty"]:
        yield f"  plan {said['hash']} (of an empty zone: to be read, not applied)"
    elif not said["empty"]:
        yield f"  plan {said['hash']}; to carry it out: {apply_command(said)}"


def apply_command(said: Said) -> str:
    """Return the command that carries the plan out, or why there is none."""
    stops = blocked(said)
    if any(stop["passed_by"] is None for stop in stops):
        return "not possible while it is stopped"
    return f"gslb push apply {said['hash']}" + (f" {FORCE}" if stops else "")


def _percent(share: float) -> str:
    """Return *share* of 1: as many decimals as tell it from none and from all."""
    for digits in (0, 1, 2):
        text = f"{share * 100:.{digits}f}"
        if share in {0.0, 1.0} or float(text) not in {0.0, 100.0}:
            return f"{text} %"
    return "< 0.01 %" if share < 0.5 else "> 99.99 %"


# --- Markdown ---


def plan_markdown(said: Said) -> list[str]:
    """Return what `plan_json` said as Markdown, for a comment on a pull request."""
    counts = said["counts"]
    lines = [f"### {_code(said['provider'])} {_code(said['zone'])}", ""]
    if said["assumed_empty"]:
        lines += ["> The zone was not read; it is taken to be empty.", ""]
    stops = list(_stops(said))
    if stops:
        lines += ["> **Stopped**", *(f"> - {_cell(line)}" for line in stops), ""]
    if said["empty"]:
        lines += ["No changes: the copy is as it should be.", ""]
    else:
        lines += [
            (
                f"**{_percent(said['moved'])}** of the answers differ;"
                f" record sets: **+{counts['create']} ~{counts['update']} -{counts['delete']}**"
                f" ({counts['owned']} ours, {counts['foreign']} of others left alone)."
            ),
            "",
            "```diff",
            *_few(_traffic_lines(said), "", verbose=False),
            "```",
            "",
        ]
    lines += [
        "| record | type | copy | all up | a site down |",
        "|---|---|---|---|---|",
        *(
            f"| {_cell(_names(one['names']))} | {one['type']} | {_verdict(one)}"
            f" | {_percent(one['differs']['all_up'])} | {_percent(one['differs']['one_site_down'])} |"
            for one in said["records"]
        ),
        "",
    ]
    if warnings := list(_warnings(said)):
        lines += ["> **Warning**", *(f"> - {_cell(line)}" for line in warnings), ""]
    losses = list(
        dict.fromkeys(
            _cell(_loss(loss))
            for one in said["records"]
            for loss in one["losses"]
            if loss["severity"] != Severity.INFO
        )
    )
    if losses:
        lines += ["<details><summary>Losses</summary>", "", *(f"- {one}" for one in losses), ""]
        lines += ["</details>", ""]
    for title, found in (
        ("Conflicts, left alone", said["conflicts"]),
        ("Not pushed, what is there stays", list(_refusals(said))),
    ):
        if found:
            lines += [f"**{title}**", "", *(f"- {_cell(line)}" for line in found), ""]
    lines += [f"Costs: {_cell(_cost(said))}. Quota: {_cell(_quota(said))}.", ""]
    return [*lines, *(f"_{line.strip()}_" for line in _end(said))]


def _verdict(one: Said) -> str:
    return f"{one['verdict']}: {_cell(one['reason'])}" if one["reason"] else str(one["verdict"])


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    """Return *text* so that it stays in its cell or line, as it is."""
    for sign in "\\`*_|<>[]":
        text = text.replace(sign, "\\" + sign)
    return text
