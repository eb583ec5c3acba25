"""A node's world: the same for whoever asks; trouble is an alarm, never an exception."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from gslb.geo.file import write_table
from gslb.geo.load import embedded_table
from gslb.geo.settings import GeoSettings
from gslb.node.measurements import measurements_path
from gslb.node.surroundings import MAX_ALARMS, look_around

NOW = datetime(2026, 6, 20, tzinfo=UTC)


def test_without_a_state_directory_the_embedded_geography_is_the_world(tmp_path: Path) -> None:
    around = look_around(GeoSettings(), tmp_path / "none", NOW)
    assert around.source == "embedded"
    assert around.alarms == ()
    assert around.world.latency is None
    assert not (tmp_path / "none").exists()


def test_measurements_of_the_state_directory_are_part_of_the_world(tmp_path: Path) -> None:
    measurements_path(tmp_path).write_text(
        "key,site,p50_ms,p75_ms,samples,observed_at,source\n"
        "BR,aws/us-east-1,120,140,500,2026-06-19T23:00:00Z,rum\n"
    )
    around = look_around(GeoSettings(), tmp_path, NOW)
    assert around.world.latency is not None
    assert around.alarms == ()


def test_what_cannot_be_used_is_an_alarm(tmp_path: Path) -> None:
    rows = "".join(f"BR,aws/us-east-1,many,140,500,2026-06-19,rum{n}\n" for n in range(50))
    measurements_path(tmp_path).write_text(
        "key,site,p50_ms,p75_ms,samples,observed_at,source\n" + rows
    )
    around = look_around(GeoSettings(table=tmp_path / "missing.tbl"), tmp_path, NOW)
    assert around.world.geo.places
    assert any("missing.tbl" in alarm for alarm in around.alarms)
    assert 1 < len(around.alarms) <= 1 + MAX_ALARMS


def test_old_data_says_what_to_do(tmp_path: Path) -> None:
    """Only who serves is told; the way on depends on whose data it is."""
    today = date(2027, 1, 1)
    assert look_around(GeoSettings(), tmp_path, NOW).alarms == ()
    (alarm,) = look_around(GeoSettings(), tmp_path, NOW, today=today).alarms
    assert "days old; use a file of your own (geo: {city: FILE} in gslb.yaml" in alarm
    assert "gslb geo build" in alarm
    table = tmp_path / "own.tbl"
    write_table(embedded_table(), table)
    (alarm,) = look_around(GeoSettings(table=table), tmp_path, NOW, today=today).alarms
    assert "put newer files in place" in alarm
