"""What is measured of the workers."""

from __future__ import annotations

import socket

from gslb.desk import numbers
from gslb.node.child import Child


def test_which_data_plane_answers_is_never_silent() -> None:
    with socket.socket() as listener:
        said = numbers.workers(
            [Child(0, [], listener, dataplane="fast"), Child(1, [], listener, dataplane="python")]
        )
    assert said["gslb_worker_dataplane"] == {
        ("0", "fast"): 1.0,
        ("0", "python"): 0.0,
        ("1", "fast"): 0.0,
        ("1", "python"): 1.0,
    }
