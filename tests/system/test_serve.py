"""A server that runs: the same answers over every transport, reloads, and an end in order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import dns.rcode
import pytest

from gslb.cli.calling import Node as Api
from tests.patience import PATIENCE_SECONDS
from tests.policytext import HEAD
from tests.system.nodes import Node, is_alive, until

pytestmark = pytest.mark.system


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_the_same_answers_come_over_udp_and_tcp_and_both_families(tmp_path: Path) -> None:
    """RFC 7766 section 5: one content on every transport."""
    addresses = ("127.0.0.1", "::1") if has_ipv6() else ("127.0.0.1",)
    node = Node(tmp_path, addresses)
    try:
        node.start()
        questions = [
            ("www.example.com", "A"),
            ("www.example.com", "AAAA"),
            ("mail.example.com", "A"),
            ("example.com", "SOA"),
            ("example.com", "NS"),
            ("none.example.com", "A"),
            ("example.net", "A"),
        ]
        for name, rtype in questions:
            responses = [
                node.ask(name, rtype, tcp=tcp, address=address)
                for address in addresses
                for tcp in (False, True)
            ]
            assert len({(r.rcode(), r.flags, *map(str, r.sections[:3])) for r in responses}) == 1
        assert node.addresses_of() == ["192.0.2.1"]
        assert node.ask("none.example.com").rcode() == dns.rcode.NXDOMAIN
        assert node.ask("example.net").rcode() == dns.rcode.REFUSED
    finally:
        node.stop()


def test_a_wildcard_address_answers_from_where_it_was_asked(tmp_path: Path) -> None:
    """RFC 2181 section 4: a query to 127.0.0.2 is answered by 127.0.0.2."""
    node = Node(tmp_path, ("0.0.0.0",))
    try:
        node.start()
        assert node.addresses_of(address="127.0.0.2") == ["192.0.2.1"]
        assert node.addresses_of(address="127.0.0.2", tcp=True) == ["192.0.2.1"]
    finally:
        node.stop()


def test_a_reload_serves_what_the_policies_say_now(usual: Node) -> None:
    """Every worker has taken the new table up when `gslb reload` comes back."""
    node = usual
    before = node.status()["generation"]
    node.write_policy("192.0.2.2")
    code, out, err = node.reload()
    assert code == 0, err
    assert node.answers("192.0.2.2")
    status = node.status()
    assert status["generation"] > before
    assert f"generation {status['generation']} is served" in out
    assert {worker["generation"] for worker in status["workers"]} == {status["generation"]}


def test_a_refused_reload_changes_nothing_and_says_why(usual: Node) -> None:
    """The errors come back with file, line and column; they stay in the status until mended."""
    node = usual
    before = node.status()
    node.policy.write_text(
        node.policy.read_text().replace("to: aws/us-east-1", "to: aws/us-east-9")
    )
    code, out, err = node.reload()
    assert (code, out) == (1, "")
    line = next(
        n for n, text in enumerate(node.policy.read_text().splitlines(), 1) if "east-9" in text
    )
    assert f"{node.policy}:{line}:" in err
    assert "us-east-9" in err
    assert "what was served stays" in err
    assert node.answers("192.0.2.1")
    after = node.status()
    assert after["generation"] == before["generation"]
    assert "us-east-9" in after["refused"][0]
    told = Api(node.state).call("GET", "/status")
    assert (told["refused"], told["failed"]) == (after["refused"], after["failed"])
    assert (told["warnings"], told["notes"]) == (after["warnings"], after["notes"])
    node.write_policy("192.0.2.3")
    assert node.reload()[0] == 0
    assert node.status()["refused"] == []


def test_a_reload_says_what_has_changed(usual: Node) -> None:
    """Nothing new is no new generation, and a refusal uses none up."""
    node = usual
    generation = node.status()["generation"]
    code, out, _ = node.reload()
    assert code == 0
    assert out.startswith(f"nothing has changed: generation {generation} stays, 1 name in ")
    good = node.policy.read_text()
    node.policy.write_text("version: 2\n")
    assert node.reload()[0] == 1
    node.policy.write_text(good.replace("www.", "api."))
    code, out, _ = node.reload()
    assert out.splitlines()[0].startswith(f"generation {generation + 1} is served: 1 name in ")
    assert out.splitlines()[1:] == [
        "  1 name added: api.example.com",
        "  1 name removed: www.example.com",
    ]


CHECKED = (
    HEAD
    + """\
