"""Compiling beside a process that runs: a generation of its own, and nothing left of a refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gslb.node.prepared import SERIAL_LIMIT, RefusedError, next_serial, prepare
from gslb.settings import Settings
from gslb.state.tables import TableStore
from tests.system.nodes import POLICY

AT = datetime(2026, 12, 1, tzinfo=UTC)


def settings(folder: Path, text: str = POLICY.format(address="192.0.2.1")) -> Settings:
    (folder / "policy.yaml").write_text(text)
    return Settings(state_directory=folder, policies=(folder / "policy.yaml",))


async def test_a_table_is_made_under_the_generation_that_was_given_away(tmp_path: Path) -> None:
    prepared = await prepare(settings(tmp_path), 7, 2_000_000_000, AT)
    await prepared.compiler.close()
    newest = TableStore(tmp_path).newest_valid()
    assert newest.path == prepared.compiled.path
    assert newest.table is not None
    assert (newest.table.generation, prepared.compiled.serial) == (7, 2_000_000_001)


async def test_a_refusal_has_every_reason_and_leaves_no_table(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        await prepare(settings(tmp_path, "version: 7\n"), 7, 1, AT)
    assert any("policy.yaml:1:" in line for line in caught.value.problems)
    assert TableStore(tmp_path).newest_valid().path is None


def test_serials_rise_and_wrap() -> None:
    """RFC 1982: 32 bits."""
    assert next_serial(0, AT) == int(AT.timestamp())
    assert next_serial(SERIAL_LIMIT - 1, AT) == 0
