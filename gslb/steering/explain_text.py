"""An explanation as text for a terminal: who, which site, which zones, the answer, what if."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gslb.steering.existence import Outcome
from gslb.steering.explanation import ClientLine, EndpointLine, Explanation, RuleLine, SiteLine
from gslb.steering.model import Level, Reason
from gslb.steering.wording import percent, unequal

LABEL = 10  # columns in front of every line
MAX_ALTERNATIVES = 8  # answers that are written out; the rest is counted


def explain_text(story: Explanation) -> str:
    """Return *story* as lines of text, ready to print."""
    lines = [_head(story)]
    if story.client is not None:
        lines += _block("client", [_client(story.client)])
    lines += _block(" who", [line for rule in story.rules for line in _rule(rule)])
    lines += _block(" site", _sites(story))
    lines += _block(" zone", _endpoints(story.endpoints, story))
    lines += _block(" answer", _answers(story))
    if story.what_if:
        lines += _block(" if", [story.what_if])
    lines += _block(" note", story.notes)
    return "\n".join(lines)


def _block(label: str, lines: Iterable[str]) -> list[str]:
    """Put *label* in front of the first of *lines*, and as many blanks in front of the others."""
    return [
        f"{label if number == 0 else '':{LABEL}}{line}".rstrip()
        for number, line in enumerate(lines)
    ]


def _head(story: Explanation) -> str:
    question = f"{story.name} {story.rtype}"
    if story.client is not None:
        question += f" for {story.client.asked}"
    policy = f"policy {story.policy} of " if story.policy else ""
    return f"{question}   {policy}{story.plan}"


def _client(client: ClientLine) -> str:
    place = f"{client.area or 'unknown place'} (precision: {client.precision})"
    asn = f"AS{client.asn}" if client.asn else "AS unknown"
    scope = "" if client.scope is None else f" → answer scope /{client.scope}"
    return f"{place}   {asn}   from {client.source}{scope}"


def _rule(rule: RuleLine) -> Iterator[str]:
    """Yield the rule with its first reason, and the other reasons below it."""
    if rule.decides:
        why = "; ".join(f"{r.key} {r.wanted}: {r.got}" for r in rule.reasons) or "everybody"
        yield f"✓ {rule.name}   {why}   {rule.how}"
        return
    failed = [f"{r.key} {r.wanted}: {r.got}" for r in rule.reasons if not r.ok]
    yield f"{'✓' if rule.matched else '✗'} {rule.name}   {'; '.join(failed)}"


def _sites(story: Explanation) -> Iterator[str]:
    width = max((len(line.site) for line in story.sites), default=0)
    for line in story.sites:
        yield f"{line.site:{width}}  {_site(line)}"
    for line in story.sites:
        if line.share > 0 or line.kept < 1 - 1e-9:
            yield f"capacity {line.site} {_capacity(line)}"


def _site(line: SiteLine) -> str:
    parts = []
    if line.ms is not None:
        parts.append(f"{line.ms:4.0f} ms")
    elif line.weight is None:
        parts.append("then")
    else:
        parts.append(f"share {line.weight}")
    if line.basis:
        parts.append(line.basis)
    if line.slower_ms is not None:
        parts.append(f"{line.slower_ms:.0f} ms slower" if line.slower_ms > 0 else "← best")
    why = (
        f" ({line.reason.replace('_', ' ')})" if line.reason not in {None, Reason.PREFERRED} else ""
    )
    parts.append(f"{percent(line.share)} of the answers{why}" if line.share else "no answers")
    return "  ".join(parts)


def _capacity(line: SiteLine) -> str:
    """Say what the site keeps of its own traffic, and from which capacity on it would keep all."""
    sign = "≥" if line.kept >= 1 else "<"
    kept = "its full share" if line.kept >= 1 else f"{percent(line.kept)} of its share"
    if line.kept <= 0:
        kept = "nothing"
    capacity, needed = percent(line.capacity), percent(line.needed)
    if line.kept < 1:
        capacity, needed = unequal(line.capacity, line.needed)
    headroom = percent(1 / line.needed - 1)
    return f"{capacity} {sign} {needed} needed with headroom {headroom}: keeps {kept}"


def _endpoints(endpoints: Iterable[EndpointLine], story: Explanation) -> Iterator[str]:
    lines = list(endpoints)
    alone = len({line.site for line in lines}) == 1  # then the site needs no saying
    names = [line.endpoint[len(line.site) + 1 :] if alone else line.endpoint for line in lines]
    addresses = [", ".join(line.addresses) or "not resolved" for line in lines]
    wide = max(map(len, names), default=0), max(map(len, addresses), default=0)
    for line, name, address in zip(lines, names, addresses, strict=True):
        state = f"{line.status} {line.detail}".strip()
        if line.drained:
            state = f"drained {line.drained}"
        chance = f"   chance {percent(line.chance)}" if line.chance > 0 else ""
        if line.chance > 0 and story.level is not Level.HEALTHY and line.status == "down":
            chance += " (health ignored)"
        yield f"{name:{wide[0]}}  {address:{wide[1]}}  {state}{chance}"


def _answers(story: Explanation) -> Iterator[str]:
    ttl = "" if story.ttl is None else f"   TTL {story.ttl}"
    turns = "   order rotates" if story.rotates else ""
    turns += "   sticky by client prefix" if story.sticky else ""
    if not story.answers or not any(answer.records for answer in story.answers):
        what = {Outcome.REFERRAL: "referral"}.get(story.outcome, "no records")
        yield f"{what}{ttl}   {story.rcode}"
        return
    shown = story.answers[:MAX_ALTERNATIVES]
    if len(story.answers) == 1:
        yield f"{', '.join(shown[0].records)}{ttl}{turns}   {story.rcode}"
        return
    yield f"one of {len(story.answers)}{ttl}{turns}   {story.rcode}"
    for answer in shown:
        yield f"{percent(answer.chance):>5}  {', '.join(answer.records)}"
    if len(story.answers) > len(shown):
        yield f"  and {len(story.answers) - len(shown)} more"
