"""A server and the doubles of two providers: drains reach the copies, which answer when it is gone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.system.copies import AWS, GCP, POLICY, Providers, Pushed
from tests.system.nodes import free_port, is_alive, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]  # plans are measured on the whole world


@pytest.fixture
def providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    with Providers(tmp_path) as made:
        for name, value in made.environment.items():  # for the clients of the test itself
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def node(tmp_path: Path, providers: Providers) -> Iterator[Pushed]:
    made = Pushed(tmp_path / "node", providers.settings, providers.environment)
    made.start()
    yield made
    made.stop()


def begin(node: Pushed) -> None:
    """Have the first plan of every copy looked at and carried out."""
    until(lambda: node.states() == {"held"}, "the copies wait for a first plan")
    code, out, error = node.run("push", "plan")
    assert code == 2, error
    plans = re.findall(r"to carry it out: gslb push apply ([0-9a-f]{16})", out)
    assert len(plans) == 2, out
    for plan in plans:
        code, out, error = node.run("push", "apply", plan)
        assert code == 0, error
        assert "insync" in out


def test_a_drain_reaches_both_copies_which_answer_when_the_server_is_gone(
    node: Pushed, providers: Providers
) -> None:
    """Nothing is pushed before an operator has seen a plan; then drains follow by themselves."""
    before = providers.aws.snapshot(), providers.google.snapshot()
    until(lambda: node.states() == {"held"}, "the copies wait for a first plan")
    assert (providers.aws.snapshot(), providers.google.snapshot()) == before
    begin(node)
    assert set(map(frozenset, providers.answered().values())) == {frozenset(AWS | GCP)}

    began = time.monotonic()
    answer = node.api.call(
        "POST", "/drains", {"location": "aws", "reason": "power"}, {"wait": "push"}, 80
    )
    print(
        f"from the call of a drain until both copies are in sync: {time.monotonic() - began:.1f} s"
    )
    assert {one["state"] for one in answer["copies"]} == {"insync"}, answer["copies"]
    assert all(one["change"] for one in answer["copies"])
    assert set(map(frozenset, providers.answered().values())) == {frozenset(GCP)}
    assert node.addresses_of()[0] in GCP
    kinds = [entry["action"] for entry in map(json.loads, audit(node))]
    assert kinds.count("push") == 4
    assert kinds.count("push.apply") == 2
    assert node.run("audit", "verify")[0] == 0
    code, out, error = node.run("push", "verify")
    assert code == 0, out + error
    assert out.count("as it should be") == 2

    node.processes[-1].send_signal(signal.SIGKILL)
    node.processes[-1].wait(PATIENCE_SECONDS)
    assert set(map(frozenset, providers.answered().values())) == {frozenset(GCP)}
    node.start()
    until(lambda: node.states() == {"insync"}, "the next one finds all as it should be")
    assert set(map(frozenset, providers.answered().values())) == {frozenset(GCP)}
    answer = node.api.call("DELETE", "/drains/1", query={"wait": "push"}, seconds=80)
    assert {one["state"] for one in answer["copies"]} == {"insync"}, answer["copies"]
    assert set(map(frozenset, providers.answered().values())) == {frozenset(AWS | GCP)}


def audit(node: Pushed) -> list[str]:
    return (node.state / "audit.jsonl").read_text().splitlines()


def test_a_plan_is_not_carried_out_when_the_state_has_moved(
    node: Pushed, providers: Providers
) -> None:
    """A drain in between, or a second time: the hash is of another state."""
    until(lambda: node.states() == {"held"}, "the copies wait for a first plan")
    code, out, error = node.run("push", "plan", "--provider", "route53", "--json")
    assert code == 2, error
    (plan,) = json.loads(out)
    node.api.call("POST", "/drains", {"location": "aws", "reason": "power"})
    before = providers.aws.snapshot()
    code, _, error = node.run(
        "push", "apply", plan["hash"]
    )  # what the drain has begun is waited for
    assert code == 1
    assert "the state has moved since" in error
    assert providers.aws.snapshot() == before
    code, _, error = node.run("push", "apply", "0" * 16)
    assert code == 1
    assert "no plan 0000000000000000" in error


def test_without_credentials_serving_and_drains_go_on(tmp_path: Path) -> None:
    """Status, drain answers and metrics say so; nothing waits for it."""
    with Providers(tmp_path) as providers:
        nothing = {
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "NO_GCE_CHECK": "true",
            "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "nowhere.json"),
            "GSLB_CLOUDDNS_URL": providers.google.url,
            "AWS_ENDPOINT_URL": providers.aws.url,
        }  # fmt: skip
        port = free_port()
        push = f"{providers.settings}metrics: {{listen: 127.0.0.1:{port}}}\n"
        node = Pushed(tmp_path / "node", push, nothing)
        try:
            node.start()
            until(
                lambda: all("credentials" in one["reason"] for one in node.copies()),
                "both say what they lack",
            )
            assert node.states() == {"unavailable"}
            reasons = {one["provider"]: one["reason"] for one in node.copies()}
            assert "no credentials: boto3 looks for AWS_ACCESS_KEY_ID" in reasons["route53"]
            assert "google-auth looks for GOOGLE_APPLICATION_CREDENTIALS" in reasons["clouddns"]
            code, out, _ = node.run("drain", "aws", "--why", "power")
            assert code == 0
            assert "UNAVAILABLE" in out
            assert node.addresses_of()[0] in GCP
            code, out, _ = node.run("push", "status")
            assert code == 1
            assert out.count("UNAVAILABLE") == 2
            code, out, error = node.run("push", "plan")
            assert code == 1
            assert "credentials" in error.lower()
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_SECONDS
            ) as page:
                text = page.read().decode()
            assert re.search(r'gslb_push_state{.*route53.*state="unavailable".*} 1.0', text)
            assert "Traceback" not in node.log.read_text()
        finally:
            node.stop()


def test_the_pushing_process_is_replaced_when_it_dies(node: Pushed) -> None:
    """It says so meanwhile, and serving does not notice."""
    begin(node)
    pusher = pusher_of(node)
    os.kill(pusher, signal.SIGKILL)
    until(lambda: not is_alive(pusher), "it is gone")
    assert node.addresses_of()
    until(lambda: node.events("pushing process ended"), "the log tells")
    until(lambda: node.states() == {"insync"}, "another one finds all as it should be")


def pusher_of(node: Pushed) -> int:
    """Return the process that pushes."""
    (found,) = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _is_child(folder, node.processes[-1].pid)
    ]
    return found


def test_a_pusher_killed_between_batches_is_followed_by_one_that_finishes(
    tmp_path: Path, providers: Providers
) -> None:
    """The manifest tells how far it came; the batch that was in flight lands after its death."""
    providers.google.limits.quota |= {"rrsetAdditionsPerChange": 25, "rrsetDeletionsPerChange": 25}
    node = Pushed(tmp_path / "node", providers.settings, providers.environment)
    alike = "".join(f"  n{n}.example.com: {{policy: shared}}\n" for n in range(30))
    shared = "policies:\n  shared: {rules: [{to: aws/us-east-1}]}\nrecords:\n"
    node.policy.write_text(POLICY.replace("records:\n", shared) + alike)
    try:
        node.start()
        until(lambda: node.states() == {"held"}, "the copies wait for a first plan")
        code, out, error = node.run("push", "plan", "--provider", "clouddns", "--json")
        assert code == 2, error
        (plan,) = json.loads(out)
        held = providers.google.faults.hold("dns.changes.create", skip=1)
        code, _, error = node.run("push", "apply", plan["hash"], "--no-wait")
        assert code == 0, error
        held.wait_for_arrival()
        pusher = pusher_of(node)
        os.kill(pusher, signal.SIGKILL)
        until(lambda: not is_alive(pusher), "it is gone")
        assert re.search(r"gslb/part=1/[3-9]", str(providers.google.sets("example-com")))
        held.release()
        until(lambda: whole(node), "another one finishes it by itself", 2 * PATIENCE_SECONDS)
        part = re.search(r"gslb/part=(\d)/(\d)", str(providers.google.sets("example-com")))
        assert part is not None
        assert part[1] == part[2]
        assert providers.answered()["clouddns"] == AWS | GCP
    finally:
        node.stop()


def whole(node: Pushed) -> bool:
    (copy,) = [one for one in node.copies() if one["provider"] == "clouddns"]
    print(copy["state"], copy["reason"], copy["stops"])
    return copy["state"] == "insync" and bool(copy["begun"])


def _is_child(folder: Path, parent: int) -> bool:
    with contextlib.suppress(OSError):
        stat = (folder / "stat").read_text().rpartition(")")[2].split()
        return int(stat[1]) == parent and b"gslb.fallback" in (folder / "cmdline").read_bytes()
    return False


def test_a_drain_while_the_server_is_away_holds_its_pushes_until_it_drains_too(
    node: Pushed, providers: Providers
) -> None:
    """`gslb push drain --from-state` from credentials alone; nothing undoes it silently."""
    begin(node)
    node.processes[-1].send_signal(signal.SIGKILL)
    node.processes[-1].wait(PATIENCE_SECONDS)
    code, out, error = node.run("push", "drain", "192.0.2.1", "--from-state")
    assert code == 0, out + error
    assert out.count("insync") == 2
    left = frozenset(AWS | GCP) - {"192.0.2.1"}
    assert set(map(frozenset, providers.answered().values())) == {left}

    code, out, error = node.run("push", "undrain", "192.0.2.1", "--from-state")
    assert code == 0, out + error
    assert set(map(frozenset, providers.answered().values())) == {frozenset(AWS | GCP)}
    code, out, error = node.run("push", "drain", "192.0.2.1", "--from-state")
    assert code == 0, out + error

    node.start()
    until(lambda: node.states() == {"held"}, "its pushes are held")
    for one in node.copies():
        assert any("192.0.2.1 drained there while we were away" in stop for stop in one["stops"])
    assert set(map(frozenset, providers.answered().values())) == {left}
    body = {"location": "aws/us-east-1/az1", "reason": "power"}
    answer = node.api.call("POST", "/drains", body, {"wait": "push"}, 80)
    assert {one["state"] for one in answer["copies"]} == {"insync"}, answer["copies"]
    assert set(map(frozenset, providers.answered().values())) == {left}
    lifted = node.api.call(
        "DELETE", f"/drains/{answer['drain']['id']}", query={"wait": "push"}, seconds=80
    )
    assert {one["state"] for one in lifted["copies"]} == {"insync"}, lifted["copies"]
    assert set(map(frozenset, providers.answered().values())) == {frozenset(AWS | GCP)}


def test_a_delegation_is_switched_from_the_last_state_alone(
    tmp_path: Path, providers: Providers
) -> None:
    """No server, no policies: a file that `plan --direct --save` wrote, and the parent's zone."""
    parent = providers.aws.add_zone("com")
    node = Pushed(tmp_path / "node", providers.settings, providers.environment)
    state = tmp_path / "copy.json"
    words = ("--provider", "route53", "--zone", "example.com")
    policies = ("--policies", str(node.policy))
    code, out, error = node.run("push", "plan", "--direct", *words, "--save", str(state), *policies)
    assert code == 2, out + error
    node.config.write_text(
        f"{providers.settings}  parent: {{route53: {{zone: com, zone_id: {parent}}}}}\n"
    )
    code, out, error = node.run(
        "push", "delegate", "--to", "route53", "--state", str(state), "--policies", "/nowhere"
    )
    assert code == 0, out + error
    assert "example.com.  delegated to route53: " in out
    (found,) = [one for one in providers.aws.sets(parent) if one["Name"] == "example.com."]
    (apex,) = [one for one in providers.aws.sets(providers.zone_id) if one["Type"] == "NS"]
    named, servers = ({one["Value"] for one in each["ResourceRecords"]} for each in (found, apex))
    assert named == servers
    assert (found["Type"], found["TTL"]) == ("NS", 300)
    code, out, _ = node.run("push", "delegate", "--to", "route53", "--state", str(state))
    assert (code, "already" in out) == (0, True)
    code, out, error = node.run("push", "delegate", "--to", "route53")  # by the copy itself
    assert (code, "already" in out) == (0, True), error
