"""The set gate on near-duplicate texts: MinHash finds who may be alike, their shingles decide."""

from __future__ import annotations

from typing import Annotated, Any
from zlib import crc32

from pydantic import Field

from curation.gates.registry import Candidate, Ruling, SetGate, set_gate
from curation.gates.words import prose_of
from facial_r1.wording import words_of

__all__ = ["near_duplicate"]

PERMUTATIONS = 128
"""Length of a MinHash signature; the chance to miss a pair falls with it, memory grows (1 KB a row)."""


@set_gate
def near_duplicate(
    most: Annotated[float, Field(gt=0, lt=1)] = 0.8, n: Annotated[int, Field(ge=1, le=10)] = 3
) -> SetGate:
    """The likeness to the nearest kept text: Jaccard index of their shingles (runs of ``n`` words). That is the value.

    Candidates come from datasketch's ``MinHashLSH`` (Broder 1997; banding as in Leskovec et al., *Mining of Massive
    Datasets*, ch. 3), which misses some pairs near the threshold; what it finds is compared exactly. The value is None
    where it finds none.

    Args:
        most: a text that is more alike than this is a ``near_duplicate``; the detail names the row.
        n: words of a shingle.
    """
    return _Texts(most, n)


class _Texts:
    def __init__(self, most: float, n: int) -> None:
        from datasketch import MinHashLSH

        self.most, self.n = most, n
        # What it finds is compared exactly, so that a pair too many costs little and a missed one much: banding for a
        # likeness below `most` finds 99 of 100 pairs at it.
        below = max(0.05, min(most, 0.9) - 0.1)
        self.index = MinHashLSH(threshold=below, num_perm=PERMUTATIONS, weights=(0.1, 0.9))
        self.kept: list[tuple[str, frozenset[int]]] = []  # row, its shingles

    def read(self, candidate: Candidate) -> tuple[frozenset[int], Any]:
        from datasketch import MinHash

        words = words_of(prose_of(candidate))
        count = max(1, len(words) - self.n + 1)
        shingles = frozenset(crc32(" ".join(words[at : at + self.n]).encode()) for at in range(count))
        signature = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=int)  # the shingles are hashes already
        signature.update_batch(sorted(shingles))
        return shingles, signature

    def rule(self, read: tuple[frozenset[int], Any]) -> Ruling:
        shingles, signature = read
        nearest = max(
            ((_jaccard(shingles, self.kept[place][1]), -place) for place in self.index.query(signature)), default=None
        )
        if nearest is None:
            return Ruling(True)
        value, row = nearest[0], self.kept[-nearest[1]][0]
        if value <= self.most:
            return Ruling(True, value=value)
        return Ruling(False, "near_duplicate", f"{value:.2f} like {row}", value)

    def keep(self, read: tuple[frozenset[int], Any], row: str) -> None:
        self.index.insert(len(self.kept), read[1])
        self.kept.append((row, read[0]))


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
