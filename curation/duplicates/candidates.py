"""Which pictures may be copies of one another, among all pairs: by hashes first, then by their low frequencies."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.duplicates.search import close
from curation.duplicates.views import MIRRORED, VIEWS, features, hashes, mirrored_features, tangents

__all__ = ["Candidate", "candidates"]

LEAST, LEAST_DRAWN = 0.95, 0.99
"""Least correlation of the low frequencies of a picture with what the views of a copy span; of two drawn faces, which
are all alike, a higher one."""

BLOCK = 4096
"""Pictures whose views are compared with all others at a time; 6 MB of tangents."""

PAIRS = 8192
"""Pairs whose frequencies are compared at a time: 13 MB, however many hashes are near."""

Codes = NDArray[np.int64]
Found = NDArray[np.float64]


class Candidate(NamedTuple):
    """A pair of pictures: ``asked``, mirrored or not, looks like a view of ``viewed``; both are places in the input."""

    asked: int
    viewed: int
    view: int
    mirrored: bool


def candidates(
    smalls: NDArray[np.uint8],
    radius: int,
    *,
    kinds: Sequence[Hashable] | None = None,
    groups: Sequence[Hashable] | None = None,
    drawn: Sequence[bool] | None = None,
    workers: int = 1,
) -> list[Candidate]:
    """Each pair of pictures that may be copies, once, as it fits best; in ascending order of both places.

    Args:
        smalls: uint8 of shape (n, 32, 32), see :class:`curation.duplicates.looks.Fingerprint`.
        radius: greatest Hamming distance of hashes, 0-64 bits.
        kinds: of each picture; pictures of one kind are not compared with one another. Without, all are.
        groups: of each picture; nor are pictures of one group.
        drawn: of each picture, whether a program drew it.
        workers: threads; the result does not depend on it.
    """
    rows = len(smalls)
    kind = np.arange(rows) if kinds is None else _codes(kinds)
    group = np.arange(rows) if groups is None else _codes(groups)
    order = np.argsort(kind, kind="stable")  # kinds lie together: most blocks are of one kind throughout
    photo = np.ones(rows, bool) if drawn is None else ~np.asarray(drawn, bool)
    comparer = _Comparer(smalls[order], kind[order], group[order], photo[order], radius)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        parts = list(pool.map(comparer.block, range(0, rows, BLOCK)))
    found = np.concatenate(parts) if parts else np.zeros((0, 5))
    return list(_best(found, order))


class _Comparer:
    """Compares all pictures with the views of a block of them."""

    def __init__(
        self, smalls: NDArray[np.uint8], kind: Codes, group: Codes, photo: NDArray[np.bool_], radius: int
    ) -> None:
        self.smalls, self.kind, self.group, self.photo, self.radius = smalls, kind, group, photo, radius
        parts = [smalls[start : start + BLOCK] for start in range(0, len(smalls), BLOCK)]
        self.hashes = np.concatenate([hashes(part) for part in parts], 1) if parts else np.zeros((1, 0), np.uint64)
        self.features = np.concatenate([features(part) for part in parts]) if parts else np.zeros((0, 1), np.float32)
        self.shows = np.flatnonzero(self.features.any(axis=1))  # thousands of black pictures all have one hash

    def block(self, start: int) -> Found:
        """Columns: asked, viewed, view, mirrored, correlation; of the views of one block of pictures."""
        stop = min(start + BLOCK, len(self.smalls))
        asked = self.shows
        if self.kind[start] == self.kind[stop - 1]:  # they are sorted
            asked = asked[self.kind[asked] != self.kind[start]]
        found = [part for view in range(len(VIEWS)) for part in self._like(asked, start, stop, view)]
        return np.concatenate(found) if found else np.zeros((0, 5))

    def _like(self, asked: Codes, start: int, stop: int, view: int) -> Iterator[Found]:
        """The asked pictures that look like one view of some from ``start`` to ``stop``."""
        spans: NDArray[np.float32] | None = None  # not needed where no hash is near
        for mirrored in (False, True):
            mine = self.hashes[0, asked] ^ (MIRRORED if mirrored else np.uint64(0))
            for near, places in close(mine, self.hashes[view, start:stop], self.radius):
                one, two = asked[near], places + start
                apart = (self.kind[one] != self.kind[two]) & (self.group[one] != self.group[two])
                one, two = one[apart], two[apart]
                if not one.size:
                    continue
                if spans is None:
                    spans = tangents(self.smalls[start:stop], view)
                fit = self._fit(one, spans, two - start, mirrored=mirrored)
                good = fit >= np.where(self.photo[one] | self.photo[two], LEAST, LEAST_DRAWN)
                how = np.full((2, int(good.sum())), ((view,), (mirrored,)))
                yield np.column_stack([one[good], two[good], *how, fit[good]])

    def _fit(self, asked: Codes, spans: NDArray[np.float32], viewed: Codes, *, mirrored: bool) -> NDArray[np.float32]:
        """How much of each asked picture lies in the span of the view beside it, 0-1."""
        fits = np.empty(len(asked), np.float32)
        for start in range(0, len(asked), PAIRS):
            some = slice(start, start + PAIRS)
            low = self.features[asked[some]]
            low = mirrored_features(low) if mirrored else low
            fits[some] = np.linalg.norm(np.einsum("nkd,nd->nk", spans[viewed[some]], low), axis=1)
        return fits


def _best(found: Found, order: Codes) -> Iterator[Candidate]:
    """Of each pair the way in which it fits best; equal fits go to the first view, so that threads change nothing."""
    one, two = order[found[:, 0].astype(int)], order[found[:, 1].astype(int)]
    low, high = np.minimum(one, two), np.maximum(one, two)
    fit = found[:, 4].round(3)  # so that a last digit, which the processor decides, decides nothing
    ranked = np.lexsort((one, found[:, 3], found[:, 2], -fit, high, low))
    first = np.ones(len(ranked), bool)
    first[1:] = (low[ranked][1:] != low[ranked][:-1]) | (high[ranked][1:] != high[ranked][:-1])
    for at in ranked[first]:
        yield Candidate(int(one[at]), int(two[at]), int(found[at, 2]), bool(found[at, 3]))


def _codes(names: Sequence[Hashable]) -> Codes:
    """Equal names, equal numbers."""
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(name, len(numbers)) for name in names), np.int64, len(names))
