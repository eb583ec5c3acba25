"""The state directory: one holder, private secrets, troubles in one line."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from gslb.errors import GslbError
from gslb.node.statedir import StateDirectory


def test_a_directory_is_made_private_and_has_one_holder(tmp_path: Path) -> None:
    """The second holder learns who the first is; after the first has gone it may."""
    path = tmp_path / "a" / "state"
    first = StateDirectory(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    with pytest.raises(GslbError, match=rf"another gslb \(pid {os.getpid()}\) runs on"):
        StateDirectory(path)
    first.close()
    StateDirectory(path).close()


def test_a_place_that_cannot_be_a_directory_is_said(tmp_path: Path) -> None:
    """The line names the path and the option."""
    (tmp_path / "file").write_text("")
    with pytest.raises(GslbError, match=r"file/state: Not a directory .*--state-directory"):
        StateDirectory(tmp_path / "file" / "state")


def test_a_cookie_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    """Restarts do not invalidate the cookies of clients."""
    state = StateDirectory(tmp_path)
    (secret,) = state.cookie_secrets()
    assert len(secret) == 16
    assert state.cookie_secrets() == (secret,)
    assert stat.S_IMODE((tmp_path / "cookie-secrets").stat().st_mode) == 0o600
    state.close()


def test_several_secrets_may_be_given(tmp_path: Path) -> None:
    """Nodes of one anycast address share theirs, and rotate them in steps."""
    path = tmp_path / "cookie-secrets"
    path.touch(0o600)
    path.write_text(f"{'11' * 16}\n{'22' * 16}\n")
    state = StateDirectory(tmp_path)
    assert state.cookie_secrets() == (b"\x11" * 16, b"\x22" * 16)
    state.close()


@pytest.mark.parametrize("text", ["", "11\n", "zz" * 16, "11" * 17, f"{'11' * 16}\n" * 9])
def test_secrets_of_the_wrong_form_are_refused_without_being_shown(
    tmp_path: Path, text: str
) -> None:
    """The error names the file, never what is in it."""
    path = tmp_path / "cookie-secrets"
    path.touch(0o600)
    path.write_text(text)
    state = StateDirectory(tmp_path)
    with pytest.raises(GslbError, match="cookie-secrets") as caught:
        state.cookie_secrets()
    assert "11" * 16 not in str(caught.value).replace(str(tmp_path), "")
    state.close()


def test_a_secret_that_others_may_read_is_worth_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is used all the same: refusing would stop a server for a file mode."""
    path = tmp_path / "cookie-secrets"
    path.write_text("11" * 16)
    path.chmod(0o644)
    state = StateDirectory(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert state.cookie_secrets() == (b"\x11" * 16,)
    assert len(caplog.records) == 1
    state.close()
