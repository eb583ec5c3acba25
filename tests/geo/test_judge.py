"""Whether a new geo table may replace the one in use."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from gslb.geo.file import pack_table, unpack_table
from gslb.geo.judge import (
    MAX_WRONG_GOLDEN,
    age_alarm,
    golden_networks,
    judge,
    table_date,
)
from gslb.geo.load import embedded_table
from gslb.geo.table import GeoTable, Place, empty_table

MakeTable = Callable[..., GeoTable]


@pytest.fixture(scope="module")
def embedded() -> GeoTable:
    return embedded_table()


def thinned(table: GeoTable, share: float) -> GeoTable:
    """Return the table with only the first *share* of its ranges."""
    kept4, kept6 = int(len(table.starts4) * share), int(len(table.starts6) * share)
    return replace(
        table,
        starts4=table.starts4[:kept4],
        pairs4=table.pairs4[:kept4],
        starts6=table.starts6[:kept6],
        pairs6=table.pairs6[:kept6],
    )


def test_the_embedded_table_passes_and_may_replace_itself(embedded: GeoTable) -> None:
    assert judge(embedded, None) == []
    assert judge(embedded, embedded) == []


def test_there_are_at_least_200_well_known_networks_of_nearly_all_countries() -> None:
    networks = golden_networks()
    assert len(networks) >= 200
    assert len({country for _, country in networks}) >= 200
    assert len({network for network, _ in networks}) == len(networks)


def test_the_embedded_table_knows_every_well_known_network(embedded: GeoTable) -> None:
    starts = [int(network.network_address) for network, _ in golden_networks()]
    at = np.searchsorted(embedded.starts4, np.array(starts, np.uint32), side="right") - 1
    places = embedded.pair_place[embedded.pairs4[at]]
    found = [embedded.places[place].country for place in places]
    assert found == [country for _, country in golden_networks()]


def test_an_empty_table_is_refused(embedded: GeoTable) -> None:
    (alone,) = judge(empty_table(), None)
    assert "well-known networks are misplaced" in alone
    assert len(judge(empty_table(), embedded)) >= 3


def test_a_private_table_passes_if_it_is_said_not_to_know_the_world(make_table: MakeTable) -> None:
    table = make_table({10 << 24: ("DE", "", 0)})
    assert judge(table, None, whole_world=False) == []
    assert judge(table, None) != []


def test_countries_shifted_by_one_are_refused(embedded: GeoTable) -> None:
    shifted = replace(embedded, pair_place=(embedded.pair_place + 1) % len(embedded.places))
    objections = " ".join(judge(shifted, embedded))
    assert "well-known networks are misplaced" in objections
    assert "would change country" in objections


def golden_table(make_table: MakeTable, wrong: int) -> GeoTable:
    """Return a table of the well-known networks only, some of them in the wrong country."""
    ranges: dict[int, tuple[str, str, int]] = {}
    for number, (network, country) in enumerate(golden_networks()):
        end = int(network.broadcast_address) + 1
        ranges.setdefault(end % (1 << 32), ("", "", 0))
        ranges[int(network.network_address)] = ("AQ" if number < wrong else country, "", 0)
    return make_table(ranges)


def test_a_few_well_known_networks_may_have_moved(make_table: MakeTable) -> None:
    allowed = int(MAX_WRONG_GOLDEN * len(golden_networks()))
    assert judge(golden_table(make_table, 0), None) == []
    assert judge(golden_table(make_table, allowed), None) == []
    assert judge(golden_table(make_table, allowed + 1), None) != []


@pytest.mark.parametrize(("share", "fine"), [(0.91, True), (0.89, False)])
def test_a_table_with_too_few_ranges_is_refused(
    embedded: GeoTable, share: float, fine: bool
) -> None:
    objections = judge(thinned(embedded, share), embedded, whole_world=False)
    assert any("ranges where there were" in one for one in objections) is not fine


def test_each_family_is_counted_alone(embedded: GeoTable) -> None:
    without_six = replace(embedded, starts6=embedded.starts6[:1], pairs6=embedded.pairs6[:1])
    objections = judge(without_six, embedded, whole_world=False)
    assert any("IPv6 ranges" in one for one in objections)
    assert not any("IPv4 ranges" in one for one in objections)


def with_moved(table: GeoTable, share: float) -> GeoTable:
    """Return the table with that share of the IPv4 addresses, from the bottom, in Antarctica."""
    places = (*table.places, Place("XX", "", 0.0, 0.0))
    end = int(share * (1 << 32))
    at = int(np.searchsorted(table.starts4, np.uint32(end)))
    pairs = table.pairs4.copy()
    pairs[:at] = len(table.pair_asn)
    return replace(
        table,
        places=places,
        pairs4=pairs,
        pair_place=np.append(table.pair_place, np.uint16(len(places) - 1)),
        pair_asn=np.append(table.pair_asn, np.uint32(0)),
    )


@pytest.mark.parametrize(("share", "fine"), [(0.015, True), (0.035, False)])
def test_a_table_that_moves_too_many_addresses_is_refused(
    embedded: GeoTable, share: float, fine: bool
) -> None:
    objections = judge(with_moved(embedded, share), embedded, whole_world=False)
    assert any("would change country" in one for one in objections) is not fine


def test_learning_new_countries_is_no_move(embedded: GeoTable, make_table: MakeTable) -> None:
    knew_little = make_table({10 << 24: ("", "", 64496)})
    assert judge(embedded, knew_little) == []


@pytest.mark.parametrize(
    ("day", "fine"), [("2026-06-16", False), ("2026-06-17", True), ("2026-06-18", True)]
)
def test_older_data_is_refused(make_table: MakeTable, day: str, fine: bool) -> None:
    new, old = make_table({}, date=day), make_table({}, date="2026-06-17")
    assert (judge(new, old, whole_world=False) == []) is fine


def test_data_without_a_day_is_not_called_older(make_table: MakeTable) -> None:
    new, old = make_table({}, date="unknown"), make_table({})
    assert judge(new, old, whole_world=False) == []
    assert judge(old, new, whole_world=False) == []
    assert table_date(new) is None


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 6, 17), ""),
        (date(2026, 7, 17), ""),
        (date(2026, 7, 18), "warning: the geo data is of 2026-06-17, 31 days old"),
        (date(2026, 9, 15), "warning: the geo data is of 2026-06-17, 90 days old"),
        (date(2026, 9, 16), "alarm: the geo data is of 2026-06-17, 91 days old"),
    ],
)
def test_old_data_is_warned_of_after_30_days_and_alarmed_after_90(
    make_table: MakeTable, today: date, words: str
) -> None:
    assert age_alarm(make_table({}), today) == words


def test_no_day_no_alarm() -> None:
    assert age_alarm(empty_table(), date(2026, 1, 1)) == ""


def test_judging_does_not_depend_on_whether_tables_were_read_or_built(embedded: GeoTable) -> None:
    assert judge(unpack_table(pack_table(embedded)), embedded) == []
