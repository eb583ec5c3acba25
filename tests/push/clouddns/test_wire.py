"""What Cloud DNS lists is what plans hold, and back; errors are understood."""

from __future__ import annotations

from typing import Any

import pytest

from gslb.push.clouddns.failures import understood
from gslb.push.clouddns.wire import check_link, read_rrset, write_batch
from gslb.push.objects import Action, Batch, Change
from gslb.push.pace import Transient
from gslb.push.provider import Conflict, Refused, Throttled, Unavailable

LINK = check_link("p", "gslb-me-h1")
GEO: dict[str, Any] = {
    "kind": "dns#resourceRecordSet", "name": "WWW.example.com.", "type": "A", "ttl": 60,
    "rrdatas": [], "signatureRrdatas": [],
    "routingPolicy": {"kind": "x", "geo": {"items": [{"location": "us-east1", "rrdatas": ["192.0.2.1"],
                                                      "signatureRrdatas": []}]},
                      "healthCheck": LINK},
}  # fmt: skip


def test_what_replies_add_and_leave_out_is_evened() -> None:
    one = read_rrset(GEO, {LINK: "h1"})
    items = [{"location": "us-east1", "rrdatas": ["192.0.2.1"]}]
    policy = {"geo": {"items": items, "enableFencing": False}, "healthCheck": "h1"}
    assert one.body == {"name": "www.example.com.", "type": "A", "ttl": 60, "routingPolicy": policy}


def test_a_weight_is_a_number_however_it_was_written() -> None:
    def wrr(weight: dict[str, Any]) -> str:
        items = [{"rrdatas": ["192.0.2.1"], **weight}]
        policy = {"wrr": {"items": items}}
        return read_rrset({**GEO, "routingPolicy": policy}, {}).text

    assert wrr({"weight": 0}) == wrr({}) == wrr({"weight": 0.0})
    assert wrr({"weight": 1}) == wrr({"weight": 1.0})


def test_an_update_deletes_what_was_read_and_adds_what_is_wanted() -> None:
    old = read_rrset({**GEO, "ttl": 30}, {LINK: "h1"})
    new = read_rrset(GEO, {LINK: "h1"})
    body = write_batch(Batch((Change(Action.UPDATE, old, new),), 1, 1), {"h1": LINK})
    assert [one["ttl"] for one in body["deletions"]] == [30]
    assert [one["routingPolicy"]["healthCheck"] for one in body["additions"]] == [LINK]


@pytest.mark.parametrize(
    ("status", "reason", "message", "told"),
    [
        (403, "rateLimitExceeded", "", Throttled),
        (429, "", "", Throttled),
        (503, "backendError", "", Transient),
        (412, "conditionNotMet", "Precondition not met for 'entity.change.deletions[0]'", Conflict),
        (409, "alreadyExists", "The resource 'entity.change.additions[0]' named 'x'", Conflict),
        (404, "notFound", "The 'entity.change.deletions[0]' resource", Conflict),
        (404, "notFound", "The 'parameters.managedZone' resource", Unavailable),
        (403, "forbidden", "SECRET", Unavailable),
        (403, "quotaExceeded", "The resource 'entity.managedZone'", Refused),
        (400, "invalid", "Invalid value for 'entity.change.additions[0].rrdatas[0]'", Refused),
    ],
)
def test_errors_of_a_change(status: int, reason: str, message: str, told: type) -> None:
    change = Change(Action.CREATE, None, read_rrset(GEO, {}))
    answer = {"error": {"message": message, "errors": [{"reason": reason}]}}
    error = understood("dns.changes.create", status, answer, [change])
    assert type(error) is told
    assert "SECRET" not in str(error)
    if isinstance(error, Refused):
        assert error.names == (("www.example.com.",) if "additions" in message else ())


@pytest.mark.parametrize("answer", [None, [], {}, {"error": "x"}, {"error": {"errors": []}}])
def test_replies_that_are_not_googles_are_errors_all_the_same(answer: object) -> None:
    assert isinstance(understood("dns.projects.get", 502, answer), Transient)
    assert isinstance(understood("dns.projects.get", 418, answer), Unavailable)
