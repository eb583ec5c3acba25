"""``gslb push``: copies of zones at Route 53 and Cloud DNS: plans, carrying them out, how they stand."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gslb.cli.calling import CallError, by_option, node_of
from gslb.cli.options import add_settings_options, given_settings
from gslb.cli.push_delegate import DELEGATE_CODES, add_delegate_options, run_delegate
from gslb.cli.push_drain import (
    DRAIN_CODES,
    UNDRAIN_CODES,
    add_drain_options,
    run_drain,
    run_undrain,
    which_of,
)
from gslb.control import NobodyThereError
from gslb.errors import GslbError
from gslb.fallback.messages import NO_COPY, CopyId
from gslb.node.configuration import read_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_CHANGES, EXIT_STOPPED = 2, 3
LONG_SECONDS = 170.0  # for the node to read zones and measure copies
LOOK_AGAIN_SECONDS = 0.5
APPLY_SECONDS = 300.0  # until a plan that was begun is in sync, or is not going to be
APPLY_OPTIONS = {"body.plan_hash": "PLAN", "body": ""}  # that the parts of a request come from
PROVIDERS = ("route53", "clouddns")
PLAN_CODES = (
    f"Exit codes: 0 nothing to do, 1 an error, {EXIT_CHANGES} there are changes,"
    f" {EXIT_STOPPED} a threshold stops them."
)
APPLY_CODES = (
    f"Exit codes: 0 it is in sync, or on its way, 1 an error, {EXIT_STOPPED} a threshold stops it."
)
STATUS_CODES = "Exit codes: 0 the copies are well, 1 one of them is not, or an error."
VERIFY_CODES = (
    f"Exit codes: 0 all is as it should be, 1 an error, {EXIT_CHANGES} something differs."
)

WITHOUT_A_SERVER = (
    "without a server: gslb push plan --offline needs no account,"
    " gslb push plan --direct reads the zones with your own credentials"
)


def add_parser(commands: Commands) -> None:
    """Add ``push`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "push",
        help="keep copies of zones at Route 53 and Cloud DNS",
        description="Copies of zones at managed services, which answer when our own servers are"
        " gone. `plan` shows what a push would do, `apply` carries out the plan that was shown;"
        " from then on the running server keeps the copy up, drains first.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_plan(actions)
    apply = _action(
        actions, "apply", "carry a plan out, if nothing has changed since", run_apply, APPLY_CODES
    )
    apply.add_argument("plan", metavar="PLAN", help="its hash, as `plan` printed it")
    apply.add_argument("--force", action="store_true", help="although thresholds are hit")
    apply.add_argument("--no-wait", action="store_true", help="do not wait until it is in sync")
    verify = _action(
        actions, "verify", "compare copies and their answers with ours", run_verify, VERIFY_CODES
    )
    drift = _action(actions, "drift", "say what somebody else has changed", run_drift, VERIFY_CODES)
    for one in (verify, drift):
        _add_which(one)
    status = _action(actions, "status", "say how the copies stand", run_status, STATUS_CODES)
    _add_which(status)
    takeover = _plan_action(actions, "takeover", "plan to make other people's records ours")
    takeover.add_argument("takeover", nargs="*", metavar="NAME", help="absolute")
    takeover.add_argument("--from", dest="predecessor", metavar="OWNER", help="all of this owner's")
    drain = _action(
        actions,
        "drain",
        "take an endpoint out of the copies, without our servers",
        run_drain,
        DRAIN_CODES,
    )
    undrain = _action(
        actions,
        "undrain",
        "put an endpoint back that `push drain` took out",
        run_undrain,
        UNDRAIN_CODES,
    )
    for one in (drain, undrain):
        add_drain_options(one)
        _add_which(one)
    delegate = _action(
        actions,
        "delegate",
        "say in the parent zone which side answers",
        run_delegate,
        DELEGATE_CODES,
    )
    add_delegate_options(delegate)
    purge = _plan_action(actions, "purge", "plan to remove everything of ours")
    purge.add_argument("--from", dest="predecessor", metavar="OWNER", help="of this owner, too")
    purge.set_defaults(purge=True)
    for one in (takeover, purge):
        _add_which(one)
        _add_forms(one)


def _add_plan(actions: Any) -> None:
    plan = _plan_action(actions, "plan", "say what a push would do")
    _add_which(plan)
    _add_forms(plan)
    plan.add_argument(
        "--offline",
        action="store_true",
        help="no server and no network: policy files against an empty zone, or that of --state",
    )
    plan.add_argument(
        "--state",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="what a zone holds, as --save wrote it; implies --offline; one for each copy",
    )
    plan.add_argument(
        "--direct",
        action="store_true",
        help="no server: policy files against the zones, read with credentials from here",
    )
    plan.add_argument(
        "--save", type=Path, metavar="FILE", help="write what the zone holds; with --direct"
    )


def _action(actions: Any, name: str, text: str, run: Any, codes: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}. {codes}"
    )
    add_settings_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def _plan_action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    """Add one of the actions that end in a plan: what it does not offer itself is left out."""
    parser = _action(actions, name, text, run_plan, PLAN_CODES)
    parser.set_defaults(takeover=[], predecessor=None, purge=False, offline=False,
                        direct=False, state=[], save=None)  # fmt: skip
    return parser


def _add_which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provider", choices=PROVIDERS, help="copies at this one only")
    parser.add_argument("--zone", metavar="ZONE", help="copies of this zone only")


def _add_forms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markdown", action="store_true", help="print it for a pull request")
    parser.add_argument("-v", "--verbose", action="store_true", help="every record set and loss")


def _meant(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name in ("provider", "zone") if (value := getattr(options, name))}


def run_plan(options: argparse.Namespace) -> int:
    """Print plans. Return an exit code as the help tells."""
    if options.offline or options.direct or options.state:
        plans = _plans_alone(options)
    else:
        asked = {
            **_meant(options),
            "takeover": options.takeover,
            "predecessor": options.predecessor,
            "purge": options.purge,
        }
        node = node_of(options)
        try:
            plans = node.call("POST", "/push/plan", asked, seconds=LONG_SECONDS)["plans"]
        except NobodyThereError as nobody:
            raise NobodyThereError(f"{nobody}\ngslb: {WITHOUT_A_SERVER}") from None
    return show(plans, options)


def _plans_alone(options: argparse.Namespace) -> list[dict[str, Any]]:
    from gslb.fallback.alone import plan_directly, plan_offline  # noqa: PLC0415 - slow to import
    from gslb.push.statefile import actual_json  # noqa: PLC0415

    settings = read_settings(options.config, given_settings(options))
    which = which_of(options)
    if options.direct:
        found = plan_directly(settings, which)
    else:
        found = plan_offline(settings, which, options.state)
    if not found:
        raise GslbError(NO_COPY)
    if options.save is not None:
        if len(found) != 1 or not options.direct:
            raise GslbError("--save takes --direct and one copy (--provider, --zone)")
        if error := found[0].said["error"]:
            raise GslbError(f"nothing is saved: {error}")
        one = found[0]
        state = actual_json(one.said["provider"], one.said["zone"], one.actual)
        options.save.write_text(json.dumps(state, indent=1))
    return [one.said for one in found]


def show(plans: list[dict[str, Any]], options: argparse.Namespace) -> int:
    """Print *plans* in the form that is wanted; return the exit code."""
    from gslb.push.plantext import blocked, plan_markdown, plan_text  # noqa: PLC0415

    failed = [one for one in plans if one["error"]]
    made = [one for one in plans if not one["error"]]
    if options.json:
        print(json.dumps(plans, indent=2, ensure_ascii=False))
    else:
        for one in made:
            text = (
                plan_markdown(one) if options.markdown else plan_text(one, verbose=options.verbose)
            )
            print(*text, "", sep="\n")
    for one in failed:
        print(f"gslb: {one['provider']} {one['zone']}: {one['error']}", file=sys.stderr)
    if failed:
        return 1
    if any(map(blocked, made)):
        return EXIT_STOPPED
    return EXIT_CHANGES if any(not one["empty"] for one in made) else 0


def run_apply(options: argparse.Namespace) -> int:
    """Carry a plan out. Return 0 once it is in sync, 1 or 3 if it is not going to be."""
    node = node_of(options)
    asked = {"plan_hash": options.plan, "force": options.force}
    try:
        copy = node.call("POST", "/push/apply", asked, seconds=LONG_SECONDS)
    except CallError as error:
        print(f"gslb: not applied: {by_option(error, APPLY_OPTIONS)}", file=sys.stderr)
        return EXIT_STOPPED if "--force" in str(error) else 1
    until = time.monotonic() + APPLY_SECONDS
    while not options.no_wait and copy["state"] == "pending" and time.monotonic() < until:
        time.sleep(LOOK_AGAIN_SECONDS)
        found = [one for one in node.call("GET", "/push")["copies"] if _same(one, copy)]
        if not found:
            raise GslbError("the settings of the server do not name this copy any more")
        copy = found[0]
    print(json.dumps(copy, indent=2) if options.json else "\n".join(copy_lines([copy])))
    if copy["state"] == "held" and copy["stops"]:
        return EXIT_STOPPED
    return 1 if copy["state"] in {"failed", "unavailable"} else 0


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[part] == other[part] for part in ("provider", "zone", "place"))


def run_status(options: argparse.Namespace) -> int:
    """Print how the copies stand. Return 1 if one is not well."""
    which = which_of(options)
    known = node_of(options).call("GET", "/push")["copies"]
    copies = [one for one in known if which.has(CopyId(one["provider"], one["zone"], one["place"]))]
    if known and not copies:
        raise GslbError(NO_COPY)
    if options.json:
        print(json.dumps(copies, indent=2))
    else:
        print("\n".join(copy_lines(copies) or ["no copies: see push: in gslb.yaml"]))
    return 1 if any(one["state"] in {"failed", "unavailable"} for one in copies) else 0


def copy_lines(copies: Iterable[dict[str, Any]]) -> list[str]:
    """Return how copies stand, as lines for people."""
    return [line for one in copies for line in _copy_lines(one)]


def _copy_lines(one: dict[str, Any]) -> Iterator[str]:
    reason = f": {one['reason']}" if one["reason"] else ""
    word = one["state"] if one["state"] in {"insync", "pending"} else one["state"].upper()
    yield f"{one['provider']} {one['zone']} ({one['place']})  {word}{reason}"
    if one["begun"]:
        change = f", change {one['change']}" if one["change"] else ""
        yield f"    generation {one['generation']}, it holds {one['pushed'] or 'an earlier one'}{change}"
    yield from (f"    stopped: {stop}" for stop in one["stops"])
    if one["plan"]:
        yield f"    to go on all the same: gslb push apply {one['plan']} --force"
    yield from (f"    alarm: {alarm}" for alarm in one["alarms"])
    if one["drift"]:
        kinds = ", ".join(f"{count} {kind}" for kind, count in one["drift"].items())
        yield f"    changed there by others: {kinds} (gslb push drift)"


def run_drift(options: argparse.Namespace) -> int:
    """Print what somebody else has changed."""
    return _verified(options, answers=False)


def run_verify(options: argparse.Namespace) -> int:
    """Print what copies were found to be."""
    return _verified(options, answers=True)


def _verified(options: argparse.Namespace, *, answers: bool) -> int:
    asked = {**_meant(options), "answers": answers}
    said = node_of(options).call("POST", "/push/verify", asked, seconds=LONG_SECONDS)["copies"]
    if options.json:
        print(json.dumps(said, indent=2))
    else:
        print("\n".join(line for one in said for line in _verified_lines(one)))
    if any(one["error"] for one in said):
        return 1
    return EXIT_CHANGES if any(one["drift"] or not one["intact"] for one in said) else 0


def _verified_lines(one: dict[str, Any]) -> Iterator[str]:
    whose = f"{one['provider']} {one['zone']}"
    if one["error"]:
        yield f"{whose}: {one['error']}"
        return
    held = "nothing of ours" if one["generation"] is None else f"generation {one['generation']}"
    yield f"{whose}: holds {held}, {'as it should be' if one['intact'] else 'NOT as it should be'}"
    yield from (f"    {one['kind']:<12} {one['about']} {one['owner']}" for one in one["drift"])
    if one["asked"]:
        yield (
            f"    {one['asked']} sampled questions: {one['wrong']:.2%} not answered as pushed,"
            f" {one['differs']:.2%} not as this node answers"
        )
