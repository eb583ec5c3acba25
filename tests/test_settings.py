"""Settings: what a node may be told, and what it is told when that is wrong."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gslb.settings import (
    MAX_LISTEN,
    Listen,
    Settings,
    default_state_directory,
    default_workers,
)


def test_settings_have_a_default_for_everything() -> None:
    """A node without a settings file serves on port 53 of every address."""
    settings = Settings()
    assert [str(listen) for listen in settings.listen] == ["0.0.0.0:53", "[::]:53"]
    assert settings.workers == default_workers() >= 1
    assert (settings.ecs.max_prefix4, settings.ecs.max_prefix6) == (24, 56)


def test_settings_are_frozen() -> None:
    """A change is a new object."""
    with pytest.raises(ValidationError):
        Settings().workers = 3  # type: ignore[misc]  # that it is refused is the point


def test_one_may_stand_where_several_may() -> None:
    """A single address needs no list."""
    settings = Settings.model_validate({"listen": "192.0.2.1", "resolvers": "192.0.2.53"})
    assert settings.listen == (Listen(address="192.0.2.1", port=53),)
    assert settings.resolvers == (Listen(address="192.0.2.53", port=53),)


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": 0},
        {"workers": 1000},
        {"listen": []},
        {"nsid": "seventeen letters"},
        {"nsid": "é"},
        {"ecs": {"max_prefix4": 33}},
        {"tcp": {"idle_seconds": 0}},
        {"log": {"level": "loud"}},
        {"resolvers": ["resolver.example.com"]},
        {"probes": {"allow": ["127.0.0.1/8"]}},
        {"unknown": 1},
    ],
)
def test_values_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    """Each limit of a node's settings is kept."""
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_the_state_folder_is_the_users_own_unless_it_is_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The XDG variable counts for users; root has the system's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", "/example/state")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert str(default_state_directory()) == "/example/state/gslb"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/example")
    assert str(default_state_directory()) == "/example/.local/state/gslb"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert str(default_state_directory()) == "/var/lib/gslb"


@pytest.mark.parametrize("key", ["listen", "resolvers"])
def test_a_wrong_entry_is_one_problem(key: str) -> None:
    """That nothing right is left in its list is not told as well."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({key: ["5355"]})
    assert caught.value.error_count() == 1


def test_lists_have_a_least_and_a_most() -> None:
    """A server listens somewhere, and not everywhere."""
    for wrong in ([], ["192.0.2.1"] * (MAX_LISTEN + 1)):
        with pytest.raises(ValidationError, match="takes 1 to 64 entries"):
            Settings.model_validate({"listen": wrong})


def test_http_is_closed_by_default_and_has_ports_of_its_own() -> None:
    """Beyond the Unix socket nothing listens that nobody asked for."""
    settings = Settings()
    assert (settings.api.listen, settings.metrics.listen) == ((), ())
    said = {"api": {"listen": "127.0.0.1"}, "metrics": {"listen": ["127.0.0.1", "[::1]:9200"]}}
    opened = Settings.model_validate(said)
    assert [str(one) for one in opened.api.listen] == ["127.0.0.1:8053"]
    assert [str(one) for one in opened.metrics.listen] == ["127.0.0.1:9153", "[::1]:9200"]


def test_a_certificate_comes_with_its_key() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        Settings.model_validate({"api": {"certificate": "a.pem"}})
