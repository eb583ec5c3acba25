"""The last good plan comes back as it was, or not at all."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gslb.errors import GslbError
from gslb.policy.compile import compile_policies
from gslb.policy.plan import Plan
from gslb.state import plans
from gslb.state.plans import PlanStore, _head

POLICIES = Path(__file__).parents[2] / "policies"
EXAMPLES = sorted(p for p in POLICIES.glob("*.yaml") if ".expect" not in p.suffixes)


@pytest.fixture(scope="module")
def plan() -> Plan:
    made, problems = compile_policies([POLICIES / "example.com.yaml"])
    assert made is not None, problems
    return made


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_comes_back_as_it_was(path: Path, tmp_path: Path) -> None:
    """All types that a plan is made of are known to the reader."""
    made, problems = compile_policies([path])
    assert made is not None, problems
    PlanStore(tmp_path).keep(made)
    assert PlanStore(tmp_path).load() == made


def test_the_same_plan_is_not_written_again(plan: Plan, tmp_path: Path) -> None:
    """A start costs no write."""
    store = PlanStore(tmp_path)
    store.keep(plan)
    before = store.path.stat()
    store.keep(plan)
    assert store.path.stat().st_ino == before.st_ino


def test_where_there_is_none_that_is_said(tmp_path: Path) -> None:
    """With the path, in one line."""
    with pytest.raises(GslbError, match="last-plan: No such file"):
        PlanStore(tmp_path).load()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.data())
def test_damage_is_refused(plan: Plan, tmp_path: Path, data: st.DataObject) -> None:
    """Any octet that differs, and any end that is missing."""
    store = PlanStore(tmp_path)
    store.keep(plan)
    octets = bytearray(store.path.read_bytes())
    at = data.draw(st.integers(0, len(octets) - 1))
    if data.draw(st.booleans()):
        octets[at] ^= data.draw(st.integers(1, 255))
    else:
        del octets[at:]
    store.path.write_bytes(octets)
    with pytest.raises(GslbError, match="damaged"):
        store.load()
    store.path.unlink()


def test_a_plan_of_other_types_is_refused(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version may mean something else by the same fields."""
    PlanStore(tmp_path).keep(plan)
    monkeypatch.setattr(plans, "_SHAPE", bytes(32))
    with pytest.raises(GslbError, match="another version"):
        PlanStore(tmp_path).load()


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("owned",)


@pytest.mark.parametrize("value", [_Evil(), {"a": 1}, None])
def test_nothing_but_a_plan_is_made_of_it(
    value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write to the state directory gets no code run by this."""
    monkeypatch.chdir(tmp_path)
    body = pickle.dumps(value)
    PlanStore(tmp_path).path.write_bytes(_head(body) + body)
    with pytest.raises(GslbError, match="no plan"):
        PlanStore(tmp_path).load()
    assert not (tmp_path / "owned").exists()


def test_a_full_disk_leaves_the_one_before(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with tables."""
    store = PlanStore(tmp_path)
    store.keep(plan)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(GslbError, match="No space"):
        store.keep(Plan((), "other"))
    assert store.load() == plan
