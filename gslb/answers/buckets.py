"""The bucket index of a prefix map's ranges, made of them; `gslb.answers.ranges` reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def bucket_index(starts: npt.NDArray[Any], bits: int, width: int) -> npt.NDArray[np.uint32]:
    """Return the range of each bucket's first address, 2 ** *bits* of them, and of the last address.

    *starts* has numbers of *width* bits, ascending from 0.
    """
    edges = np.zeros(2**bits + 1, starts.dtype)
    edges[1:-1] = np.arange(1, 2**bits, dtype=starts.dtype) << starts.dtype.type(width - bits)
    edges[-1] = 2**width - 1
    return (np.searchsorted(starts, edges, side="right") - 1).astype("<u4")
