"""Checks become probes: at which addresses, with which host, equal ones once."""

from __future__ import annotations

from pathlib import Path

from gslb.node.probing import Probing, Wish, names_of, probes_of, wishes
from gslb.policy.compile import compile_policies
from gslb.steering.situation import AliasAddresses

POLICY = """\
version: 1
dns:
  zone: example.com
  nameservers: {{ns1.example.com: [192.0.2.53], ns2.example.com: [198.51.100.53]}}
checks:
  web: {{type: https, path: /healthz, every: 7s}}
  raw: {{type: tcp, port: 443}}
{checks}
sites:
  aws/us-east-1: {{zones: {{a: {{A: 192.0.2.1, AAAA: "2001:db8::1"}}, b: {{A: 192.0.2.2}}}}}}
  gcp/europe-west3: {{zones: {{a: {{alias: lb.example.net}}}}}}
records:
{records}
"""
LB = b"\x02lb\x07example\x03net\x00"
CHECKER = {"here"}


def wanted(folder: Path, records: str, checks: str = "") -> tuple[Wish, ...]:
    path = folder / "policy.yaml"
    path.write_text(POLICY.format(records=records, checks=checks))
    plan, problems = compile_policies([path])
    assert plan is not None, problems
    return wishes(plan)


def probing(
    folder: Path,
    records: str,
    resolved: dict[bytes, AliasAddresses] | None = None,
    checks: str = "",
) -> Probing:
    return probes_of(wanted(folder, records, checks), resolved or {}, CHECKER)


def test_each_address_of_an_endpoint_is_probed(tmp_path: Path) -> None:
    """Both families, with the name that is steered there as host."""
    found = probing(tmp_path, "  www.example.com: {check: web, rules: [{to: aws/us-east-1}]}")
    assert {probe.address for probe in found.probes.values()} == {
        "192.0.2.1",
        "192.0.2.2",
        "2001:db8::1",
    }
    for probe in found.probes.values():
        assert (probe.type, probe.port, probe.host, probe.path, probe.every) == (
            "https",
            443,
            "www.example.com",
            "/healthz",
            7.0,
        )
    assert {key[0]: len(targets) for key, targets in found.v6.items()} == {
        "aws/us-east-1/a": 1  # the other has no IPv6, so nothing is said of it
    }
    assert set(found.groups.values()) == {"aws"}


def test_equal_probes_are_one(tmp_path: Path) -> None:
    """A connection needs no host, so that two names with one check share its probes."""
    records = "\n".join(
        f"  {name}.example.com: {{check: raw, ttl: {ttl}, rules: [{{to: aws/us-east-1}}]}}"
        for name, ttl in (("www", 30), ("api", 60))
    )
    found = probing(tmp_path, records)
    assert len(found.probes) == 3
    assert {probe.host for probe in found.probes.values()} == {""}


def test_two_checks_of_one_endpoint_are_two(tmp_path: Path) -> None:
    """Each is judged by its own; each target leads back to what it speaks for."""
    records = (
        "  www.example.com: {check: web, rules: [{to: aws/us-east-1}]}\n"
        "  api.example.com: {check: raw, rules: [{to: aws/us-east-1}]}"
    )
    found = probing(tmp_path, records)
    assert len(found.probes) == 6
    keys = found.keys_of()
    assert keys.keys() == found.probes.keys()
    assert {len(one) for one in keys.values()} == {1}


def test_a_wildcard_is_no_host(tmp_path: Path) -> None:
    """A name without a star is preferred; where there is none the star is left out."""
    one = "  '*.example.com': {check: web, rules: [{to: aws/us-east-1}]}"
    assert {p.host for p in probing(tmp_path, one).probes.values()} == {"example.com"}
    two = "  zzz.example.com: {check: web, rules: [{to: aws/us-east-1}]}\n" + one
    assert {p.host for p in probing(tmp_path, two).probes.values()} == {"zzz.example.com"}


