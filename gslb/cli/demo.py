"""``gslb demo``: an example zone with stand-in endpoints, all on this machine's loopback addresses."""

from __future__ import annotations

import argparse
import asyncio
import errno
import shlex
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from gslb import logs
from gslb.cli.options import program
from gslb.errors import GslbError
from gslb.listen import Listen
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan
from gslb.policy.problems import PolicyError
from gslb.settings import LogSection, ProbeSection, Settings
from gslb.supervisor import Supervisor

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

HTTP_PORT = 5380  # of the stand-in endpoints; the policy's check has it too
WORKERS = 2
ZONE = "demo.example"
FAILING = "127.1.1.1"  # aws/us-east-1/use1-az1


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody to ask as: a public network that the embedded geo table places."""

    place: str
    country: str
    network: str
    site: str  # that the demo's `nearest` rule sends it to


CLIENTS = (
    Client("the United States", "US", "8.8.8.0/24", "aws/us-east-1"),
    Client("Germany", "DE", "91.0.0.0/24", "gcp/europe-west3"),
    Client("Japan", "JP", "133.242.0.0/24", "alibaba/ap-northeast-1"),
)


def add_parser(commands: Commands) -> None:
    """Add ``demo`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "demo",
        help="serve an example zone with stand-in endpoints on this machine",
        description="Serve the zone demo.example on a port of 127.0.0.1, with small HTTP servers"
        " on 127.x.y.z in the place of load balancers. Ends with Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=5300, help="for DNS (default: 5300)")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(".demo"),
        help="for the policy and the state (default: ./.demo)",
    )
    parser.add_argument("--log-level", choices=logs.LEVELS, default="error")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C. Raises GslbError."""
    directory = options.directory.absolute()
    policy = write_policy(directory)
    settings = Settings(
        listen=(Listen(address="127.0.0.1", port=options.port),),
        state_directory=directory / "state",
        policies=(policy,),
        workers=WORKERS,
        nsid="demo",
        probes=ProbeSection(allow=("127.0.0.0/8",)),
        log=LogSection(level=options.log_level),
    )
    logs.set_up(settings.log.level, settings.log.format, "supervisor")
    plan, problems = compile_policies([policy])
    if plan is None:
        raise PolicyError(problems)
    asyncio.run(_demonstrate(settings, plan, directory))
    return 0


def write_policy(directory: Path) -> Path:
    """Put the demo's policy into *directory*, afresh, and return its path. Raises GslbError."""
    path = directory / "policies" / "demo.yaml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((files("gslb.cli") / "demo.yaml").read_bytes())
    except OSError as error:
        raise GslbError(f"cannot write {path}: {error.strerror}") from None
    return path


async def _demonstrate(settings: Settings, plan: Plan, directory: Path) -> None:
    async with AsyncExitStack() as stack:
        for name, address in stand_ins(plan):
            runner = web.AppRunner(stand_in(name, address), access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await _start(web.TCPSite(runner, address, HTTP_PORT), address)
        text = "\n".join(instructions(settings.listen[0].port, directory))
        await Supervisor(settings, ready=lambda: print(text, flush=True)).run()
    print("\nThe demo has ended.")


async def _start(site: web.TCPSite, address: str) -> None:
    try:
        await site.start()
    except OSError as error:
        why = error.strerror
        if error.errno == errno.EADDRINUSE:
            why = "the port is in use; a demo seems to run already (its Ctrl-C ends it)"
        raise GslbError(f"cannot start a stand-in on {address}:{HTTP_PORT}: {why}") from None


def stand_ins(plan: Plan) -> Iterable[tuple[str, str]]:
    """Yield (cloud/region/zone, IPv4 address) of every endpoint in *plan*."""
    for zone in plan.zones:
        for site in zone.sites.values():
            for endpoint in site.endpoints:
                if endpoint.a is not None:
                    yield endpoint.id, str(IPv4Address(endpoint.a))


def stand_in(name: str, address: str) -> web.Application:
    """Return an HTTP server that says who it is; 503 after a POST to /stop, until one to /start."""
    serves = True

    async def answer(_: web.Request) -> web.Response:
        if serves:
            return web.Response(text=f"{name} at {address}\n")
        return web.Response(text=f"{name} is out of order\n", status=503)

    async def switch(request: web.Request) -> web.Response:
        nonlocal serves
        serves = request.path == "/start"
        return web.Response(text=f"{name} {'serves' if serves else 'is out of order'}\n")

    application = web.Application()
    application.router.add_get("/", answer)
    application.router.add_get("/healthz", answer)
    application.router.add_post("/stop", switch)
    application.router.add_post("/start", switch)
    return application


def instructions(port: int, directory: Path) -> Sequence[str]:
    """Return what to try, and what comes of it."""
    lines = ["", f"{ZONE} is served on 127.0.0.1 port {port}.", ""]
    lines.append(
        "Ask as a client on each of three continents (dig: Debian package bind9-dnsutils):"
    )
    for client in CLIENTS:
        lines.append("")
        lines.append(f"  dig @127.0.0.1 -p {port} www.{ZONE} +short +subnet={client.network}")
        lines.append(f"      from {client.place}: two addresses of {client.site}")
    gslb, state = program(), shlex.quote(str(directory / "state"))
    policies = shlex.quote(str(directory / "policies"))
    lines += [
        "",
        "The endpoints behind the addresses say who they are:",
        "",
        f"  curl http://{FAILING}:{HTTP_PORT}/     aws/us-east-1/use1-az1 at {FAILING}",
        "",
        "Let one zone fail, and ask again after some ten seconds (each is checked every 2 s):",
        "",
        f"  curl -X POST http://{FAILING}:{HTTP_PORT}/stop",
        f"  dig @127.0.0.1 -p {port} www.{ZONE} +short +subnet={CLIENTS[0].network}",
        f"      without {FAILING}: the two other zones of {CLIENTS[0].site}",
        f"  curl -X POST http://{FAILING}:{HTTP_PORT}/start",
        "      it comes back, with a tenth of its weight at first, and with all of it after 40 s",
        "",
        "Take a whole cloud out, and bring it back (the number is that of the drain):",
        "",
        f'  {gslb} drain {CLIENTS[0].site.split("/")[0]} --why "a try" --state-directory {state}',
        f"      the same dig then gets two addresses of {CLIENTS[1].site}, the next nearest",
        f"  {gslb} undrain 1 --why done --state-directory {state}",
        "      it comes back as the zone did: a tenth of its weight at first, all of it after 40 s",
        "",
        "Why a client is answered so, and what the server does:",
        "",
        f"  {gslb} explain www.{ZONE} {CLIENTS[1].network} --policies {policies}",
        f"  {gslb} status --state-directory {state}",
        "",
        f"Change {directory / 'policies' / 'demo.yaml'}, then:",
        "",
        f"  {gslb} reload --state-directory {state}",
        "",
        "Ctrl-C ends the demo.",
    ]
    return lines
