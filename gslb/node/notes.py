"""What keeps checks of the plan from being run, in words."""

from __future__ import annotations

from dataclasses import dataclass

from gslb.node.checker import Limits
from gslb.node.probing import Probing
from gslb.settings import Settings


def limits_of(settings: Settings) -> Limits:
    """Return what the node's own settings let its checks touch."""
    probes = settings.probes
    return Limits(
        allow=(*probes.allow, *(one.address for one in probes.references)),  # its own word, too
        execute=probes.exec,
        deny=probes.deny,
        ports=probes.allow_port,
        sockets=tuple(map(str, settings.sockets)),
    )


@dataclass(frozen=True, slots=True)
class NotRun:
    """Probes that this node's own checker leaves out, and why checks are not run, a line each."""

    probes: int = 0
    notes: tuple[str, ...] = ()


def what_is_not_run(probing: Probing, limits: Limits, checker: str) -> NotRun:
    """Return what of *probing* is not run by *checker*, this node's own."""
    notes = []
    if probing.elsewhere:
        notes.append(
            f"{_count(probing.elsewhere, 'check')} for other checkers (from:); none of those"
            f" votes here ({checker} does), so their endpoints count as up"
        )
    ours = probing.probes_for(checker)
    commands = sum(probe.type == "exec" for probe in ours)
    if commands and not limits.execute:
        notes.append(
            f"{_count(commands, 'command')} not run (see probes.exec in the settings); what"
            " they would see counts as up"
        )
    near = limits.reach()
    others = [probe for probe in ours if probe.type != "exec" or limits.execute]
    refusals = [reason for probe in others if (reason := near.refusal(probe.address, probe.port))]
    if refusals:
        notes.append(
            f"{_count(len(refusals), 'probe')} not run ({refusals[0]}: see probes in the"
            " settings); what they would see counts as up"
        )
    kept_back = 0 if limits.execute else commands
    return NotRun(kept_back + len(refusals), tuple(notes))


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"
