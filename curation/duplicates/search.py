"""All pairs of hashes within a Hamming distance: every pair is compared, so none is missed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

__all__ = ["close_pairs"]

BLOCK = 1 << 21
"""Comparisons at once: a block and its intermediate results stay in the cache."""

Hashes = NDArray[np.uint64]
Pairs = NDArray[np.int64]


def close_pairs(
    index: Hashes,
    asked: Hashes,
    radius: int,
    *,
    workers: int = 1,
    differ: Callable[[Pairs], NDArray[np.bool_]] | None = None,
) -> Pairs:
    """Pairs ``i < j`` of which one of the indexed hashes of one lies near one of the asked hashes of the other.

    Args:
        index: uint64 of shape (rows, views).
        asked: uint64 of shape (rows, questions).
        radius: greatest Hamming distance, 0-64 bits.
        workers: threads.
        differ: which of some pairs (int64, shape (n, 2)) are wanted at all.

    Returns:
        int64 of shape (n, 2), each pair once, in ascending order. Memory is that of the result.
    """
    rows = len(index)
    step = max(1, BLOCK // max(1, rows))

    def block(first: int) -> Pairs:
        part = slice(first, min(first + step, rows))
        near = np.zeros((part.stop - first, rows), np.bool_)
        for view in range(index.shape[1]):
            for question in range(asked.shape[1]):
                near |= np.bitwise_count(index[part, view, None] ^ asked[None, :, question]) <= radius
                if view:  # the first view is the whole picture, which is asked as well: both ways are one
                    near |= np.bitwise_count(asked[part, question, None] ^ index[None, :, view]) <= radius
        found = np.argwhere(near)
        found[:, 0] += first
        found = found[found[:, 0] < found[:, 1]]
        return found if differ is None or not len(found) else found[differ(found)]

    with ThreadPoolExecutor(max(1, workers)) as pool:
        parts = list(pool.map(block, range(0, rows, step)))
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)
