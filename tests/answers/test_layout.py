"""The layout is pinned: another version of the program must not misread a table on disk."""

from __future__ import annotations

import hashlib
import re

from gslb.answers import layout


def test_the_layout_has_not_changed_without_its_version() -> None:
    """When this fails, raise VERSION, then pin the new sum."""
    sums = {1: "572565421d5650f7"}
    assert hashlib.sha256(layout.layout_include().encode()).hexdigest()[:16] == sums[layout.VERSION]


def test_cells_and_records_are_aligned() -> None:
    for record in layout.RECORDS:
        assert record.struct.size % 4 == 0, record.name
    assert layout.HEADER.struct.size % layout.ALIGN == 0


def test_the_include_has_every_field() -> None:
    text = layout.layout_include()
    assert "#define GSLB_NODE_TYPESET 4\n" in text
    assert "#define GSLB_SIZEOF_ZONE 16\n" in text
    for record in layout.RECORDS:
        for field, _ in record.fields:
            name = f"GSLB_{record.name}_{field}".upper()
            assert f"#define {name} {record.offset(field)}\n" in text
    assert text.count("#define") == len(set(re.findall(r"#define (\w+)", text)))
