"""The layout of a block of counters, and that C reads it as Python does."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.dataplane import counters
from gslb.dataplane.counters import Client, Declined, Dropped, Event, Head


def _fixed_words() -> list[int]:
    words = list(Head)
    words += range(counters.REQUEST_SIZES, counters.REQUEST_SIZES + counters.SIZES)
    words.append(counters.REQUEST_OCTETS)
    words += range(counters.RESPONSE_SIZES, counters.RESPONSE_SIZES + counters.SIZES)
    words.append(counters.RESPONSE_OCTETS)
    words += [counters.DROPPED + one for one in Dropped]
    words += [counters.CLIENTS + one for one in Client]
    words += [counters.DECLINED + one for one in Declined]
    words += [counters.EVENTS + one for one in Event]
    return words


def test_no_two_things_share_a_word() -> None:
    words = _fixed_words()
    assert len(set(words)) == len(words)
    assert max(words) < counters.ROWS


@given(zones=st.integers(0, 10_000), zone=st.integers(-1, 9_999))
def test_every_zone_has_a_row_in_the_block(zones: int, zone: int) -> None:
    at = counters.row_at(min(zone, zones - 1), zones)
    assert counters.ROWS <= at <= counters.answers_at(zones) - counters.ROW
    assert (at - counters.ROWS) % counters.ROW == 0


def test_zones_beyond_the_bound_share_a_row_that_is_nobody_elses() -> None:
    zones = counters.MAX_ZONES + 5
    rows = {counters.row_at(zone, zones) for zone in range(-1, zones)}
    assert len(rows) == counters.rows_of(zones) == counters.MAX_ZONES + 2
    assert counters.row_at(counters.MAX_ZONES, zones) == counters.row_at(zones - 1, zones)
    assert counters.row_at(-1, zones) == counters.row_at(zones - 1, zones) + counters.ROW


@given(choices=st.integers(0, 2**31))
def test_the_hash_table_is_bounded(choices: int) -> None:
    assert counters.LEAST_BITS <= counters.hash_bits_of(choices) <= counters.MOST_BITS


@given(
    choice=st.integers(0, 2**32 - 2),
    body=st.integers(0, 2**32 - 1),
    bits=st.integers(counters.LEAST_BITS, counters.MOST_BITS),
)
def test_a_key_has_a_place(choice: int, body: int, bits: int) -> None:
    key = counters.answer_key(choice, body)
    assert 0 < key < 2**64
    assert 0 <= counters.first_place(key, bits) < 2**bits


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_c_has_the_same_words_and_buckets(tmp_path: Path) -> None:
    source = tmp_path / "counters.c"
    asked = {f"{one.name}": counters.EVENTS + one for one in Event}
    asked |= {f"HEAD_{one.name}": int(one) for one in Head if one is not Head.MAGIC}
    asked |= {"ROWS": counters.ROWS, "NANOSECONDS": counters.NANOSECONDS, "MAGIC": counters.MAGIC}
    readers = "".join(
        f"uint64_t read_{name}(void) {{ return GSLB_COUNT_{name}; }}\n" for name in asked
    )
    source.write_text(
        counters.counters_include()
        + readers
        + "unsigned type_of(unsigned t) { return gslb_type_bucket((uint16_t)t); }\n"
        + "unsigned size_of(unsigned n) { return gslb_size_bucket(n); }\n"
        + "unsigned time_of(uint64_t n) { return gslb_duration_bucket(n); }\n"
    )
    library = tmp_path / "counters.so"
    subprocess.run(
        ["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True
    )
    loaded = ctypes.CDLL(str(library))
    for name, word in asked.items():
        reader = loaded[f"read_{name}"]
        reader.restype = ctypes.c_uint64
        assert reader() == word
    assert all(loaded.type_of(t) == counters.type_bucket(t) for t in range(1024))
    assert all(loaded.size_of(n) == counters.size_bucket(n) for n in range(0, 65_536, 3))
    loaded.time_of.argtypes = [ctypes.c_uint64]
    edges = [bound + d for bound in counters.NANOSECOND_BOUNDS for d in (-1, 0, 1)]
    assert all(loaded.time_of(n) == counters.duration_bucket(n) for n in [0, *edges, 10**12])
