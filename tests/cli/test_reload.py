"""What ``gslb reload`` prints for people."""

from __future__ import annotations

from typing import Any

from gslb.cli.reload import describe

ANSWER: dict[str, Any] = {
    "ok": True,
    "unchanged": False,
    "changes": ["1 name added: api.example.com"],
    "generation": 4,
    "policy": "0123abc",
    "zones": ["example.com"],
    "names": 2,
    "warnings": 0,
    "new_warnings": [],
    "seconds": 0.31,
}


def test_what_is_served_and_what_has_changed_are_told() -> None:
    """First the whole, then the difference."""
    assert list(describe(ANSWER)) == [
        "generation 4 is served: 2 names in example.com, policy 0123abc, compiled in 0.3 s",
        "  1 name added: api.example.com",
    ]


def test_nothing_new_is_said_to_be_nothing() -> None:
    """The generation stays."""
    answer = {**ANSWER, "unchanged": True, "changes": []}
    assert list(describe(answer)) == [
        "nothing has changed: generation 4 stays, 2 names in example.com, policy 0123abc"
    ]


def test_warnings_of_before_are_only_counted() -> None:
    """The new ones are printed beside this."""
    answer = {**ANSWER, "warnings": 3, "new_warnings": ["b"]}
    assert list(describe(answer))[-1] == "  2 warnings as before; gslb check shows all"
    answer = {**ANSWER, "warnings": 1}
    assert list(describe(answer))[-1] == "  1 warning as before; gslb check shows all"
