"""Blocks as their reader has them: what is new in them since the last look."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.dataplane import counters
from gslb.dataplane.settings import Transport
from gslb.errors import GslbError
from gslb.node.blocks import Block
from gslb.node.memory import make_block

WORDS = counters.words_of(1, counters.LEAST_BITS)
TOP = (1 << 64) - 1


@pytest.fixture(name="block")
def _block() -> Iterator[Block]:
    block = Block.adopt(make_block(1, 1, 1, 0, Transport.UDP))
    yield block
    block.close()


def written(block: Block) -> memoryview:
    return memoryview(mmap.mmap(block.descriptor, 0)).cast("Q")


@given(
    st.lists(
        st.dictionaries(st.integers(counters.FIXED, WORDS - 1), st.integers(0, TOP)), max_size=4
    )
)
def test_news_are_what_was_added_to_each_word(changes: list[dict[int, int]]) -> None:
    block = Block.adopt(make_block(1, 1, 1, 0, Transport.UDP))
    words = written(block)
    block.news()
    for change in changes:
        before = list(words)
        for at, word in change.items():
            words[at] = word
        added, now = block.news()
        assert list(now) == list(words)
        expected = [(new - old) % (TOP + 1) for new, old in zip(words, before, strict=True)]
        assert list(added) == expected
    block.close()


def test_the_first_news_are_all_that_was_counted(block: Block) -> None:
    words = written(block)
    words[counters.ROWS], words[WORDS - 1] = 3, TOP
    added, _ = block.news()
    assert (added[counters.ROWS], added[WORDS - 1]) == (3, TOP)


def test_a_writer_says_that_it_has_finished(block: Block) -> None:
    assert not block.finished
    written(block)[counters.Head.FINISHED] = 1
    assert block.finished


@pytest.mark.parametrize("octets", [4, 12, counters.ROWS * counters.WORD + 3])
def test_what_has_half_a_word_is_no_block(octets: int) -> None:
    descriptor = os.memfd_create("other", os.MFD_CLOEXEC)
    os.truncate(descriptor, octets)
    with pytest.raises(GslbError, match="none"):
        Block.adopt(descriptor)
