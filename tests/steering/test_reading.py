"""What was rendered, read back."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np
import pytest

from gslb.answers.model import PrefixMap
from gslb.steering.reading import answer_texts, range_of
from gslb.steering.static import negative_body
from tests.steering import lab


def prefix_map(*starts: str) -> PrefixMap:
    """A map with a class of its own for each range that starts at one of *starts*, and at zero."""
    four = sorted({0, *(int(ip_address(s)) for s in starts if "." in s)})
    six = sorted({0, *(int(ip_address(s)) >> 64 for s in starts if ":" in s)})
    return PrefixMap(
        np.array(four, np.uint32),
        np.arange(len(four), dtype=np.uint16),
        np.array(six, np.uint64),
        np.arange(len(six), dtype=np.uint16),
    )


MAP = prefix_map("192.0.2.0", "192.0.4.0", "2001:db8::", "2001:db8:1::")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("0.0.0.0", (0, 0, 0xC0000200)),
        ("192.0.3.255", (1, 0xC0000200, 0xC0000400)),
        ("255.255.255.255", (2, 0xC0000400, 1 << 32)),
        ("2001:db8::ffff", (1, 0x20010DB8_00000000, 0x20010DB8_00010000)),
        ("ffff::", (2, 0x20010DB8_00010000, 1 << 64)),
    ],
)
def test_the_range_of_an_address(address, found):
    assert range_of(MAP, ip_address(address)) == found


def test_a_body_without_answers_has_no_texts():
    body = negative_body(lab.zone_plan([], {}), 1)
    assert answer_texts(body, lab.APEX, lab.APEX, 1) == ("", 0, ())
