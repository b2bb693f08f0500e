"""Action Unit metrics: binary per frame, over the Action Units that were annotated for it, and only those.

A row's codes are the bits of one integer (the registry has 58 codes), so a million rows are three short arrays and a
count is a bitwise *and*.

The three means are always given together, because papers use each of them without saying so:

* ``macro_benchmark``: over the protocol's fixed list; an Action Unit that is neither present nor claimed anywhere
  counts 0 there, as with scikit-learn's ``zero_division=0``, and is named;
* ``macro_present``: over those of the list that are present at least once;
* ``micro``: over all cells of the list at once.

With parts, each is computed within a part and then averaged over the parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facial_r1.evaluation.intervals import Clusters, Floats, Value, bootstrap, by_name
from facial_r1.facs import REGISTRY

__all__ = ["MEANS", "AuScores", "au_sums", "f1", "masks", "means_of", "score_aus"]

MEANS: tuple[str, ...] = ("macro_benchmark", "macro_present", "micro")
Masks = NDArray[np.uint64]

_BIT = {code: 1 << place for place, code in enumerate(REGISTRY)}


@lru_cache(maxsize=65_536)
def _mask(codes: tuple[str, ...]) -> int:
    return sum(_BIT[code] for code in set(codes))


def masks(rows: Iterable[Iterable[str]], count: int) -> Masks:
    """The codes of each row as the bits of an integer.

    Args:
        rows: canonical codes, in any order.
        count: how many rows there are.

    >>> masks([["AU1", "AU4"], []], 2).tolist()
    [5, 0]
    """
    return np.fromiter((_mask(tuple(codes)) for codes in rows), np.uint64, count)


def au_sums(
    said: Masks,
    true: Masks,
    annotated: Masks,
    aus: Sequence[str],
    clusters: Clusters,
    parts: NDArray[np.intp] | None = None,
) -> Floats:
    """True positives, false positives and false negatives: clusters × (parts · AUs · 3), in this order.

    Args:
        said, true, annotated: a mask per row.
        aus: the list.
        clusters: of the rows.
        parts: the part of each row from 0, where the protocol has parts.
    """
    said, true = said & annotated, true & annotated
    cells = (said & true, said & ~true, true & ~said)
    here: list[NDArray[np.bool_] | None] = [None]
    if parts is not None:
        here = [parts == part for part in range(int(parts.max(initial=0)) + 1)]
    columns = []
    for inside in here:
        for code in aus:
            bit = np.uint64(_BIT[code])
            for cell in cells:
                hit = (cell & bit) != 0
                columns.append(hit if inside is None else hit & inside)
    return clusters.sums(columns)


def f1(counts: Floats) -> Floats:
    """``2·tp / (2·tp + fp + fn)`` of the last axis (tp, fp, fn); NaN where nothing is present and nothing claimed.

    >>> f1(np.array([[1.0, 1.0, 2.0], [0.0, 0.0, 0.0]])).round(3).tolist()
    [0.4, nan]
    """
    tp, wrong = counts[..., 0], counts[..., 1] + counts[..., 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * tp / (2 * tp + wrong))


def means_of(aus: int, parts: int) -> Value:
    """The metric for :mod:`facial_r1.evaluation.intervals`: sums → :data:`MEANS`, then the F1 of each AU.

    The F1 of an Action Unit is its mean over the parts in which it is defined.
    """

    def value(sums: Floats) -> Floats:
        counts = sums.reshape(*sums.shape[:-1], parts, aus, 3)
        each = f1(counts)
        present = counts[..., 0] + counts[..., 2] > 0
        benchmark = np.nan_to_num(each).mean(axis=-1) if aus else np.full(each.shape[:-1], np.nan)
        there = _mean(np.where(present, np.nan_to_num(each), np.nan))
        micro = f1(counts.sum(axis=-2))
        means = [mean.mean(axis=-1) for mean in (benchmark, there, micro)]  # over the parts
        return np.concatenate([np.stack(means, axis=-1), _mean(np.moveaxis(each, -2, -1))], axis=-1)

    return value


def _mean(values: Floats) -> Floats:
    """The mean over the last axis without the NaN; NaN where nothing else is there."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1))


