"""Drains of a running server, by the command line and the API: what they change, and what keeps."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import dns.exception
import pytest

from gslb.cli.calling import CallError
from gslb.listen import Listen
from tests.patience import PATIENCE_SECONDS
from tests.system.clouds import AWS, GCP, Drained
from tests.system.nodes import until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("drains")]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drained]:
    """One server for all tests that do not hurt it."""
    made = Drained(tmp_path_factory.mktemp("drains"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def undrained(node: Drained) -> Iterator[None]:
    """Each test begins and ends without drains."""
    yield
    for one in node.api.call("GET", "/drains")["drains"]:
        node.api.call("DELETE", f"/drains/{one['id']}")


def test_a_drain_changes_answers_at_once_and_an_undrain_brings_them_back(node: Drained) -> None:
    """When the command returns, every answer follows it."""
    assert node.answered() == AWS | GCP
    code, out, error = node.run("drain", "aws", "--why", "kernel update")
    assert code == 0, error
    assert node.answered() == GCP
    number = re.search(r"gslb undrain (\d+)", out)
    assert number is not None
    assert "50 %  aws/us-east-1 → gcp/us-east1" in out
    assert "kernel update" in node.run("drains")[1]
    assert "kernel update" in node.run("status")[1]
    assert node.run("undrain", number[1], "--why", "done")[0] == 0
    assert node.answered() == AWS | GCP


def test_a_glob_drains_the_same_zone_of_every_cloud(node: Drained) -> None:
    """A wildcard stands for one level."""
    assert node.run("drain", "*/*/az1", "--why", "power test")[0] == 0
    assert node.answered() == {"192.0.2.2", "192.0.2.4"}


def test_a_dry_run_tells_all_and_changes_nothing(node: Drained) -> None:
    """Names, moves and capacity are there; drains are not."""
    code, out, error = node.run("drain", "gcp", "--why", "a thought", "--dry-run", "--json")
    assert code == 0, error
    plan = json.loads(out)["plan"]
    assert plan["endpoints"] == ["gcp/us-east1/az1", "gcp/us-east1/az2"]
    assert plan["names_touched"] == 1
    assert plan["names"][0]["after"] == pytest.approx(0.5)
    assert node.api.call("GET", "/drains")["drains"] == []
    assert node.answered() == AWS | GCP


def test_the_guard_refuses_the_last_capacity_unless_it_is_forced(node: Drained) -> None:
    """409 by the API, 3 by the command, and both say why; with force it is done and told."""
    assert node.run("drain", "aws", "--why", "first")[0] == 0
    with pytest.raises(CallError) as refused:
        node.api.call("POST", "/drains", {"location": "gcp", "reason": "second"})
    assert refused.value.status == 409
    assert refused.value.problem["plan"]["refusals"]
    code, _, error = node.run("drain", "gcp/us-east1/az1", "--why", "second")
    assert code == 3
    assert "would keep 25 % of its capacity" in error
    assert "--force" in error
    assert node.answered() == GCP
    code, out, _ = node.run("drain", "gcp/us-east1/az1", "--why", "fire", "--force")
    assert code == 0
    assert "forced, although:" in out
    assert node.answered() == {"192.0.2.4"}
    assert node.run("audit", "verify")[0] == 0
    log = (node.state / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["result"] for line in log[-3:]] == ["refused", "refused", "accepted"]


def test_everything_drained_still_answers_everybody(node: Drained) -> None:
    """No answer is ever empty because of drains."""
    assert node.run("drain", "*", "--why", "all of it", "--force")[0] == 0
    assert node.answered() <= AWS | GCP
    assert node.answered()


def test_a_drain_ends_by_itself_and_that_is_told(node: Drained) -> None:
    """What was forgotten does not last."""
    newest = node.api.call("GET", "/status")["last_event"]
    assert node.run("drain", "aws", "--why", "short", "--for", "1s")[0] == 0
    until(lambda: node.answered() == AWS | GCP, "the drain has expired")

    def kinds(count: int) -> list[str]:
        code, out, error = node.run(
            "events", "--since", str(newest), "--count", f"{count}", "--json"
        )
        assert code == 0, error
        return [json.loads(line)["kind"] for line in out.splitlines()]

    told = kinds(2)
    if "answers.shifted" in told:  # a look came between; then there is a third
        told = kinds(3)
        told.remove("answers.shifted")
    assert told == ["drain.created", "drain.expired"]
    lines = [json.loads(line) for line in (node.state / "audit.jsonl").read_text().splitlines()]
    ends = [(line["who"], line["why"]) for line in lines if line["action"] == "drain.expire"]
    assert ends == [("gslb", "expired")]


def test_a_gradual_drain_takes_half_first_and_all_of_it_in_the_end(node: Drained) -> None:
    """One TTL for each step: 5 s here."""
    code, out, error = node.run("drain", "aws", "--why", "slowly", "--gradual")
    assert code == 0, error
    assert "out of the answers at" in out
    assert node.api.call("GET", "/drains")["drains"][0]["share"] == 0.5
    assert node.answered() & AWS
    until(lambda: node.answered() == GCP, "the last step")


def test_while_a_gradual_drain_is_under_way_answers_are_kept_for_a_shorter_time(
    tmp_path: Path,
) -> None:
    """So that the next step reaches those who ask; a drain at once leaves nothing to be kept."""
    node = Drained(tmp_path)
    node.policy.write_text(node.policy.read_text().replace("ttl: 5s", "ttl: 60s"))

    def ttls() -> set[int]:
        return {node.ask().answer[0].ttl for _ in range(40)}

    try:
        node.start()
        assert ttls() == {60}
        assert node.run("drain", "*/*/az1", "--why", "slowly", "--gradual")[0] == 0
        assert ttls() == {10}
        assert node.run("undrain", "1")[0] == 0
        assert ttls() == {60}
        assert node.run("drain", "*/*/az1", "--why", "at once")[0] == 0
        assert ttls() == {60}
    finally:
        node.stop()


def test_a_force_down_and_a_force_up_stand_in_for_health(node: Drained) -> None:
    """An operator knows better than a check."""
    assert node.run("drain", "aws", "--why", "it lies", "--kind", "force-down")[0] == 0
    assert node.answered() == GCP
    assert node.run("drain", "aws", "--why", "it lies", "--kind", "force-up")[0] == 0
    assert node.answered() == GCP  # of two forces, down counts


def test_what_makes_no_sense_is_told_with_what_was_meant(node: Drained) -> None:
    """Nothing is changed by a slip."""
    code, _, error = node.run("drain", "aws/us-east-2", "--why", "x")
    assert code == 1
    assert "did you mean aws/us-east-1?" in error
    assert node.run("drain", "aws", "--why", "x", "--until", "2020-01-01T00:00Z")[0] == 1
    assert node.run("undrain", "999999")[0] == 1
    assert node.answered() == AWS | GCP


async def test_over_tcp_a_token_with_the_right_scope_is_wanted(node: Drained) -> None:
    """401 without or with a wrong one, 403 for less than it takes."""
    body = {"location": "aws", "reason": "by program"}
    reader, drainer = node.token("read"), node.token("drain")
    assert (await node.http(None))[0] == 401
    assert (await node.http("gslb_" + "0" * 48))[0] == 401
    assert (await node.http(reader))[0] == 200
    assert (await node.http(reader, "POST", json=body))[0] == 403
    assert node.answered() == AWS | GCP
    status, made = await node.http(drainer, "POST", json=body)
    assert status == 201
    assert made["drain"]["author"] == "drain"
    assert node.answered() == GCP
    listed = node.run("token", "list")[1]
    number = next(line.split()[0] for line in listed.splitlines() if "  drain  " in line)
    assert node.run("token", "revoke", number)[0] == 0
    assert (await node.http(drainer))[0] == 401


async def test_metrics_show_what_holds_and_what_was_answered(node: Drained) -> None:
    """Scraped over HTTP: drains, policies, workers' counters; health for orchestrators beside."""
    node.api.call("POST", "/drains", {"location": "aws", "reason": "seen"})
    assert node.answered() == GCP
    async with aiohttp.ClientSession(f"http://127.0.0.1:{node.metrics_port}") as session:
        found = {}
        for path in ("/metrics", "/healthz", "/readyz"):
            async with session.get(path) as response:
                assert response.status == 200
                found[path] = await response.text()
    text = found["/metrics"]
    assert 'gslb_drain_active{scope="drain",target="aws"} 1.0' in text
    assert 'gslb_endpoint_state{site="aws/us-east-1",state="drained",zone="az1"} 1.0' in text
    assert "gslb_policy_info{" in text
    asked = re.findall(r"^gslb_dns_requests_total{.*udp.*} (\S+)$", text, re.MULTILINE)
    assert sum(map(float, asked)) >= 40


