"""What a node lets its checks touch, and what is told of those that it does not run."""

from __future__ import annotations

from pathlib import Path

from gslb.node.checker import Limits
from gslb.node.notes import NotRun, limits_of, what_is_not_run
from gslb.node.probing import NOTHING, probes_of, wishes
from gslb.policy.compile import compile_policies
from gslb.settings import Settings

POLICY = """\
version: 1
dns: {zone: example.com, nameservers: {ns1.example.com: [192.0.2.53], ns2.example.net: []}}
checks: {port: {type: tcp, port: 443}}
sites:
  aws/us-east-1: {zones: {a: {A: 10.0.0.1}, b: {A: 10.0.0.2}, c: {A: 192.0.2.1}}}
records: {www.example.com: {check: port, rules: [{to: aws/us-east-1}]}}
"""


def test_where_nothing_is_wanted_nothing_is_told() -> None:
    """The common case of a small node."""
    assert what_is_not_run(NOTHING, Limits(), "here") == NotRun()


def test_the_node_keeps_its_checks_from_itself() -> None:
    """Wherever it listens, and what its settings say besides."""
    said = {
        "listen": ["192.0.2.1:53", "[::]:53"],
        "api": {"listen": "127.0.0.1:8053"},
        "metrics": {"listen": "127.0.0.1:9153"},
        "agents": {"listen": "127.0.0.1"},
        "probes": {
            "allow": "10.0.0.0/8",
            "deny": "10.9.0.0/16",
            "allow_port": 25,
            "references": "10.1.1.1:53",
        },
    }
    limits = limits_of(Settings.model_validate(said))
    assert limits == Limits(
        ("10.0.0.0/8", "10.1.1.1"),
        deny=("10.9.0.0/16",),
        ports=(25,),
        sockets=("192.0.2.1:53", "[::]:53", "127.0.0.1:8053", "127.0.0.1:9153", "127.0.0.1:8054"),
    )
    assert limits.reach().refusal("10.1.1.1", 25) == ""
    assert limits.reach().refusal("10.9.0.1", 80)
    assert limits.reach().refusal("127.0.0.1", 8053)


def test_what_is_not_run_is_counted_once_and_told(tmp_path: Path) -> None:
    """Two addresses of private networks, and no command."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    plan, problems = compile_policies([path])
    assert plan is not None, problems
    found = probes_of(wishes(plan), {}, {"here"})
    assert len(found.probes) == 3
    closed = what_is_not_run(found, Limits(), "here")
    assert closed.probes == 2
    (note,) = closed.notes
    assert note.startswith("2 probes are not run")
    assert what_is_not_run(found, Limits(("10.0.0.0/8",)), "here") == NotRun()
