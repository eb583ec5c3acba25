"""The word about health checks that nobody runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from gslb.node.unchecked import unchecked
from gslb.policy.compile import compile_policies

POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {{ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}}
checks:
  web: {{type: http, path: /healthz}}
  raw: {{type: tcp, port: 443}}
sites:
  aws/us-east-1: {{zones: {{a: {{A: 192.0.2.1}}}}}}
records:
  www.example.com: {{{www}rules: [{{to: aws/us-east-1}}]}}
  api.example.com: {{{api}rules: [{{to: aws/us-east-1}}]}}
"""


@pytest.mark.parametrize(
    ("www", "api", "begins"),
    [
        ("", "", None),
        ("check: web, ", "", "1 health check is configured;"),
        ("check: web, ", "check: web, ", "1 health check is configured;"),
        ("check: web, ", "check: raw, ", "2 health checks are configured;"),
    ],
)
def test_each_check_counts_once(tmp_path: Path, www: str, api: str, begins: str | None) -> None:
    """Equal checks are one; without any there is nothing to say."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.format(www=www, api=api))
    plan, problems = compile_policies([path])
    assert plan is not None, problems
    lines = unchecked(plan)
    assert len(lines) == (begins is not None)
    if begins is not None:
        assert lines[0].startswith(begins)
        assert "does not run them: every endpoint counts as up" in lines[0]
