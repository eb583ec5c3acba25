"""The numbers that a running node shows, against what was really asked of it."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from gslb.cli.calling import Node as Api
from gslb.metrics import METRICS, Kind
from tests.patience import PATIENCE_SECONDS
from tests.system.nodes import Node, free_port, is_alive, until
from tests.system.standins import StandIn, stand_ins

pytestmark = pytest.mark.system

EAST, WEST = ["127.84.1.1", "127.84.2.1"], ["127.85.1.1", "127.85.2.1"]
POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {{ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}}
  static: |
    text TXT "static"
defaults:
  ttl: 5
  check: web
  protect: {{slow_start: off, damping: off, removal: off}}
checks:
  web: {{type: http, port: {port}, path: /, every: 1s, timeout: 500ms, down_after: 2, up_after: 2}}
sites:
  aws/us-east-1:
    zones: {{a: {{A: 127.84.1.1}}, b: {{A: 127.84.2.1}}}}
  aws/us-west-2: {{zones: {{a: {{A: 127.85.1.1}}, b: {{A: 127.85.2.1}}}}}}
  gcp/us-east1: {{zones: {{c: {{AAAA: "2001:db8::1"}}}}}}
records:
  www.example.com:
    answer: {{count: 1}}
    https: {{alpn: [h2]}}
    rules: [{{name: all, to: aws/us-east-1, then: [aws/us-west-2]}}]
  six.example.com: {{check: false, rules: [{{name: six, to: gcp/us-east1}}]}}
  near.example.com:
    rules: [{{name: near, to: [aws/us-east-1, aws/us-west-2], pick: nearest}}]
"""
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
WWW = {"record": "www.example.com", "rule": "all"}


class Watched(Node):
    """A node with checks, metrics and an API."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, workers=2)
        self.checked = free_port(*EAST, *WEST)
        self.metrics_port = free_port()
        self.write()
        self.config = folder / "gslb.yaml"
        self.config.write_text(
            f"probes: {{allow: 127.0.0.0/8}}\nmetrics: {{listen: 127.0.0.1:{self.metrics_port}}}\n"
        )
        self.api = Api(self.state)
        self.ends: dict[str, StandIn] = {}

    def write(self, more: str = "") -> None:
        """Write the policy, with *more* behind it."""
        self.policy.write_text(POLICY.format(port=self.checked) + more)

    def command(self, *more: str) -> list[str]:
        """Return the command line of `gslb serve`, with the settings file."""
        return super().command("--config", str(self.config), *more)

    def scrape(self) -> Series:
        """Return every sample that is shown."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as response:
            text = response.read().decode()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in parse(text)
            for sample in family.samples
        }

    def leads_only_to(self, addresses: list[str]) -> bool:
        """Return whether some queries are answered, and with nothing but *addresses*."""
        found = self.addresses_of_some()
        return bool(found) and found <= set(addresses)

    def send(self, name: str, rtype: str = "A", ecs: str = "", *, tcp: bool = False) -> None:
        """Ask, and wait for the response."""
        options = [dns.edns.ECSOption(ecs, 24)] if ecs else []
        query = dns.message.make_query(name, rtype, use_edns=0, options=options)
        ask = dns.query.tcp if tcp else dns.query.udp
        ask(query, "127.0.0.1", port=self.port, timeout=5)


def total(found: Series, name: str, **labels: str) -> float:
    """Return the sum of *name* over all series that have *labels*."""
    wanted = labels.items()
    return sum(value for (one, own), value in found.items() if one == name and wanted <= own)


def by(found: Series, name: str, *labels: str) -> Counter[tuple[str, ...]]:
    """Return sums of *name* by some *labels*; what is 0 is left out."""
    sums: Counter[tuple[str, ...]] = Counter()
    for (one, own), value in found.items():
        if one == name and value:
            sums[tuple(dict(own)[label] for label in labels)] += int(value)
    return sums


def counters_of(found: Series) -> Series:
    """Return the samples that must never fall."""
    counters = {name for name, metric in METRICS.items() if metric.kind is Kind.COUNTER}
    histograms = tuple(n for n, metric in METRICS.items() if metric.kind is Kind.HISTOGRAM)
    return {
        (name, labels): value
        for (name, labels), value in found.items()
        if name in counters or (name.startswith(histograms) and not name.endswith("_created"))
    }