@dataclass(slots=True)
class AuScores:
    """Fractions, not per cent.

    Attributes:
        aus: the list, in order.
        rows: rows with annotated Action Units of the list that were answered.
        macro_benchmark, macro_present, micro: mean F1, see the module; None where nothing is defined.
        f1: Action Unit → F1, None where it is neither present nor claimed.
        precision, recall: Action Unit → fraction, None where nothing was claimed, or is present; parts added up.
        support, claimed, annotated: Action Unit → rows in which it is present, was claimed, is known.
        intervals: name of a mean, or Action Unit → 95 % interval.
        per_part: part → its three means.
        undefined: Action Units of the list without a single positive or claim; 0 in ``macro_benchmark``.
        clusters: subjects (or groups) behind the intervals.
    """

    aus: tuple[str, ...]
    rows: int
    macro_benchmark: float | None = None
    macro_present: float | None = None
    micro: float | None = None
    f1: dict[str, float | None] = field(default_factory=dict)
    precision: dict[str, float | None] = field(default_factory=dict)
    recall: dict[str, float | None] = field(default_factory=dict)
    support: dict[str, int] = field(default_factory=dict)
    claimed: dict[str, int] = field(default_factory=dict)
    annotated: dict[str, int] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    per_part: dict[str, dict[str, float | None]] = field(default_factory=dict)
    undefined: tuple[str, ...] = ()
    clusters: int = 0


def score_aus(
    said: Masks,
    true: Masks,
    annotated: Masks,
    aus: Sequence[str],
    clusters: Clusters,
    parts: Sequence[int] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> AuScores:
    """All Action Unit scores of answered rows.

    Args:
        said, true, annotated: masks, see :func:`masks`.
        aus: the fixed list of the benchmark.
        clusters: which rows belong together.
        parts: the published part of each row, where the protocol averages over parts.
        resamples: of the bootstrap; 0 computes no intervals.
        seed: of the bootstrap.

    Four rows, two Action Units; AU2 is unknown in the last row, so its claim there is no error:

    >>> rows = [(["AU1"], ["AU1"]), (["AU1", "AU2"], ["AU2"]), ([], ["AU1"]), (["AU2"], [])]
    >>> said, true = (masks([row[side] for row in rows], 4) for side in (0, 1))
    >>> known = masks([["AU1", "AU2"]] * 3 + [["AU1"]], 4)
    >>> scores = score_aus(said, true, known, ["AU1", "AU2"], Clusters.by(range(4)), resamples=0)
    >>> scores.f1, scores.macro_benchmark, round(scores.micro, 3)
    ({'AU1': 0.5, 'AU2': 1.0}, 0.75, 0.667)
    """
    names = sorted(set(parts)) if parts is not None else []
    place = None if parts is None else np.searchsorted(names, parts)
    sums = au_sums(said, true, annotated, aus, clusters, place)
    value = means_of(len(aus), max(1, len(names)))
    total = sums.sum(axis=0)
    values = value(total)
    scores = AuScores(tuple(aus), len(said), clusters=clusters.count)
    listed = np.uint64(_mask(tuple(aus)))
    scores.rows = int(np.count_nonzero(annotated & listed))
    means = dict(zip(MEANS, map(_known, values), strict=False))
    scores.macro_benchmark, scores.macro_present, scores.micro = (means[name] for name in MEANS)
    scores.f1 = dict(zip(aus, map(_known, values[len(MEANS) :]), strict=True))
    scores.undefined = tuple(code for code, one in scores.f1.items() if one is None)
    counts = total.reshape(-1, len(aus), 3).sum(axis=0)
    for code, (tp, fp, fn) in zip(aus, counts.tolist(), strict=True):
        scores.precision[code] = tp / (tp + fp) if tp + fp else None
        scores.recall[code] = tp / (tp + fn) if tp + fn else None
        scores.support[code], scores.claimed[code] = int(tp + fn), int(tp + fp)
        scores.annotated[code] = int(np.count_nonzero(annotated & np.uint64(_BIT[code])))
    alone = means_of(len(aus), 1)
    for name, one in zip(names, total.reshape(max(1, len(names)), -1), strict=False):
        scores.per_part[str(name)] = dict(zip(MEANS, map(_known, alone(one)), strict=False))
    ends = bootstrap(sums, value, clusters, resamples=resamples, seed=seed) if resamples else None
    scores.intervals = by_name((*MEANS, *aus), ends)
    return scores


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
