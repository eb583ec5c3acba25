"""Checks as they are run: what a policy does not say is filled in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gslb.policy.checks import SHORT_TIMEOUT, default_timeout
from gslb.policy.plan import Check, words_of
from tests.policytext import HEAD

SITE = """\
sites:
  aws/us-east-1: {{check: {}, zones: {{a: {{A: 192.0.2.11}}, b: {{A: 192.0.2.12}}}}}}
records:
  www.example.com: {{rules: [{{to: aws/us-east-1}}]}}
"""


@pytest.mark.parametrize(
    ("every", "timeout"), [(60.0, 2.0), (5.0, 2.0), (2.0, 0.8), (1.0, 0.5), (0.1, SHORT_TIMEOUT)]
)
def test_the_timeout_keeps_its_share_of_a_short_interval(every: float, timeout: float) -> None:
    assert default_timeout(every) == pytest.approx(timeout)


MADE_OF = """\
checks:
  port: {type: tcp, port: 443}
  page: {type: https, path: /healthz, timeout: 9s}
  ready: {preset: istio, every: 2s}
  alone: {preset: istio, data_path: false}
  shop: {preset: kong, host: shop.example.com, data_path: {port: 8443, path: /login, expect: 200}}
  both: {all: [port, page]}
  most: {at_least: 2, of: [port, both, ready]}
"""


@pytest.fixture
def check_of(compile_text: Callable) -> Callable[[str], Check]:
    """Return what the reference of a site to the templates above comes to."""

    def resolve(reference: str) -> Check:
        text = HEAD + MADE_OF + SITE.format(reference)
        check = compile_text(text).zone.policies[0].checks["aws/us-east-1"]
        assert check is not None
        return check

    return resolve


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("both", "2 of (tcp 443, https 443 /healthz)"),
        ("{any: [port, page]}", "1 of (tcp 443, https 443 /healthz)"),
        ("{any: port}", "1 of (tcp 443)"),
        ("ready", "2 of (http 15021 /healthz/ready, https 443 /)"),
        ("alone", "http 15021 /healthz/ready"),
        ("{preset: aws-nlb}", "tcp 443"),
        ("{use: alone, data_path: {path: /x}}", "2 of (http 15021 /healthz/ready, https 443 /x)"),
        ("shop", "2 of (http 8100 /status/ready, https 8443 /login)"),
        (
            "most",
            "2 of (tcp 443, 2 of (tcp 443, https 443 /healthz), 2 of (http 15021 /healthz/ready, https 443 /))",
        ),
    ],
)
def test_checks_are_made_of_checks(
    check_of: Callable[[str], Check], reference: str, words: str
) -> None:
    assert words_of(check_of(reference)) == words


def test_a_vantage_point_holds_for_each_part(check_of: Callable[[str], Check]) -> None:
    check = check_of("{use: most, from: [cn]}")
    assert {leaf.vantage for leaf in check.leaves} == {("cn",)}


def test_the_times_of_a_calculated_check_are_those_of_its_slowest_part(
    check_of: Callable[[str], Check],
) -> None:
    assert (check_of("both").every, check_of("both").timeout) == (5.0, 9.0)


def test_a_data_path_goes_as_the_check_beside_it(check_of: Callable[[str], Check]) -> None:
    """It has the times and the host of it; the codes that it takes are its own."""
    ready, path = check_of("ready").leaves
    assert (ready.every, ready.expect) == (2.0, ((200, 200),))
    assert (path.every, path.expect) == (2.0, ((200, 499),))
    ready, path = check_of("shop").leaves
    assert (ready.host, path.host, path.expect) == ("shop.example.com",) * 2 + (((200, 200),),)


@pytest.mark.parametrize(
    ("written", "extra"),
    [
        ("type: https, ca: /etc/ca.pem", [("ca", "/etc/ca.pem")]),
        (
            "type: dns, qname: example.com, accept: any",
            [("qname", "example.com"), ("accept", "any")],
        ),
        ("type: dns, qname: example.com, accept: answer", [("qname", "example.com")]),
        ("type: grpc, port: 1, tls: true, ca: /c", [("ca", "/c"), ("tls", "yes")]),
        ("type: grpc, port: 1, tls: false, service: s", [("service", "s")]),
        ("type: exec, command: [b, a, b]", [("command", "b"), ("command", "a"), ("command", "b")]),
    ],
)
def test_what_only_one_type_has_reaches_its_probe(
    check_of: Callable[[str], Check], written: str, extra: list[tuple[str, str]]
) -> None:
    assert list(check_of(f"{{{written}}}").extra) == extra