def test_explain_by_the_api_sees_the_drain(node: Drained) -> None:
    """The story of an answer is told by the process that makes it."""
    asked = {"name": "www.example.com", "client": "192.0.2.0/24"}
    node.api.call("POST", "/drains", {"location": "aws", "reason": "seen"})
    story = node.api.call("GET", "/explain", query=asked)
    answers = {text for one in story["answers"] for text in one["records"]}
    assert answers == GCP
    with pytest.raises(CallError) as wrong:
        node.api.call("GET", "/explain", query={**asked, "client": "nobody"})
    assert wrong.value.status == 400


async def test_a_request_that_is_repeated_after_a_kill_makes_no_second_drain(
    tmp_path: Path,
) -> None:
    """Its key is kept with the drain; the repetition is told what is certain."""
    node = Drained(tmp_path)
    try:
        process = node.start()
        token = node.token("drain")
        body = {"location": "aws", "reason": "by program"}
        key = {"Idempotency-Key": "change-4711"}
        status, made = await node.http(token, "POST", json=body, headers=key)
        assert (status, made["pending"]) == (201, "")
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
        node.start()
        status, again = await node.http(token, "POST", json=body, headers=key)
        assert (status, again["drain"]["id"]) == (202, made["drain"]["id"])
        assert "stored before" in again["pending"]
        other = {**body, "reason": "another"}
        assert (await node.http(token, "POST", json=other, headers=key))[0] == 422
        assert len(node.api.call("GET", "/drains")["drains"]) == 1
    finally:
        node.stop()


