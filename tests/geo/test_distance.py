"""Distances on the globe."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.geo.distance import EARTH_RADIUS_KM, great_circle_km, great_circle_km_to

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
points = st.tuples(latitudes, longitudes)


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [
        ((52.37, 4.90), (50.11, 8.68), 364),  # Amsterdam, Frankfurt
        ((40.64, -73.78), (51.47, -0.45), 5540),  # JFK, LHR
        ((-33.95, 151.18), (33.94, -118.41), 12061),  # SYD, LAX: across the date line
        ((0, 179.5), (0, -179.5), 111),
    ],
)
def test_distance_between_known_places(
    one: tuple[float, float], other: tuple[float, float], kilometres: int
) -> None:
    assert great_circle_km(*one, *other) == pytest.approx(kilometres, rel=0.006, abs=1)


@given(points, points)
def test_distance_is_symmetric_and_at_most_half_way_round(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    there = great_circle_km(*one, *other)
    assert there == pytest.approx(great_circle_km(*other, *one), abs=1e-6)
    assert 0 <= there <= math.pi * EARTH_RADIUS_KM + 1e-6


@given(points, points, points)
def test_no_detour_is_shorter(
    one: tuple[float, float], other: tuple[float, float], via: tuple[float, float]
) -> None:
    detour = great_circle_km(*one, *via) + great_circle_km(*via, *other)
    assert great_circle_km(*one, *other) <= detour + 1e-3


@given(st.lists(points, min_size=1, max_size=20), points)
def test_many_distances_are_the_single_ones(
    places: list[tuple[float, float]], point: tuple[float, float]
) -> None:
    many = great_circle_km_to(
        np.array([latitude for latitude, _ in places]),
        np.array([longitude for _, longitude in places]),
        *point,
    )
    assert many == pytest.approx([great_circle_km(*place, *point) for place in places], abs=1e-3)


def test_a_place_is_at_no_distance_from_itself() -> None:
    assert great_circle_km(52.37, 4.90, 52.37, 4.90) == 0


def test_opposite_places_are_half_way_round() -> None:
    assert great_circle_km(10, 20, -10, -160) == pytest.approx(math.pi * EARTH_RADIUS_KM)
