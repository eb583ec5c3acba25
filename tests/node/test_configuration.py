"""A node's settings: file under environment under command line, and every problem with its place."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from gslb.node.configuration import SettingsError, read_settings
from gslb.settings import Settings

FULL = """\
listen: [192.0.2.1, "[2001:db8::1]:5300"]
state_directory: state
policies: [policies, /example/more]
workers: 3
nsid: ns1-fra
resolvers: 192.0.2.53
ecs: {max_prefix4: 20, max_prefix6: 48}
geo: {country: country.mmdb, subdivide: [US, CN]}
tcp: {idle_seconds: 5, max_connections: 100}
log: {level: debug, format: json}
probes: {allow: [127.0.0.0/8]}
"""


def settings_of(folder: Path, text: str, given: Any = None, **environment: str) -> Settings:
    path = folder / "gslb.yaml"
    path.write_text(text)
    return read_settings(path, given or {}, environment)


def problems_of(folder: Path, text: str, given: Any = None, **environment: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings_of(folder, text, given, **environment)
    return [line.removeprefix(f"{folder}/") for line in caught.value.problems]


def test_a_file_may_say_everything(tmp_path: Path) -> None:
    """Each key arrives; paths are relative to the file."""
    settings = settings_of(tmp_path, FULL)
    assert [str(listen) for listen in settings.listen] == ["192.0.2.1:53", "[2001:db8::1]:5300"]
    assert settings.state_directory == tmp_path / "state"
    assert settings.policies == (tmp_path / "policies", Path("/example/more"))
    assert (settings.workers, settings.nsid) == (3, "ns1-fra")
    assert [str(resolver) for resolver in settings.resolvers] == ["192.0.2.53:53"]
    assert (settings.ecs.max_prefix4, settings.ecs.max_prefix6) == (20, 48)
    assert settings.geo.country == (tmp_path / "country.mmdb",)
    assert settings.geo.subdivide == ("US", "CN")
    assert (settings.tcp.idle_seconds, settings.tcp.max_queries) == (5.0, 1000)
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert settings.probes.allow == ("127.0.0.0/8",)


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_a_file_may_say_nothing(tmp_path: Path, text: str) -> None:
    """All settings have defaults."""
    assert settings_of(tmp_path, text) == Settings()


def test_environment_wins_over_file_and_command_line_over_both(tmp_path: Path) -> None:
    """Each setting is taken from the nearest place that says it."""
    settings = settings_of(
        tmp_path,
        FULL,
        {"workers": "5", "log": {"level": "error"}},
        GSLB_WORKERS="4",
        GSLB_NSID="ns2",
        GSLB_ECS_MAX_PREFIX4="16",
        GSLB_LOG_LEVEL="warning",
    )
    assert (settings.workers, settings.nsid) == (5, "ns2")
    assert (settings.ecs.max_prefix4, settings.ecs.max_prefix6) == (16, 48)
    assert (settings.log.level, settings.log.format) == ("error", "json")


def test_lists_in_variables_are_separated_by_commas(tmp_path: Path) -> None:
    """One variable may hold several addresses or paths."""
    settings = settings_of(
        tmp_path,
        "",
        GSLB_LISTEN="192.0.2.1:53, [2001:db8::1]:53",
        GSLB_POLICIES="/example/a,/example/b",
        GSLB_PROBES_ALLOW="10.0.0.0/8",
        GSLB_GEO_SUBDIVIDE="US,CN",
    )
    assert [str(listen) for listen in settings.listen] == ["192.0.2.1:53", "[2001:db8::1]:53"]
    assert settings.policies == (Path("/example/a"), Path("/example/b"))
    assert settings.probes.allow == ("10.0.0.0/8",)
    assert settings.geo.subdivide == ("US", "CN")


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    """GSLB_CONFIG stands for --config; the option wins."""
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("workers: 1")
    two.write_text("workers: 2")
    assert read_settings(None, {}, {"GSLB_CONFIG": str(one)}).workers == 1
    assert read_settings(two, {}, {"GSLB_CONFIG": str(one)}).workers == 2


def test_every_problem_is_said_at_once_with_its_place(tmp_path: Path) -> None:
    """Unknown keys have a suggestion, wrong values say what was read and what would do."""
    text = "workers: 0\nlissten: 192.0.2.1\necs:\n  max_prefix4: 99\nlisten: [192.0.2.1, host:53]\n"
    assert problems_of(tmp_path, text, {"nsid": "é"}, GSLB_TCP_IDLE_SECONDS="0") == [
        '--nsid: error[E104] nsid: "é" will not do: it must match ^[!-~]+$',
        "gslb.yaml:1:10: error[E105] workers: must be at least 1, not 0",
        'gslb.yaml:2:1: error[E101] unknown key "lissten" (did you mean "listen"?)',
        "gslb.yaml:4:16: error[E105] max_prefix4: must be at most 32, not 99",
        (
            "gslb.yaml:5:21: error[E104] listen: 'host' is not an IP address"
            " (host names are not looked up here)"
        ),
        'GSLB_TCP_IDLE_SECONDS: error[E105] idle_seconds: must be above 0.0, not "0"',
    ]


def test_an_unknown_key_in_a_section_is_compared_with_the_sections_keys(tmp_path: Path) -> None:
    """The suggestion comes from where the key stands."""
    assert problems_of(tmp_path, "log:\n  levle: info\n") == [
        'gslb.yaml:2:3: error[E101] unknown key "levle" (did you mean "level"?)'
    ]


def test_the_text_of_the_file_is_read_as_strictly_as_a_policy(tmp_path: Path) -> None:
    """Duplicate keys and broken YAML are refused with their place."""
    (line,) = problems_of(tmp_path, "workers: 1\nworkers: 2\n")
    assert line.startswith("gslb.yaml:2:1: error[E006]")
    (line,) = problems_of(tmp_path, "workers: [1\n")
    assert "gslb.yaml:" in line


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A file that was asked for must be there."""
    with pytest.raises(SettingsError, match=r"none\.yaml"):
        read_settings(tmp_path / "none.yaml", {}, {})


