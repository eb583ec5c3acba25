"""The settings of geography."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gslb.geo.settings import DEFAULT_SUBDIVIDE, GeoSettings


def test_nothing_given_means_the_embedded_table() -> None:
    settings = GeoSettings()
    assert settings.inputs == ()
    assert settings.table is None
    assert settings.subdivide == DEFAULT_SUBDIVIDE


def test_one_path_or_several_may_stand() -> None:
    one = GeoSettings.model_validate({"city": "city.mmdb"})
    several = GeoSettings.model_validate({"city": ["v4.mmdb", "v6.mmdb"], "asn": None})
    assert one.inputs == (Path("city.mmdb"),)
    assert several.inputs == (Path("v4.mmdb"), Path("v6.mmdb"))


@pytest.mark.parametrize(
    "wrong", [{"citty": "a.mmdb"}, {"subdivide": ["us"]}, {"subdivide": ["USA"]}, {"city": 5}]
)
def test_mistakes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GeoSettings.model_validate(wrong)
