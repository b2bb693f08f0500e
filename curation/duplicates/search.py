"""All pairs of hashes within a Hamming distance: every pair is compared, so none is missed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["close"]

ASKED, INDEXED = 64, 8192
"""Hashes that are compared at a time: their differences stay in the cache of one core."""

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


def close(asked: Hashes, indexed: Hashes, radius: int) -> Iterator[tuple[Places, Places]]:
    """Yield the pairs that differ in at most ``radius`` bits, some at a time: places in ``asked`` and in ``indexed``.

    Memory is that of one yield, at most a few megabytes, whatever the number of hashes.
    """
    xor, bits = np.empty((ASKED, INDEXED), np.uint64), np.empty((ASKED, INDEXED), np.uint8)
    for top in range(0, len(asked), ASKED):
        rows = asked[top : top + ASKED, None]
        for left in range(0, len(indexed), INDEXED):
            columns = indexed[None, left : left + INDEXED]
            cut = np.s_[: rows.size, : columns.size]
            np.bitwise_xor(rows, columns, out=xor[cut])
            np.bitwise_count(xor[cut], out=bits[cut])
            near = np.flatnonzero(bits[cut] <= radius)
            if near.size:
                yield near // columns.size + top, near % columns.size + left
