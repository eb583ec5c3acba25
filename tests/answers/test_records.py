"""Records are sealed, and nothing that a reader could trip over becomes one."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import pytest
from hypothesis import given

from gslb.answers import layout
from gslb.answers.model import STICKY_SLOTS, Body, Choice, Pool
from gslb.answers.records import (
    MAX_ALTERNATIVES,
    body_octets,
    choice_octets,
    pool_octets,
    seal,
)
from gslb.errors import GslbError
from tests.answers.conftest import A, bodies


@given(bodies())
def test_a_body_is_its_counts_its_fixups_and_its_octets(body: Body) -> None:
    record = body_octets(body)
    head = layout.BODY.struct
    check, *counts, octets, optional_octets, fixups, stride = head.unpack_from(record)
    assert check == crc32(record[4:])
    assert counts == [body.answer, body.authority, body.additional, body.optional]
    assert (octets, optional_octets, stride) == (
        len(body.octets),
        body.optional_octets,
        body.stride,
    )
    assert fixups == len(body.fixups)
    assert record[head.size + 2 * fixups :] == body.octets


def test_a_seal_covers_all_behind_it() -> None:
    record = seal(bytes(4) + b"rest")
    assert record == crc32(b"rest").to_bytes(4, "little") + b"rest"
    assert seal(record) == record


@pytest.mark.parametrize(
    "body",
    [
        Body(b"", 0),
        Body(b"octets without a record"),
        replace(A, stride=17),
        replace(A, optional=1, optional_octets=1),  # it would cut into the answer
        Body(b"12345678abcdefgh12345678", authority=1, optional=1, optional_octets=25),
        Body(b"12345678abc", authority=1, fixups=(10,)),
        Body(b"12345678abc", authority=1, fixups=(0, 1)),
        Body(b"12345678abc", authority=1, fixups=(2, 0)),
        Body(b"12345678abc", authority=1, fixups=(-1,)),
        Body(b"12345678ab", authority=1),  # a record has 11 octets at least
        Body(bytes(65_535), answer=1, optional=65_535, optional_octets=65_000),
        Body(bytes(40), answer=1, optional=0, optional_octets=20),
        Body(bytes(40), answer=1, optional=2, optional_octets=20),
        Body(bytes(40), optional=1, optional_octets=20),  # octets of nothing would be left
    ],
)
def test_a_body_that_contradicts_itself_is_refused(body: Body) -> None:
    with pytest.raises(ValueError, match=r"body|fixups"):
        body_octets(body)


def test_an_answer_must_fit_a_message() -> None:
    assert body_octets(Body(bytes(65_535), answer=1))
    with pytest.raises(GslbError, match="65536 octets does not fit"):
        body_octets(Body(bytes(65_536), answer=1))


def test_a_refused_choice_has_nothing() -> None:
    record = choice_octets(Choice((), refused=True), 3)
    assert layout.PICK.struct.unpack(record)[1:] == (layout.REFUSED, 0)
    assert record == choice_octets(Choice((7,), (1.0,), refused=True), 0)


@pytest.mark.parametrize(
    ("choice", "what"),
    [
        (Choice(()), "0 alternatives"),
        (Choice((0, 3), (1.0, 1.0)), "there are 3"),
        (Choice((-1,), (1.0,)), "there are 3"),
        (Choice((0, 1), (1.0,)), "1 weights for 2"),
        (Choice((0, 1)), "0 weights for 2"),
        (Choice((0,), slots=(0,) * (STICKY_SLOTS - 1)), "slots"),
        (Choice((0,), slots=(1,) * STICKY_SLOTS), "slots"),
    ],
)
def test_a_choice_that_leads_nowhere_is_refused(choice: Choice, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        choice_octets(choice, 3)


def test_alternatives_are_bounded() -> None:
    many = MAX_ALTERNATIVES + 1
    with pytest.raises(ValueError, match="alternatives"):
        pool_octets(Pool((A,) * many, (1.0,) * many), range(many))
