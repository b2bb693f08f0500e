"""The set gate on diversity: how much of a text has been said before, by any of the texts that were kept."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from curation.gates.registry import NOT_APPLICABLE, Candidate, Ruling, SetGate, set_gate
from curation.gates.words import prose_of
from facial_r1.wording import words_of

__all__ = ["novelty"]

Hashes = npt.NDArray[np.uint64]
RECENT = 100_000
"""n-grams that are kept aside before they are sorted into the others."""


@set_gate
def novelty(n: Annotated[int, Field(ge=1, le=10)] = 4, least: Annotated[float, Field(ge=0, le=1)] = 0.1) -> SetGate:
    """The share of a text's different n-grams that no kept text holds. That is the value, 0-1.

    It falls as a set grows, so ``least`` is small: it finds texts that are put together from pieces of others, which
    no single one of them resembles. Does not apply to a text of fewer than ``n`` words.

    Args:
        n: words of an n-gram.
        least: a smaller share is ``nothing_new``; the detail names the row from which most of the rest comes.
    """
    return _Seen(n, least)


class _Seen:
    """Every n-gram that was kept, with the first row that held it: 12 bytes each, once they are sorted away."""

    def __init__(self, n: int, least: float) -> None:
        self.n, self.least = n, least
        self.rows: list[str] = []
        self.recent: dict[int, int] = {}  # hash → index into rows
        self.old: Hashes = np.empty(0, np.uint64)  # sorted
        self.old_rows: npt.NDArray[np.uint32] = np.empty(0, np.uint32)  # beside it

    def read(self, candidate: Candidate) -> Hashes:
        """A hash of 64 bits for each different n-gram, sorted."""
        words = words_of(prose_of(candidate))
        grams = {" ".join(words[at : at + self.n]).encode() for at in range(len(words) - self.n + 1)}
        hashes = (int.from_bytes(blake2b(gram, digest_size=8).digest()) for gram in grams)
        return np.array(sorted(hashes), np.uint64)

    def rule(self, read: Hashes) -> Ruling:
        if not read.size:
            return NOT_APPLICABLE
        sources = self._sources(read)
        value = 1 - len(sources) / read.size
        if value >= self.least:
            return Ruling(True, value=value)
        row, count = min(Counter(sources).items(), key=lambda item: (-item[1], item[0]))
        detail = f"{value:.0%} of its {read.size} {self.n}-grams are new, {count} are those of {self.rows[row]}"
        return Ruling(False, "nothing_new", detail, value)

    def keep(self, read: Hashes, row: str) -> None:
        for one in read[~self._in_old(read)[0]].tolist():
            self.recent.setdefault(one, len(self.rows))
        self.rows.append(row)
        if len(self.recent) > max(RECENT, self.old.size // 4):  # rarely enough that sorting costs nothing a row
            hashes = np.concatenate([self.old, np.fromiter(self.recent.keys(), np.uint64, len(self.recent))])
            rows = np.concatenate([self.old_rows, np.fromiter(self.recent.values(), np.uint32, len(self.recent))])
            order = np.argsort(hashes)
            self.old, self.old_rows = hashes[order], rows[order]
            self.recent.clear()

    def _sources(self, hashes: Hashes) -> list[int]:
        """For each n-gram that was seen before, the index of the row that held it first."""
        seen, places = self._in_old(hashes)
        recent = (self.recent.get(one) for one in hashes[~seen].tolist())
        return [*self.old_rows[places[seen]].tolist(), *(row for row in recent if row is not None)]

    def _in_old(self, hashes: Hashes) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
        """Which of ``hashes`` are in ``old``, and where."""
        if not self.old.size:
            return np.zeros(hashes.size, np.bool_), np.zeros(hashes.size, np.intp)
        places = np.minimum(np.searchsorted(self.old, hashes), self.old.size - 1)
        return self.old[places] == hashes, places
