"""The model of latency knows cables, and leaves near things to distance."""

from __future__ import annotations

import numpy as np
import pytest

from gslb.geo.distance import great_circle_km
from gslb.geo.regions import coordinates
from gslb.steering.landmarks import (
    Landmarks,
    distance_ms,
    load_landmarks,
    model_ms,
    parse_landmarks,
)

JOHANNESBURG, SAO_PAULO = (-26.2, 28.04), (-23.55, -46.63)


def ms(client, site, marks) -> float:
    return float(model_ms(np.array([client[0]]), np.array([client[1]]), site, marks)[0])


def without(marks: Landmarks, *left_out: int) -> Landmarks:
    keep = np.array([n for n in range(len(marks.names)) if n not in left_out])
    return Landmarks(
        tuple(marks.names[n] for n in keep),
        marks.latitudes[keep],
        marks.longitudes[keep],
        marks.matrix[np.ix_(keep, keep)],
    )


def test_rows_are_averaged_over_both_directions_and_points_are_needed() -> None:
    points = {"a": (0.0, 0.0), "b": (0.0, 10.0), "d": (5.0, 5.0)}
    marks = parse_landmarks(["from,to,ms", "a,b,10", "b,a,14", "a,c,1", "d,b,7"], points.get)
    assert marks.names == ("a", "b", "d")
    assert marks.matrix[0].tolist()[:2] == [0.0, 12.0]
    assert np.isnan(marks.matrix[0, 2])
    assert marks.matrix[2, 1] == marks.matrix[1, 2] == 7.0


def test_the_shipped_landmarks_are_plausible() -> None:
    marks = load_landmarks()
    assert len(marks.names) >= 50
    off = ~np.eye(len(marks.names), dtype=bool)
    known = np.isfinite(marks.matrix) & off
    assert known.sum() >= 2300
    assert np.nanmin(marks.matrix[known]) > 0
    assert np.nanmax(marks.matrix[known]) < 500
    for one, other in zip(*np.nonzero(known), strict=True):
        km = great_circle_km(
            marks.latitudes[one],
            marks.longitudes[one],
            marks.latitudes[other],
            marks.longitudes[other],
        )
        assert marks.matrix[one, other] > km / 200 * 2 * 0.6  # light in fibre, loosely


def test_cables_count_not_only_distance() -> None:
    km = great_circle_km(*JOHANNESBURG, *SAO_PAULO)
    assert ms(JOHANNESBURG, SAO_PAULO, None) == pytest.approx(float(distance_ms(np.array(km))))
    assert ms(JOHANNESBURG, SAO_PAULO, load_landmarks()) > 200


def test_a_client_beside_its_site_is_not_sent_through_a_landmark() -> None:
    shanghai, beside = coordinates("alibaba/cn-shanghai"), (31.0, 121.0)
    assert ms(beside, shanghai, load_landmarks()) < 15


@pytest.mark.parametrize(("east", "at_landmark"), [(60.5, True), (64.0, False)])
def test_the_formula_is_the_documented_one(east, at_landmark) -> None:
    """A site that is not at a landmark is halfway between both models."""
    points = {"a": (0.0, 0.0), "b": (0.0, 60.0)}
    marks = parse_landmarks(["from,to,ms", "a,b,300"], points.get)
    client, site = (0.0, 1.0), (0.0, east)
    total = weight = 0.0
    for mine, at_mine in points.items():
        for its, at_its in points.items():
            if at_landmark and its == "a":
                continue  # b alone stands for the site
            away, off = great_circle_km(*client, *at_mine), great_circle_km(*site, *at_its)
            w = 1 / ((away + 100) * (off + 100))
            total += w * ((0 if mine == its else 300) + 0.02 * (away + off) + 2)
            weight += w
    by_distance = 0.01425 * great_circle_km(*client, *site) + 11
    wanted = total / weight if at_landmark else (total / weight + by_distance) / 2
    assert ms(client, site, marks) == pytest.approx(wanted)


def test_no_landmarks_is_distance() -> None:
    none = parse_landmarks(["from,to,ms"], {}.get)
    assert ms(JOHANNESBURG, SAO_PAULO, none) == ms(JOHANNESBURG, SAO_PAULO, None)


def test_landmarks_that_know_no_time_leave_it_to_distance() -> None:
    blind = load_landmarks()
    matrix = np.full_like(blind.matrix, np.nan)
    blind = Landmarks(blind.names, blind.latitudes, blind.longitudes, matrix)
    assert ms(JOHANNESBURG, SAO_PAULO, blind) == ms(JOHANNESBURG, SAO_PAULO, None)


def test_an_unknown_place_has_no_time() -> None:
    assert np.isnan(ms((np.nan, np.nan), SAO_PAULO, load_landmarks()))


def test_landmarks_find_the_fastest_of_three_sites_more_often_than_distance() -> None:
    """Each region is a client in turn, left out of the landmarks, with every third-apart triple."""
    marks = load_landmarks()
    count = len(marks.names)
    won = {"landmarks": 0, "distance": 0}
    for client in range(count):
        at = marks.latitudes[client : client + 1], marks.longitudes[client : client + 1]
        rest = without(marks, client)
        others = [n for n in range(count) if n != client and np.isfinite(marks.matrix[client, n])]
        sites = {n: (float(marks.latitudes[n]), float(marks.longitudes[n])) for n in others}
        by = {
            "landmarks": {n: float(model_ms(*at, sites[n], rest)[0]) for n in others},
            "distance": {n: float(model_ms(*at, sites[n], None)[0]) for n in others},
        }
        for first in range(len(others)):
            three = [others[(first + step) % len(others)] for step in (0, 11, 27)]
            fastest = min(marks.matrix[client, n] for n in three)
            for name, estimate in by.items():
                picked = min(three, key=estimate.__getitem__)
                won[name] += bool(marks.matrix[client, picked] == fastest)
    assert won["landmarks"] > won["distance"] * 1.08
