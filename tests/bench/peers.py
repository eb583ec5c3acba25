"""The servers that we are measured beside, set up for the same work: continent, then weight.

Three sites of three weighted addresses; the client's continent is read from the same ranges by
everybody, ours from the embedded table, the others' from an MMDB made of it. Knot DNS cannot weight
inside a continent, and so has one address for each site.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, summarize_address_range
from itertools import groupby
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from gslb.geo.load import embedded_table
from gslb.geo.world import countries
from tests.geo.mmdb import write_database

ZONE = "bench.test"
SITES = {"na": 0, "eu": 10, "as": 20}  # the last octets begin above this
WEIGHTS = (50, 30, 20)
NEAR = {"NA": "na", "SA": "na", "EU": "eu", "AF": "eu", "AS": "as", "OC": "as"}
ORDER = {"na": "na, eu, as", "eu": "eu, na, as", "as": "as, na, eu"}
START_SECONDS = 120.0  # Knot DNS reads 100 000 names in half of it


@dataclass(frozen=True)
class Peer:
    """A server that runs."""

    name: str
    version: str
    port: int
    pid: int


def four(site: str, n: int) -> str:
    """Return the IPv4 address of endpoint *n* of a site."""
    return f"192.0.2.{SITES[site] + n + 1}"


def six(site: str, n: int) -> str:
    """Return the IPv6 address of endpoint *n* of a site."""
    return f"2001:db8::{SITES[site] + n + 1:x}"


def policy_text(names: int) -> str:
    """Return the same work as a policy of ours."""
    lines = [
        "version: 1",
        "dns:",
        f"  zone: {ZONE}",
        f"  nameservers: {{ns1.{ZONE}: [127.0.0.1], ns2.{ZONE}: [127.0.0.2]}}",
        '  static: "static 30 A 192.0.2.99"',
        "defaults: {ttl: 30, answer: {count: 1}}",
        "sites:",
    ]
    places = {"na": "aws/us-east-1", "eu": "aws/eu-central-1", "as": "aws/ap-northeast-1"}
    for site, place in places.items():
        zones = ", ".join(
            f'z{n}: {{A: {four(site, n)}, AAAA: "{six(site, n)}", weight: {weight}}}'
            for n, weight in enumerate(WEIGHTS)
        )
        lines.append(f"  {place}: {{zones: {{{zones}}}}}")
    lines += [
        "policies:",
        "  near:",
        "    rules:",
        f"      - {{when: {{area: [EU, AF]}}, to: {places['eu']}, then: [{places['na']}]}}",
        f"      - {{when: {{area: [AS, OC]}}, to: {places['as']}, then: [{places['na']}]}}",
        f"      - {{to: {places['na']}, then: [{places['eu']}]}}",
        "records:",
        f"  www.{ZONE}: {{policy: near}}",
        *(f"  n{n}.{ZONE}: {{policy: near}}" for n in range(names)),
    ]
    return "\n".join(lines) + "\n"


def write_continents(path: Path) -> Path:
    """Write the continents of the embedded table's IPv4 ranges as an MMDB."""
    table = embedded_table()
    known = {code: country.continent for code, country in countries().items()}
    places = [known.get(place.country, "") for place in table.places]
    continents = [places[n] for n in table.pair_place[table.pairs4].tolist()]
    starts = [*table.starts4.tolist(), 1 << 32]
    networks = {}
    at = 0
    for continent, run in groupby(continents):
        first, at = starts[at], at + sum(1 for _ in run)
        if continent:
            record = {"continent": {"code": continent, "names": {"en": continent}}}
            ends = IPv4Address(first), IPv4Address(starts[at] - 1)
            networks.update(dict.fromkeys(map(str, summarize_address_range(*ends)), record))
    return write_database(path, networks, kind="GeoLite2-City")


def _gdnsd(folder: Path, mmdb: Path, port: int, names: int) -> list[str]:
    for part in ("zones", "geoip", "run", "state"):
        (folder / part).mkdir()
    pools = "\n".join(
        f"{site} => {{"
        " addrs_v4 => { "
        + ", ".join(f"e{n} => [{four(site, n)}, {w}]" for n, w in enumerate(WEIGHTS))
        + " }, addrs_v6 => { "
        + ", ".join(f"e{n} => [{six(site, n)}, {w}]" for n, w in enumerate(WEIGHTS))
        + " } }"
        for site in SITES
    )
    near = ", ".join(f"{continent} => [{ORDER[site]}]" for continent, site in NEAR.items())
    (folder / "config").write_text(
        f"""options => {{ listen => 127.0.0.1:{port}, run_dir => {folder}/run,
 state_dir => {folder}/state, udp_threads => 1, tcp_threads => 1, edns_client_subnet => true,
 tcp_clients_per_thread => 1024 }}
plugins => {{
 geoip => {{
  maps => {{ m => {{ geoip2_db => {mmdb}, datacenters => [na, eu, as],
   map => {{ default => [na, eu, as], {near} }} }} }}
  resources => {{ www => {{ map => m,
   dcmap => {{ na => %weighted!na, eu => %weighted!eu, as => %weighted!as }} }} }}
 }}
 weighted => {{ multi => false, service_types => up
 {pools} }}
}}
"""
    )
    (folder / "zones" / ZONE).write_text(
        _zone_head("SOA ns1 hostmaster 1 7200 1800 259200 60")
        + "www 30 DYNA geoip!www\nstatic 30 A 192.0.2.99\n"
        + "".join(f"n{n} 30 DYNA geoip!www\n" for n in range(names))
    )
    return ["gdnsd", "-c", str(folder), "start"]


