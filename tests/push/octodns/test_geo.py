from __future__ import annotations

from octodns.record.geo_data import geo_data

from gslb.geo.areas import world_areas
from gslb.geo.world import countries
from gslb.push.octodns.geo import Land, codes, continent_of, meaning, uncovered, words


def every_code() -> list[str]:
    found = list(geo_data)
    for continent, lands in geo_data.items():
        for country, data in lands.items():
            found.append(f"{continent}-{country}")
            found += [f"{continent}-{country}-{part}" for part in data.get("provinces", {})]
    return found


def test_continents_are_those_of_octodns() -> None:
    theirs = {country: continent for continent, lands in geo_data.items() for country in lands}
    assert {code: continent_of(code) for code in countries() if continent_of(code)} == theirs


def test_every_code_of_octodns_is_known_and_no_other() -> None:
    assert all(meaning(code) for code in every_code())
    for code in ("", "EU-UK", "EU-CY", "EU-XK", "AS-CN-GD", "NA-US-XX", "US", "EU-", "NA-US-"):
        if code not in geo_data:
            assert meaning(code) is None, code


def area(names: list[str]) -> Land:
    land = Land()
    for name in names:
        found = world_areas().resolve(name)
        land |= Land(found.countries, found.subdivisions)
    return land


def test_a_code_is_said_in_our_words_and_back() -> None:
    for code in every_code():
        land = meaning(code)
        assert land is not None
        named, taken = words(land)
        said = area(named)
        assert Land(said.countries - area(taken).countries, said.parts) == land, code
        assert codes(land)[1] == []
        again = [meaning(one) for one in codes(land)[0]]
        assert again == [land], code


def test_the_whole_world_is_seven_codes() -> None:
    assert codes(Land(frozenset(countries()))) == (sorted(geo_data), [])


def test_what_octodns_has_no_code_for_is_named() -> None:
    assert codes(area(["XK", "CN-GD", "DE"])) == (["EU-DE"], ["CN-GD", "XK"])


def test_codes_behind_wider_ones_are_left_out() -> None:
    assert uncovered(["EU-DE", "EU", "NA-US-CA", "AS-CN"], ["NA-US"]) == ["AS-CN", "EU"]