def grown(before: Series, after: Series) -> Series:
    """Check that no counter has fallen or gone; return *after*."""
    fallen = {
        key: (value, after.get(key))
        for key, value in counters_of(before).items()
        if after.get(key, -1.0) < value
    }
    assert not fallen
    return after


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / "node")
    with stand_ins([*EAST, *WEST], made.checked) as made.ends:
        made.start()
        until(lambda: made.status()["health"]["ready"], "every endpoint was tried")
        yield made
        made.stop()


def ask_of_everything(node: Watched) -> None:
    """Send 40 queries that are answered, and 3 datagrams that are not."""
    for _ in range(10):
        node.send("www.example.com")
    for _ in range(5):
        node.send("six.example.com", "AAAA")
    for _ in range(4):
        node.send("www.example.com", "HTTPS")
    for _ in range(3):
        node.send("near.example.com", ecs="203.0.113.0")
    for _ in range(2):
        node.send("near.example.com", ecs="10.1.2.0")
    for _ in range(6):
        node.send("www.example.com", tcp=True)
    for _ in range(3):
        node.send("nowhere.example.com")
    for _ in range(2):
        node.send("text.example.com", "TXT")
    for _ in range(4):
        node.send("www.example.org")
    node.send("www.example.com", "NAPTR")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for octets in (b"short", bytes(11), b"\0\0\x80\0" + bytes(8)):
            sock.sendto(octets, ("127.0.0.1", node.port))
    until(lambda: total(node.scrape(), "gslb_dns_dropped_total") == 3, "the silence is counted")


def test_what_was_asked_is_what_is_counted(node: Watched) -> None:
    """To the last query, by every label; and all sums over labels agree."""
    ask_of_everything(node)
    found = node.scrape()
    assert by(found, "gslb_dns_requests_total", "zone", "proto", "family", "type") == {
        ("example.com", "udp", "4", "A"): 10 + 3 + 2 + 3,
        ("example.com", "udp", "4", "AAAA"): 5,
        ("example.com", "udp", "4", "HTTPS"): 4,
        ("example.com", "tcp", "4", "A"): 6,
        ("example.com", "udp", "4", "TXT"): 2,
        ("example.com", "udp", "4", "other"): 1,
        ("(none)", "udp", "4", "A"): 4,
        ("(none)", "udp", "4", "other"): 3,
    }
    assert by(found, "gslb_dns_responses_total", "zone", "rcode") == {
        ("example.com", "NOERROR"): 33,
        ("example.com", "NXDOMAIN"): 3,
        ("(none)", "REFUSED"): 4,
    }
    assert by(found, "gslb_dns_dropped_total", "reason") == {("parse",): 3}
    assert by(found, "gslb_dns_client_source_total", "source") == {
        ("resolver",): 25,
        ("ecs",): 3,
        ("private",): 2,
    }
    assert by(found, "gslb_answers_total", "record", "rule") == {
        ("www.example.com", "all"): 20,
        ("six.example.com", "six"): 5,
        ("near.example.com", "near"): 5,
    }
    assert by(found, "gslb_answers_zone_total", "site", "zone")["gcp/us-east1", "c"] == 5
    assert total(found, "gslb_answers_total", **WWW, site="aws/us-east-1") == 20
    assert total(found, "gslb_decisions_total", record="www.example.com", reason="preferred") == 20
    assert total(found, "gslb_decisions_total") == total(found, "gslb_answers_total") == 30
    assert total(found, "gslb_dns_tcp_connections_total", event="opened") == 6
    for name, count in (
        ("gslb_dns_request_duration_seconds_count", 40),
        ("gslb_dns_request_size_bytes_count", 43),
        ("gslb_dns_response_size_bytes_count", 40),
    ):
        assert total(found, name) == count, name
    assert node.status()["queries"] == {"udp": 37, "tcp": 6}


