"""What a node lets its checks touch, and what is told of those that it does not run."""

from __future__ import annotations

from gslb.node.checker import Limits
from gslb.node.notes import limits_of, what_is_not_run
from gslb.node.probing import NOTHING
from gslb.settings import Settings


def test_where_nothing_is_wanted_nothing_is_told() -> None:
    """The common case of a small node."""
    assert what_is_not_run(NOTHING, Limits(), "here") == []


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