def test_variables_that_others_set_are_let_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Kubernetes describes a service of our name in such variables; a slip is worth a warning."""
    with caplog.at_level(logging.WARNING):
        settings_of(tmp_path, "", GSLB_PORT_53_UDP="udp://192.0.2.1:53", GSLB_SERVICE_HOST="x")
        assert not caplog.records
        settings_of(tmp_path, "", GSLB_WORKER="3")
        assert len(caplog.records) == 1


def test_a_wrong_address_is_one_problem(tmp_path: Path) -> None:
    """What its list then lacks is not a second one."""
    (line,) = problems_of(tmp_path, "", {"listen": ["5355"]})
    assert line.startswith("--listen: error[E104] listen: '5355' has no address; write")
    (line,) = problems_of(tmp_path, "listen: []\n")
    assert line.endswith("listen: takes 1 to 64 entries, not 0")


def test_copies_are_named_by_their_providers_ids(tmp_path: Path) -> None:
    """One copy may stand without a list; the zone gets its one spelling."""
    push = settings_of(
        tmp_path,
        "push:\n  owner: prod\n  route53: {zone: Example.com, zone_id: Z0123}\n"
        "  clouddns:\n    - {zone: example.com., project: acme-dns, managed_zone: example-com}\n",
    ).push
    assert [one.zone for one in (*push.route53, *push.clouddns)] == ["example.com."] * 2
    assert push.names == ("*",)


def test_what_is_wrong_with_copies_is_told_with_its_place(tmp_path: Path) -> None:
    """A secret has no place among settings; a copy needs an owner and a zone of its own."""
    text = (
        "push:\n  owner: Prod\n  max_deletes: 30\n"
        "  route53:\n    - {zone: a..b, zone_id: example.com, secret: x}\n"
    )
    lines = problems_of(tmp_path, text)
    assert [line.partition(" ")[0] for line in lines] == [
        "gslb.yaml:2:10:", "gslb.yaml:3:16:", "gslb.yaml:5:14:", "gslb.yaml:5:29:",
        "gslb.yaml:5:42:",
    ]  # fmt: skip
    for wrong, says in (
        ("push: {route53: {zone: a.example, zone_id: Z1}}\n", "copies need an `owner`"),
        (("push: {owner: a, route53: [{zone: a.example, zone_id: Z1},"
         " {zone: b.example, zone_id: Z1}]}\n"), "Z1 can hold only one copy"),
    ):  # fmt: skip
        (line,) = problems_of(tmp_path, wrong)
        assert says in line
