"""All pairs of hashes within a Hamming distance: every pair is compared, so none is missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

__all__ = ["close_pairs"]

TILE = 256
"""Rows that are compared with as many others at once: their 65,536 distances stay in the cache."""

Hashes = NDArray[np.uint64]
Pairs = NDArray[np.int64]
Codes = NDArray[np.int64]


def close_pairs(
    index: Hashes,
    asked: Hashes,
    radius: int,
    *,
    kinds: Sequence[object] | None = None,
    groups: Sequence[object] | None = None,
    workers: int = 1,
) -> Pairs:
    """Pairs ``i < j`` of which an indexed hash of one lies near an asked hash of the other.

    Args:
        index: uint64 of shape (rows, views).
        asked: uint64 of shape (rows, questions); the first view is the first question.
        radius: greatest Hamming distance, 0-64 bits.
        kinds: of each row; rows of one kind are not compared with one another. Without, all are.
        groups: of each row; pairs of one group are left out.
        workers: threads.

    Returns:
        int64 of shape (n, 2), each pair once, in ascending order. Memory is that of the result.
    """
    rows = len(index)
    kind = np.arange(rows) if kinds is None else _codes(kinds)
    group = np.arange(rows) if groups is None else _codes(groups)
    order = np.argsort(kind, kind="stable")  # kinds lie together: most tiles of one kind need no look
    kind, group = kind[order], group[order]
    comparer = _Comparer(np.ascontiguousarray(index[order].T), np.ascontiguousarray(asked[order].T), radius)

    def strip(first: int) -> list[Pairs]:
        found = []
        for near in comparer.strip(first, kind):
            apart = (kind[near[:, 0]] != kind[near[:, 1]]) & (group[near[:, 0]] != group[near[:, 1]])
            found.append(np.sort(order[near[apart]], axis=1))
        return found

    with ThreadPoolExecutor(max(1, workers)) as pool:
        parts = [part for parts in pool.map(strip, range(0, rows, TILE)) for part in parts]
    pairs = np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


class _Comparer:
    """Compares rows with those after them; ``index`` and ``asked`` have one row for each view here."""

    def __init__(self, index: Hashes, asked: Hashes, radius: int) -> None:
        self.index, self.asked, self.radius = index, asked, radius

    def strip(self, first: int, kind: Codes) -> Iterator[Pairs]:
        """The near pairs of the rows from ``first`` on, tile by tile; not of tiles that are of one kind throughout."""
        rows = self.index.shape[1]
        one = slice(first, min(first + TILE, rows))
        scratch = np.empty((TILE, TILE), np.uint64), np.empty((2, TILE, TILE), np.uint8)
        for start in range(first, rows, TILE):
            two = slice(start, min(start + TILE, rows))
            if kind[one.start] == kind[two.stop - 1]:  # they are sorted
                continue
            near = np.argwhere(self._least(one, two, *scratch) <= self.radius) + np.array((first, start))
            if len(near):
                yield near[near[:, 0] < near[:, 1]]

    def _least(self, one: slice, two: slice, xor: Hashes, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The least distance of each pair over all views and questions, both ways."""
        cut = np.s_[: one.stop - one.start, : two.stop - two.start]
        xor, count = xor[cut], bits[0][cut]
        least: NDArray[np.uint8] = bits[1][cut]
        least.fill(64)

        def compare(mine: Hashes, other: Hashes) -> None:
            np.bitwise_xor(mine[one, None], other[None, two], out=xor)
            np.bitwise_count(xor, out=count)
            np.minimum(least, count, out=least)

        for place, view in enumerate(self.index):
            for number, question in enumerate(self.asked):
                compare(view, question)
                if place or number:  # the first of each is the hash of the whole picture: both ways are one
                    compare(question, view)
        return least


def _codes(names: Sequence[object]) -> Codes:
    """Equal names, equal numbers."""
    numbers: dict[object, int] = {}
    return np.fromiter((numbers.setdefault(name, len(numbers)) for name in names), np.int64, len(names))