def test_an_alias_is_probed_where_it_leads(tmp_path: Path) -> None:
    """Every address of it; before it was resolved, nothing."""
    records = "  www.example.com: {check: web, rules: [{to: gcp/europe-west3}]}"
    assert names_of(wanted(tmp_path, records)) == {LB}
    assert probing(tmp_path, records).probes == {}
    has = AliasAddresses((bytes([192, 0, 2, 7]), bytes([192, 0, 2, 8])), (bytes(15) + b"\x09",))
    found = probing(tmp_path, records, {LB: has})
    assert {p.address for p in found.probes.values()} == {"192.0.2.7", "192.0.2.8", "::9"}
    (targets,) = found.v4.values()
    assert len(targets) == 2


def test_a_target_of_the_check_speaks_for_every_family(tmp_path: Path) -> None:
    """What is probed is one address; the endpoint's families go up and down with it."""
    checks = "  side: {type: http, path: /, target: 198.51.100.9}"
    records = "  www.example.com: {check: side, rules: [{to: aws/us-east-1}]}"
    found = probing(tmp_path, records, checks=checks)
    assert [probe.address for probe in found.probes.values()] == ["198.51.100.9"]
    assert {key[0] for key in found.v4} == {"aws/us-east-1/a", "aws/us-east-1/b"}
    assert {key[0] for key in found.v6} == {"aws/us-east-1/a"}


def test_a_check_of_others_is_not_run(tmp_path: Path) -> None:
    """``from:`` names who may judge; it is counted, so that it can be told."""
    checks = "  far: {type: tcp, port: 443, from: [cn]}"
    records = "  www.example.com: {check: far, rules: [{to: aws/us-east-1}]}"
    found = probing(tmp_path, records, checks=checks)
    assert (found.probes, found.v4, found.elsewhere) == ({}, {}, 1)
    assert probes_of(wanted(tmp_path, records, checks), {}, {"cn"}).probes


def test_without_checks_there_is_nothing_to_probe(tmp_path: Path) -> None:
    """Endpoints without one are never judged."""
    assert wanted(tmp_path, "  www.example.com: {rules: [{to: aws/us-east-1}]}") == ()


def test_one_id_with_an_address_in_each_zone_is_probed_at_both(tmp_path: Path) -> None:
    """Each zone's name rests on what is seen at its own address."""
    records = "  www.{zone}: {{check: raw, rules: [{{to: aws/us-east-1}}]}}"
    for zone, address in (("example.com", "192.0.2.1"), ("example.net", "192.0.2.7")):
        text = POLICY.format(records=records.format(zone=zone), checks="")
        text = text.replace("example.com", zone).replace("192.0.2.1", address)
        (tmp_path / f"{zone}.yaml").write_text(text)
    plan, problems = compile_policies([tmp_path])
    assert plan is not None, problems
    found = probes_of(wishes(plan), {}, CHECKER)
    seen = {
        check.scope: found.probes[targets[0]].address
        for (endpoint, check), targets in found.v4.items()
        if check is not None and endpoint == "aws/us-east-1/a"
    }
    assert seen == {None: "192.0.2.1", b"\x07example\x03net\x00": "192.0.2.7"}


def test_one_probe_for_different_voters_is_run_once_and_counted_apart(tmp_path: Path) -> None:
    """A quorum and vantage points belong to the check, not to what is sent."""
    checks = "  far: {type: tcp, port: 443, from: [cn]}\n  two: {type: tcp, port: 443, quorum: 2/3}"
    records = "\n".join(
        f"  {name}.example.com: {{check: {name}, rules: [{{to: aws/us-east-1}}]}}"
        for name in ("raw", "far", "two")
    )
    found = probes_of(wanted(tmp_path, records, checks), {}, {"here", "cn"})
    assert len(found.probes) == 9
    assert len(found.targets_of()) == len(set(found.probes.values())) == 3
    assert {len(targets) for targets in found.targets_of().values()} == {3}
    assert len(found.probes_for("cn")) == len(found.probes_for("here")) == 3
    only = probes_of(wanted(tmp_path, records.splitlines()[1], checks), {}, {"here", "cn"})
    assert (len(only.probes_for("cn")), len(only.probes_for("here"))) == (3, 0)
