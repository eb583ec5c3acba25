"""Workers that wait for orders."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from gslb.errors import GslbError
from gslb.node.recruits import Recruit, Recruits
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def recruits() -> Iterator[Recruits]:
    found = Recruits.start(1)
    yield found
    found.dismiss()


def test_the_first_is_there_already_and_the_next_are_started(recruits: Recruits) -> None:
    first, second = recruits.take(), recruits.take()
    assert first.born < second.born
    for recruit in (first, second):
        assert recruit.process.poll() is None
        recruit.channel.close()  # nobody will order anything: it ends, and without complaint
        assert recruit.process.wait(PATIENCE_SECONDS) == 0


def test_who_is_dismissed_is_gone(recruits: Recruits) -> None:
    (one,) = recruits._waiting
    recruits.dismiss()
    assert one.process.returncode is not None
    recruits.dismiss()  # again, for nothing


def test_who_has_died_is_not_taken(recruits: Recruits) -> None:
    (dead,) = recruits._waiting
    dead.process.kill()
    dead.process.wait()
    taken = recruits.take()
    assert taken is not dead
    taken.channel.close()
    assert taken.process.wait(PATIENCE_SECONDS) == 0


def test_what_cannot_be_started_early_is_told_when_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Something else may be wrong, and of more use to who reads it: a port in use."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    none = Recruits.start(2)
    with pytest.raises(GslbError, match="a worker cannot be started: No such file"):
        none.take()
    with pytest.raises(OSError, match="No such file"):
        Recruit.start()


LARGE = ("numpy", "pydantic", "aiohttp", "yaml", "dns", "prometheus_client", "rich", "redis")


@pytest.mark.parametrize(
    ("what", "absent"),
    [
        ("gslb.dataplane.worker", LARGE),
        ("gslb.cli.main, gslb.cli.serve", (*LARGE, "asyncio", "gslb.settings")),
        (
            "gslb.cli.serve, gslb.node.configuration, gslb.node.start",
            (*(name for name in LARGE if name != "pydantic"), "asyncio", "gslb.supervisor"),
        ),
        (
            "gslb.supervisor",
            ("dns.asyncresolver", "gslb.push.provider", "gslb.steering.audience"),
        ),
        ("gslb.node.tablemaker", ("asyncio", "aiohttp", "gslb.settings")),
        ("healthcheck.agent", ("numpy", "pydantic", "gslb")),
    ],
)
def test_nothing_large_is_loaded_that_a_process_does_without(
    what: str, absent: tuple[str, ...]
) -> None:
    """A worker waits for its own program; the supervisor's until it has given its orders.

    What comes behind the first answer is paid at every start all the same: tens of milliseconds of
    CPU for each of these.
    """
    code = f"import sys, {what}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True)
    assert not set(absent) & set(done.stdout.decode().split())
