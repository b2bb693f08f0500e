"""How far two data sets differ: shares with intervals, and distributions as a whole."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from facial_r1.facs import sort_codes
from facial_r1.stats.counts import AuRate, Counts, wilson

__all__ = ["Shift", "difference", "shifts", "total_variation"]

Kind: TypeAlias = Literal["corpus", "split", "emotion", "AU"]
Key = TypeVar("Key", bound=Hashable)


def difference(hits: int, of: int, other_hits: int, other_of: int) -> tuple[float, float, float] | None:
    """Second share minus first, with its 95 % interval (Newcombe 1998, method 10: from two Wilson intervals).

    As if all rows were independent, which frames of one video are not: read it as the least uncertainty there is.

    Returns:
        (difference, lower, upper) in [-1, 1]; None when one of the shares is of nothing.

    Newcombe's own example, 56 of 70 against 48 of 80:

    >>> [round(value, 4) for value in difference(48, 80, 56, 70)]
    [0.2, 0.0524, 0.3339]
    """
    if not of or not other_of:
        return None
    first, second = hits / of, other_hits / other_of
    (low1, high1), (low2, high2) = wilson(hits, of), wilson(other_hits, other_of)
    gap = second - first
    return gap, gap - math.hypot(second - low2, high1 - first), gap + math.hypot(high2 - second, first - low1)


def total_variation(first: Mapping[Key, int], second: Mapping[Key, int]) -> float | None:
    """Half the sum of the absolute differences of two distributions: 0 alike, 1 disjoint; None when one is empty.

    >>> total_variation({"fear": 1, "anger": 3}, {"anger": 10})
    0.25
    """
    ones, others = sum(first.values()), sum(second.values())
    if not ones or not others:
        return None
    keys = {**first, **second}
    return sum(abs(first.get(key, 0) / ones - second.get(key, 0) / others) for key in keys) / 2


@dataclass(frozen=True, slots=True)
class Shift:
    """One share in two data sets.

    Attributes:
        kind: ``corpus`` or ``split`` (of all rows), ``emotion`` (of rows with one), ``AU`` (of rows that annotate it).
        name: the corpus, split, emotion or code.
        first, second: rows and of how many, in either data set.
    """

    kind: Kind
    name: str
    first: tuple[int, int]
    second: tuple[int, int]

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """See :func:`difference`."""
        return difference(*self.first, *self.second)

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        found = self.difference
        return found is not None and not found[1] <= 0 <= found[2]


def shifts(first: Counts, second: Counts) -> list[Shift]:
    """Every share that the tables of two data sets have, in their order."""
    lines = _of_rows("corpus", 0, first, second) + _of_rows("split", 1, first, second)
    labels, others = first.labels(), second.labels()
    of, other_of = first.labelled(), second.labelled()
    for name in sorted({*labels, *others}):
        lines.append(Shift("emotion", name, (labels.get(name, 0), of), (others.get(name, 0), other_of)))
    aus, other_aus, nobody = first.aus(), second.aus(), AuRate(0, 0)
    for code in sort_codes({*aus, *other_aus}):
        one, other = aus.get(code, nobody), other_aus.get(code, nobody)
        lines.append(Shift("AU", code, (one.present, one.annotated), (other.present, other.annotated)))
    return lines


def _of_rows(kind: Kind, place: int, first: Counts, second: Counts) -> list[Shift]:
    """The shares of one key of the composition."""
    sums = Counter[str](), Counter[str]()
    for counter, counts in zip(sums, (first, second), strict=True):
        for key, rows in counts.composition().items():
            counter[key[place]] += rows
    names = sorted({*sums[0], *sums[1]})
    return [Shift(kind, name, (sums[0][name], first.rows), (sums[1][name], second.rows)) for name in names]