def test_every_metric_has_a_value_and_no_counter_ever_falls(node: Watched) -> None:
    """Health, drains, reloads good and bad, a worker killed."""
    ask_of_everything(node)
    first = node.scrape()
    # An endpoint dies, then its whole site: others answer, and why is counted.
    node.ends[EAST[0]].kill()
    until(lambda: node.leads_only_to(EAST[1:]), "the dead one has left the answers")
    node.ends[EAST[1]].kill()
    until(lambda: node.leads_only_to(WEST), "the site has left the answers")
    flipped = grown(first, node.scrape())
    assert total(flipped, "gslb_decisions_total", reason="failover") > 0
    assert total(flipped, "gslb_answers_total", **WWW, site="aws/us-west-2") > 0
    assert total(flipped, "gslb_health_transitions_total", site="aws/us-east-1", to="down") == 2
    assert total(flipped, "gslb_endpoint_state", site="aws/us-east-1", state="down") == 2
    assert total(flipped, "gslb_health_votes", site="aws/us-east-1", verdict="down") == 2
    assert total(flipped, "gslb_health_checks_total", check="http", result="ok") > 0
    assert by(flipped, "gslb_panic_active", "record") == {}
    for end in node.ends.values():
        end.restore()
    until(lambda: node.leads_only_to(EAST), "the site is back")
    until(lambda: node.status()["health"]["endpoints"]["up"] == 4, "all are up again")
    # A drain, which is in the audit log.
    before = node.scrape()
    drain = node.api.call("POST", "/drains", {"location": "aws/us-east-1", "reason": "seen"})
    node.addresses_of()
    drained = grown(before, node.scrape())
    assert total(drained, "gslb_drain_active", scope="drain", target="aws/us-east-1") == 1
    assert total(drained, "gslb_audit_events_total", action="drain.create") == 1
    west = {"site": "aws/us-west-2"}
    assert total(drained, "gslb_answers_zone_total", **west) > total(
        before, "gslb_answers_zone_total", **west
    )
    # Those of copies at other services have values where there are copies: test_push.
    expected = {name for name in METRICS if not name.startswith("gslb_push_")}
    assert expected <= _shown(drained), expected - _shown(drained)
    node.api.call("DELETE", f"/drains/{drain['drain']['id']}")
    # A reload counts on, in other blocks; one that is refused is counted too.
    node.write("  new.example.com: {rules: [{to: aws/us-east-1}]}\n")
    assert node.reload()[0] == 0
    node.send("new.example.com")
    new = {
        "record": "new.example.com"
    }  # counted when the response has been sent, perhaps just after
    until(lambda: total(node.scrape(), "gslb_answers_total", **new), "the answer is counted")
    reloaded = grown(drained, node.scrape())
    assert total(reloaded, "gslb_answers_total", **new) == 1
    assert total(reloaded, "gslb_policy_reloads_total", result="done") == 2
    node.write("  bad: [\n")
    assert node.reload()[0] != 0
    refused = grown(reloaded, node.scrape())
    assert total(refused, "gslb_policy_reloads_total", result="refused") == 1
    assert total(refused, "gslb_trouble", what="policies refused") == 1
    # A worker is killed without a word.
    victim = node.events("worker serves")[0]["worker_pid"]
    os.kill(victim, signal.SIGKILL)
    until(lambda: not is_alive(victim), "the worker is dead")
    until(lambda: all(w["serving"] for w in node.status()["workers"]), "there is another")
    killed = grown(refused, node.scrape())
    assert total(killed, "gslb_worker_restarts_total") == 1
    asked = total(killed, "gslb_dns_requests_total")
    node.send("www.example.com")
    assert total(node.scrape(), "gslb_dns_requests_total") == asked + 1
    # Everything dies: health is not believed. Last, because that is taken back after a minute only.
    for end in node.ends.values():
        end.kill()
    panic = {"record": "www.example.com"}
    until(lambda: total(node.scrape(), "gslb_panic_active", **panic), "health is not believed")
    until(lambda: len(node.addresses_of_some()) > 1, "everything is answered")
    dark = grown(killed, node.scrape())
    assert total(dark, "gslb_decisions_total", **panic, reason="fail_open") > 0


def _shown(found: Series) -> set[str]:
    """Return the metrics that *found* has samples of."""
    return {name.removesuffix("_count") for name, _ in found}


def test_what_was_counted_outlives_the_supervisor_however_it_ends(node: Watched) -> None:
    """Killed, its workers hand on what they count; told to stop, it keeps the totals."""
    ask_of_everything(node)
    before = total(node.scrape(), "gslb_dns_requests_total")
    node.processes[-1].kill()
    node.processes[-1].wait()
    node.send("www.example.com")  # nobody is there but the workers
    node.start()
    until(lambda: node.status()["policy"], "the policies are compiled")
    after = node.scrape()
    assert total(after, "gslb_dns_requests_total") == before + 1
    assert total(after, "gslb_answers_total", **WWW) == 21
    node.processes[-1].terminate()
    node.processes[-1].wait()
    node.start()
    again = node.scrape()
    assert total(again, "gslb_dns_requests_total") == before + 1
    assert by(again, "gslb_answers_total", "record", "rule", "site") == by(
        after, "gslb_answers_total", "record", "rule", "site"
    )
