"""From rows to the arrays that metrics take: the one place that says which rows a metric is about."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facial_r1.evaluation.au import AuScores, masks, score_aus
from facial_r1.evaluation.emotion import EmotionScores, classes_of, classified, score_emotions
from facial_r1.evaluation.intervals import Clusters, Floats, bootstrap
from facial_r1.evaluation.rows import Row

__all__ = [
    "Masks",
    "Mean",
    "au_rows",
    "clusters_of",
    "emotion_rows",
    "masks_of",
    "mean_of",
    "mean_sums",
    "mean_value",
    "measure_aus",
    "measure_emotions",
]


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over the rows that have a value.

    Attributes:
        value: None when no row has one.
        low, high: 95 % interval, None with fewer than two clusters.
        rows: rows with a value.
        of: rows that could have had one; the coverage is ``rows / of``.
    """

    value: float | None
    low: float | None
    high: float | None
    rows: int
    of: int


def clusters_of(rows: Sequence[Row], *, by_part: bool = False) -> Clusters:
    """Rows that show the same subject, group or picture; drawn within their part where the protocol has parts."""
    strata: list[Hashable] | None = [row.part for row in rows] if by_part else None
    return Clusters.by([row.cluster for row in rows], strata)


def au_rows(rows: Iterable[Row]) -> list[Row]:
    """The answered rows whose Action Units are known."""
    return [row for row in rows if row.status == "answered" and row.annotated]


def emotion_rows(rows: Iterable[Row]) -> list[Row]:
    """The answered rows whose emotion is known."""
    return [row for row in rows if row.status == "answered" and row.labels]


class Masks(NamedTuple):
    """A mask per row."""

    said: NDArray[np.uint64]
    true: NDArray[np.uint64]
    annotated: NDArray[np.uint64]


def masks_of(rows: Sequence[Row]) -> Masks:
    """Claimed, present and known Action Units; an answer that has no place for them claims none."""
    count = len(rows)
    said = masks((row.said_aus or () for row in rows), count)
    return Masks(said, masks((row.aus for row in rows), count), masks((row.annotated for row in rows), count))


def measure_aus(rows: Sequence[Row], aus: Sequence[str], *, parts: bool, resamples: int, seed: int) -> AuScores | None:
    """The Action Unit scores of ``rows`` (see :func:`au_rows`); None without any."""
    if not rows or not aus:
        return None
    part = [row.part or 0 for row in rows] if parts else None
    clusters = clusters_of(rows, by_part=parts)
    return score_aus(*masks_of(rows), aus, clusters, part, resamples=resamples, seed=seed)


def measure_emotions(
    rows: Sequence[Row], fixed: Sequence[str], rule: str, *, resamples: int, seed: int
) -> EmotionScores | None:
    """The emotion scores of ``rows`` (see :func:`emotion_rows`); None without any."""
    if not rows:
        return None
    pairs = [classified(row.said_labels or (), row.labels, rule) for row in rows]
    true, said = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    classes = classes_of(true, fixed if rule == "any" else ())
    return score_emotions(true, said, classes, clusters_of(rows), resamples=resamples, seed=seed)


def mean_sums(values: Sequence[float | None], clusters: Clusters) -> Floats:
    """Sum and number of the known values: clusters × 2."""
    known = np.array([value is not None for value in values], dtype=bool)
    filled = np.array([0.0 if value is None else value for value in values], dtype=np.float64)
    return clusters.sums([filled, known])


def mean_value(sums: Floats) -> Floats:
    """The metric: sums of :func:`mean_sums` → the mean; NaN without any value."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def mean_of(values: Sequence[float | None], clusters: Clusters, *, resamples: int = 1000, seed: int = 0) -> Mean:
    """The mean of the known values, with its interval over the clusters.

    >>> mean_of([1.0, None, 0.0], Clusters.by(range(3)), resamples=0)
    Mean(value=0.5, low=None, high=None, rows=2, of=3)
    """
    sums = mean_sums(values, clusters)
    total, count = sums.sum(axis=0).tolist()
    if not count:
        return Mean(None, None, None, 0, len(values))
    ends = bootstrap(sums, mean_value, clusters, resamples=resamples, seed=seed) if resamples else None
    low, high = (None, None) if ends is None else (float(ends[0]), float(ends[1]))
    return Mean(total / count, low, high, int(count), len(values))