def test_drains_survive_a_killed_supervisor(tmp_path: Path) -> None:
    """While it is gone, and with the next one; the audit log goes on, and shows a flipped byte."""
    node = Drained(tmp_path)
    try:
        process = node.start()
        assert node.run("drain", "aws", "--why", "long", "--no-expiry")[0] == 0
        with _asked_all_the_time(node) as answers:
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)
            assert node.answered() == GCP
            node.start()
            until(lambda: node.api.call("GET", "/status")["ready"], "it is ready")
            until(lambda: node.status()["policy"], "the policies are compiled")
            assert node.answered() == GCP
        assert set(answers) == {frozenset(GCP)}  # none was lost, none had who is drained
        assert len(answers) > 100
        assert node.run("undrain", "1")[0] == 0
        assert node.answered() == AWS | GCP
        assert node.run("audit", "verify")[0] == 0
        log = node.state / "audit.jsonl"
        octets = bytearray(log.read_bytes())
        octets[octets.index(b"long")] ^= 1
        log.write_bytes(octets)
        code, _, error = node.run("audit", "verify")
        assert code == 1
        assert f"{log}:1: " in error
    finally:
        node.stop()


@contextlib.contextmanager
def _asked_all_the_time(node: Drained) -> Iterator[list[frozenset[str]]]:
    """Yield the list that every answer goes to; what is not answered is an empty one."""
    answers: list[frozenset[str]] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answers.append(frozenset(node.addresses_of()))
            except (dns.exception.Timeout, OSError):
                answers.append(frozenset())

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        over.set()
        asking.join(PATIENCE_SECONDS)


def test_a_public_address_without_tls_is_refused(tmp_path: Path) -> None:
    """Failures F22: the node exits with a reason instead of listening for everybody."""
    node = Drained(tmp_path)
    node.config.write_text(f"api: {{listen: '0.0.0.0:{node.api_port}'}}\n")
    code, error = node.fail()
    assert code == 1
    assert str(Listen(address="0.0.0.0", port=node.api_port)) in error
    assert "TLS" in error
