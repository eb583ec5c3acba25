from __future__ import annotations

from typing import Any

import dns.rdata
import pytest

from gslb.push.octodns.exporting import export_zone
from gslb.push.octodns.values import CARRIED, ValueFormError, octodns_value, rdata_text
from tests.push.octodns import lab

VALUES: dict[str, list[Any]] = {
    "A": ["192.0.2.1"],
    "AAAA": ["2001:db8::1"],
    "CAA": [{"flags": 0, "tag": "issue", "value": "ca.example.net; policy=ev".replace(";", "\\;")}],
    "CNAME": ["lb.example.net."],
    "DS": [{"key_tag": 60485, "algorithm": 13, "digest_type": 2, "digest": "ab" * 32}],
    "HTTPS": [
        {"svcpriority": 1, "targetname": ".", "svcparams": {"alpn": ["h2", "h3"], "port": 8443}},
        {"svcpriority": 2, "targetname": "lb.example.net.", "svcparams": {"ipv4hint": ["192.0.2.1"]}},
    ],
    "MX": [{"preference": 10, "exchange": "mail.example.com."}],
    "NAPTR": [
        {"order": 1, "preference": 2, "flags": "S", "service": "SIP+D2U", "regexp": "!^.*$!x!",
         "replacement": "_sip._udp.example.com."}
    ],
    "NS": ["ns.example.net."],
    "PTR": ["host.example.net."],
    "SRV": [{"priority": 0, "weight": 10, "port": 443, "target": "www.example.com."}],
    "SSHFP": [{"algorithm": 1, "fingerprint_type": 1, "fingerprint": "bf29468c83ac58ccf8c85ab7b3bebb054ecf1e38"}],
    "TLSA": [
        {"certificate_usage": 3, "selector": 1, "matching_type": 1,
         "certificate_association_data": "ab" * 32}
    ],
    "TXT": ["v=spf1 include:example.net -all", "a\\;b", 'say \\"hi\\"', "x" * 600, "a\\\\b"],
    "URI": [{"priority": 10, "weight": 1, "target": "https://example.net/"}],
}  # fmt: skip


def test_every_type_is_tried_but_those_that_are_alike() -> None:
    assert CARRIED - VALUES.keys() == {"OPENPGPKEY", "SPF", "SVCB"}


@pytest.mark.parametrize("rtype", VALUES)
def test_a_value_becomes_rdata_and_the_same_value_again(rtype: str) -> None:
    for value in VALUES[rtype]:
        rdata = dns.rdata.from_text("IN", rtype, rdata_text(rtype, value))
        assert octodns_value(rtype, rdata.to_wire() or b"") == value


def test_octodns_loads_what_came_through_a_policy() -> None:
    records = {
        f"x{rtype.lower()}": {"type": rtype, "ttl": 300, "values": values}
        for rtype, values in VALUES.items()
    }
    records["_https._tcp"] = records.pop("xsrv")
    records["_ftp._tcp"] = records.pop("xuri")
    del records["xcname"]["values"]
    records["xcname"]["value"] = VALUES["CNAME"][0]
    first = lab.read(records)
    again = lab.read(export_zone(first.zone)[0])
    for key, record in first.theirs.items():
        assert again.theirs[key].data == record.data, key


@pytest.mark.parametrize(
    ("rtype", "value"),
    [
        ("MX", {"preference": 10}),
        ("MX", "10 mail"),
        ("NS", "ns1"),
        ("A", 5),
        ("SRV", {"priority": []}),
    ],
)
def test_a_value_of_another_form_is_refused(rtype: str, value: Any) -> None:
    with pytest.raises(ValueFormError):
        rdata_text(rtype, value)


def test_an_old_spelling_of_mx_is_read() -> None:
    assert (
        rdata_text("MX", {"priority": 10, "value": "mail.example.com."}) == "10 mail.example.com."
    )