def _zone_head(soa: str) -> str:
    return f"@ 3600 {soa}\n@ 3600 NS ns1\nns1 3600 A 127.0.0.1\n"


def _knot(folder: Path, mmdb: Path, port: int, names: int) -> list[str]:
    (folder / "knot.conf").write_text(
        f"""server:
    listen: 127.0.0.1@{port}
    rundir: {folder}
    udp-workers: 1
    tcp-workers: 1
    user: root:root
    edns-client-subnet: on
database:
    storage: {folder}
mod-geoip:
  - id: default
    config-file: {folder}/geo.conf
    ttl: 30
    mode: geodb
    geodb-file: {mmdb}
    geodb-key: [ continent/code ]
zone:
  - domain: {ZONE}
    file: {folder}/{ZONE}.zone
    module: mod-geoip/default
"""
    )
    near = "".join(
        f'  - geo: "{continent}"\n    A: {four(site, 0)}\n    AAAA: {six(site, 0)}\n'
        for continent, site in NEAR.items()
    )
    owners = ["www", *(f"n{n}" for n in range(names))]
    (folder / "geo.conf").write_text("".join(f"{owner}.{ZONE}:\n{near}" for owner in owners))
    addresses = f"30 A {four('na', 0)}\n{{0}} 30 AAAA {six('na', 0)}\n"
    (folder / f"{ZONE}.zone").write_text(
        f"$ORIGIN {ZONE}.\n"
        + _zone_head("SOA ns1 hostmaster 1 7200 1800 259200 60")
        + "static 30 A 192.0.2.99\n"
        + "".join(f"{owner} {addresses.format(owner)}" for owner in owners)
    )
    return ["knotd", "-c", str(folder / "knot.conf")]


def _powerdns(folder: Path, mmdb: Path, port: int, names: int) -> list[str]:
    modules = next(Path("/usr/lib").glob("*/pdns"))
    (folder / "pdns.conf").write_text(
        f"""launch=geoip
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
geoip-zones-file={folder}/zones.yaml
geoip-database-files=mmdb:{mmdb}
edns-subnet-processing=yes
receiver-threads=1
distributor-threads=1
disable-syslog=yes
loglevel=3
setuid=
setgid=
daemon=no
guardian=no
module-dir={modules}
"""
    )
    lines = [
        "domains:",
        f"- domain: {ZONE}",
        "  ttl: 30",
        "  records:",
        f"    {ZONE}:",
        f"      - soa: ns1.{ZONE} hostmaster.{ZONE} 1 7200 1800 259200 60",
        f"      - ns: {{content: ns1.{ZONE}, ttl: 3600}}",
        f"    static.{ZONE}:",
        "      - a: 192.0.2.99",
    ]
    for code, site in {**{c.lower(): s for c, s in NEAR.items()}, "unknown": "na"}.items():
        lines.append(f"    {code}.geo.{ZONE}:")
        for n, weight in enumerate(WEIGHTS):
            lines.append(f"      - a: {{content: {four(site, n)}, weight: {weight}}}")
            lines.append(f'      - aaaa: {{content: "{six(site, n)}", weight: {weight}}}')
    lines.append("  services:")
    owners = ["www", *(f"n{n}" for n in range(names))]
    lines += [f"    {owner}.{ZONE}: '%cn.geo.{ZONE}'" for owner in owners]
    (folder / "zones.yaml").write_text("\n".join(lines) + "\n")
    return ["pdns_server", f"--config-dir={folder}"]


_PEERS: dict[str, tuple[str, Callable[[Path, Path, int, int], list[str]], list[str]]] = {
    "gdnsd": ("gdnsd", _gdnsd, ["gdnsd", "-V"]),
    "Knot DNS": ("knotd", _knot, ["knotd", "-V"]),
    "PowerDNS": ("pdns_server", _powerdns, ["pdns_server", "--version"]),
}


def installed() -> dict[str, str]:
    """Return which peers this machine has, with the version that each tells."""
    found = {}
    for name, (program, _, command) in _PEERS.items():
        path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if path is None:
            continue
        said = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False)
        words = (said.stdout + said.stderr).split()
        found[name] = next((w.strip(",()") for w in words if w[:1].isdigit() and "." in w), "?")
    return found


@contextlib.contextmanager
def running(
    name: str, version: str, folder: Path, mmdb: Path, port: int, names: int, core: int
) -> Iterator[Peer]:
    """Run a peer pinned to *core*, and yield it when it answers.

    Raises:
        RuntimeError: it does not answer in time; the text has what it said.
    """
    folder.mkdir(parents=True)
    program, set_up, _ = _PEERS[name]
    command = set_up(folder, mmdb, port, names)
    command[0] = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin") or program
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    os.sched_setaffinity(process.pid, {core})
    try:
        until = time.monotonic() + START_SECONDS
        while not answers(port, f"www.{ZONE}"):
            if process.poll() is not None or time.monotonic() > until:
                said = (folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{name} does not answer: {said}")
            time.sleep(0.2)
        yield Peer(name, version, port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(port: int, name: str) -> bool:
    """Tell whether whoever listens there answers *name* with an address."""
    try:
        found = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", 0.3, port)
    except (OSError, dns.exception.Timeout):
        return False
    return bool(found.answer)
