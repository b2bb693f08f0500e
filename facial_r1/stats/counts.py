"""What rows hold, as numbers: corpora, splits, tasks, emotions and Action Units.

*Unknown is not absent*: the rate of an Action Unit is taken over the rows that annotate it, never over all rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facial_r1.facs import sort_codes
from facial_r1.sample import Sample

__all__ = ["AuRate", "Cooccurrence", "Counts", "Pattern", "wilson"]

_Z = 1.959963984540054
"""The normal quantile of a 95 % interval."""


class Pattern(NamedTuple):
    """Everything about a row that is counted; rows of one pattern are alike to every table."""

    dataset: str
    split: str | None
    task: str | None
    labels: tuple[str, ...]
    aus: tuple[str, ...]
    annotated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuRate:
    """One Action Unit.

    Attributes:
        present: rows that annotate it and show it.
        annotated: rows that annotate it.
        unsure: rows that list it as present without saying that it was annotated; in no rate.
    """

    present: int
    annotated: int
    unsure: int = 0

    @property
    def rate(self) -> float | None:
        """``present / annotated``; None where nobody annotated it."""
        return self.present / self.annotated if self.annotated else None


@dataclass(frozen=True, slots=True)
class Cooccurrence:
    """How often an Action Unit is present in rows with an emotion.

    Attributes:
        aus, emotions: names of the rows and columns.
        present: rows with that emotion that show the AU, ``len(aus) × len(emotions)``.
        annotated: rows with that emotion that annotate the AU, of the same shape.
    """

    aus: list[str]
    emotions: list[str]
    present: NDArray[np.int64]
    annotated: NDArray[np.int64]

    @property
    def rates(self) -> NDArray[np.float64]:
        """``present / annotated``; NaN where no row with the emotion annotates the AU."""
        rates = np.full(self.present.shape, np.nan)
        np.divide(self.present, self.annotated, out=rates, where=self.annotated > 0)
        return rates


@dataclass(slots=True)
class Counts:
    """Counts rows as they pass. Memory grows with the number of different patterns, not with the number of rows."""

    patterns: Counter[Pattern] = field(default_factory=Counter)

    def add(self, sample: Sample) -> None:
        """Count one row."""
        meta = sample.meta_info
        known = (tuple(sample.labels), tuple(sample.AUs), tuple(meta.au_annotated))
        self.patterns[Pattern(sample.dataset, meta.split, meta.task, *known)] += 1

    @property
    def rows(self) -> int:
        """All rows."""
        return self.patterns.total()

    @property
    def corpora(self) -> list[str]:
        """The corpora, by name."""
        return sorted({pattern.dataset for pattern in self.patterns})

    def composition(self) -> dict[tuple[str, str, str], int]:
        """(corpus, split, task) → rows, in that order; what a row does not say is ``–``."""
        counter = Counter[tuple[str, str, str]]()
        for pattern, count in self.patterns.items():
            counter[pattern.dataset, pattern.split or "–", pattern.task or "–"] += count
        return dict(sorted(counter.items()))

    def labels(self, dataset: str | None = None) -> dict[str, int]:
        """Emotion → rows, by name; a row of several emotions counts under each."""
        counter = Counter[str]()
        for pattern, count in self._of(dataset):
            for name in pattern.labels:
                counter[name] += count
        return dict(sorted(counter.items()))

    def labelled(self, dataset: str | None = None) -> int:
        """Rows with at least one emotion."""
        return sum(count for pattern, count in self._of(dataset) if pattern.labels)

    def aus(self, dataset: str | None = None) -> dict[str, AuRate]:
        """Action Unit → its counts, by number; every AU that is present or annotated somewhere."""
        present, annotated, unsure = Counter[str](), Counter[str](), Counter[str]()
        for pattern, count in self._of(dataset):
            for code in pattern.annotated:
                annotated[code] += count
            for code in pattern.aus:
                (present if code in pattern.annotated else unsure)[code] += count
        codes = sort_codes({*annotated, *unsure})
        return {code: AuRate(present[code], annotated[code], unsure[code]) for code in codes}

    def cooccurrence(self) -> Cooccurrence:
        """Action Units against emotions, over rows that have an emotion and annotate the AU."""
        present, annotated = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for pattern, count in self.patterns.items():
            for label in pattern.labels:
                for code in pattern.annotated:
                    annotated[code, label] += count
                    present[code, label] += count * (code in pattern.aus)
        codes, names = sort_codes(code for code, _ in annotated), sorted({label for _, label in annotated})

        def grid(counter: Counter[tuple[str, str]]) -> NDArray[np.int64]:
            values = [[counter[code, name] for name in names] for code in codes]
            return np.array(values, dtype=np.int64).reshape(len(codes), len(names))

        return Cooccurrence(codes, names, grid(present), grid(annotated))

    def _of(self, dataset: str | None) -> Iterable[tuple[Pattern, int]]:
        return ((p, count) for p, count in self.patterns.items() if dataset is None or p.dataset == dataset)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927): bounds in [0, 1] that stay honest near 0 and 1.

    >>> [round(end, 3) for end in wilson(0, 10)], [round(end, 3) for end in wilson(50, 100)]
    ([0.0, 0.278], [0.404, 0.596])
    """
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