checks:
  web: {type: http, path: /healthz, from: [elsewhere]}
sites:
  aws/us-east-1: {check: web, zones: {a: {A: 192.0.2.1}, b: {A: 192.0.2.2}}}
  aws/us-east-2: {check: web, zones: {a: {A: 192.0.2.3}, b: {A: 192.0.2.4}}}
records:
  www.example.com: {rules: [{to: aws/us-east-1}]}
"""
)


def test_what_was_said_of_the_policies_is_not_said_again(node: Node) -> None:
    """A reload logs and prints warnings that are new; status counts all and has the notes."""
    node.policy.write_text(CHECKED)
    node.start()
    until(lambda: node.events("policies"), "what is said of the policies is said")
    before = len(node.events("policy warning"))
    assert before  # about a site that nobody uses
    assert len(node.events("note")) == 1
    node.policy.write_text("# moves every line down\n" + CHECKED.replace(".2.1}", ".2.9}"))
    code, out, err = node.reload()
    assert (code, err) == (0, "")
    assert "as before; gslb check shows all" in out
    assert len(node.events("policy warning")) == before
    assert len(node.events("note")) == 1
    code, out, _ = node.gslb("status", "--state-directory", str(node.state))
    assert code == 0
    assert f"warnings    {before}; " in out
    assert "note        1 check is for other checkers" in out


def test_code_in_the_current_folder_is_not_run(node: Node) -> None:
    """The checkout that the installed program came from, for instance: it is another program."""
    strange = node.folder / "gslb" / "__init__.py"
    strange.parent.mkdir()
    strange.write_text("raise SystemExit('not this one')\n")
    node.start_in(node.folder)
    assert node.answers("192.0.2.1")
    assert "not this one" not in node.log.read_text()


def test_root_is_warned_and_not_refused(standing: Node) -> None:
    """Containers and tries run as root; everybody else hears nothing."""
    assert len(standing.events("runs as root")) == (os.geteuid() == 0)


def test_sighup_reloads_too(usual: Node) -> None:
    """The signal that service managers send has the same effect, and the log says what came of it."""
    node = usual
    process = node.processes[0]
    node.write_policy("192.0.2.4")
    process.send_signal(signal.SIGHUP)
    node.await_answers("192.0.2.4")
    word = "policies refused; what was served stays"
    before = len(node.events(word))
    node.policy.write_text("version: 2\n")
    process.send_signal(signal.SIGHUP)
    until(lambda: len(node.events(word)) > before, "the refusal is logged")
    assert node.answers("192.0.2.4")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_everything_in_order(node: Node, stop: signal.Signals) -> None:
    """Exit code 0, no worker left, and the port free for the next one."""
    process = node.start()
    workers = [worker["pid"] for worker in node.status()["workers"]]
    process.send_signal(stop)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert not any(map(is_alive, workers))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", node.port))
    assert "Traceback" not in node.log.read_text()


def test_a_stop_during_the_start_is_obeyed(node: Node) -> None:
    """Compiling takes its time; nobody has to wait for it to be rid of the server."""
    process = node.spawn()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(children.read_text, "the policies are being compiled")
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert "Traceback" not in node.log.read_text()
    assert not any(is_alive(event["worker_pid"]) for event in node.events("worker serves"))


def test_a_start_serves_the_last_table_before_it_compiles(node: Node) -> None:
    """Broken policies, and the last good table on disk: that is served, with an alarm."""
    node.start()
    policy = node.status()["policy"]
    node.processes[0].terminate()
    node.processes[0].wait(PATIENCE_SECONDS)
    node.policy.write_text("nonsense: [\n")
    node.start()
    assert node.answers("192.0.2.1")
    until(lambda: node.status()["refused"], "the refusal shows in the status")
    until(lambda: node.status()["policy"] == policy, "the last good policies are compiled")
    assert node.status()["refused"]
    node.write_policy("192.0.2.5")
    assert node.reload()[0] == 0
    assert node.answers("192.0.2.5")


def test_a_corrupted_newest_table_makes_room_for_the_one_before(node: Node) -> None:
    """What does not verify is passed over, with its reason in the log."""
    node.start()
    node.write_policy("192.0.2.6")
    assert node.reload()[0] == 0
    newest = Path(node.status()["table"])
    node.processes[0].terminate()
    node.processes[0].wait(PATIENCE_SECONDS)
    octets = bytearray(newest.read_bytes())
    octets[200] ^= 0xFF
    newest.write_bytes(octets)
    node.policy.write_text("nonsense: [\n")
    node.start()
    assert node.answers("192.0.2.1")
    assert str(newest) in node.events("table on disk is not valid")[0]["reason"]


def test_generations_never_go_back(node: Node) -> None:
    """A restart goes on counting where the last run stopped."""
    seen = []
    for _ in range(3):
        process = node.start()
        until(lambda: node.status()["policy"], "the policies are compiled")
        seen.append(node.status()["generation"])
        process.terminate()
        process.wait(PATIENCE_SECONDS)
    assert seen == sorted(set(seen))


def test_the_service_manager_hears_when_it_serves(node: Node, tmp_path: Path) -> None:
    """READY=1 comes once queries are answered, STOPPING=1 at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(PATIENCE_SECONDS)
        manager.bind(str(tmp_path / "notify"))
        process = node.spawn(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert manager.recv(4096).startswith(b"READY=1\nSTATUS=serving generation")
        assert node.addresses_of() == ["192.0.2.1"]
        said = [manager.recv(4096).split(b"\n")[0] for _ in range(2)]  # more: test_replace
        assert said == [b"FDSTOREREMOVE=1", b"FDSTORE=1"]
        process.terminate()
        assert manager.recv(4096) == b"STOPPING=1"


def test_secrets_are_private_and_never_logged(node: Node) -> None:
    """The cookie secret has mode 0600, survives a restart, and is in no log and no command line."""
    process = node.start()
    path = node.state / "cookie-secrets"
    secret = path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    for worker in node.status()["workers"]:
        assert secret not in Path(f"/proc/{worker['pid']}/cmdline").read_text()
        assert secret not in Path(f"/proc/{worker['pid']}/environ").read_text()
    process.terminate()
    process.wait(PATIENCE_SECONDS)
    node.start()
    assert path.read_text().strip() == secret
    assert secret not in node.log.read_text()


def test_status_is_told_to_people_and_to_programs(usual: Node) -> None:
    """Both forms name what runs and what is served."""
    node = usual
    process = node.processes[0]
    until(lambda: node.status()["policy"], "the policies are compiled")
    status = node.status()
    assert status["pid"] == process.pid
    assert status["listen"] == [f"127.0.0.1:{node.port}"]
    assert (status["zones"], status["names"]) == (["example.com"], 1)
    assert [worker["serving"] for worker in status["workers"]] == [True, True]
    code, out, _ = node.gslb("status", "--state-directory", str(node.state))
    assert code == 0
    assert "1 name in example.com" in out
    assert f"pid {status['workers'][1]['pid']}" in out


def test_nobody_to_ask_is_said_in_one_line(node: Node) -> None:
    """Status and reload of a server that does not run end with 1."""
    node.state.mkdir(mode=0o700)
    for command in ("status", "reload"):
        code, out, err = node.gslb(command, "--state-directory", str(node.state))
        assert (code, out) == (1, "")
        assert err.count("\n") == 1
        assert "nobody answers" in err


def test_two_nodes_of_one_machine_do_not_disturb_each_other(tmp_path: Path) -> None:
    """State directory and port are all that a node needs of its own."""
    one, two = Node(tmp_path / "one"), Node(tmp_path / "two")
    try:
        two.write_policy("192.0.2.9")
        one.start()
        two.start()
        assert one.answers("192.0.2.1")
        assert two.answers("192.0.2.9")
    finally:
        one.stop()
        two.stop()


def test_help_and_version_need_no_setting(node: Node) -> None:
    """They work anywhere, at once."""
    for words in (["--help"], ["--version"], ["serve", "--help"]):
        done = subprocess.run(
            [*node.command()[:3], *words], capture_output=True, timeout=PATIENCE_SECONDS, check=True
        )
        assert done.stdout
