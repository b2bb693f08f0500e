"""How sure a number is: a bootstrap over subjects, and a paired test between two models.

Frames of one person are alike, so rows are not independent. What is drawn anew is therefore the *cluster*: the group
of a row (``meta_info.group``: the subject, else the video or photograph), else its picture.

Every metric here is a function of sums over rows (of hits and counts, of true and false positives, …). The columns of
the rows are added up once per cluster; a resample then only weighs these sums, which makes a thousand of them cheap for
any metric. Percentile intervals; 95 % throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clusters", "Difference", "Ends", "Value", "bootstrap", "by_name", "paired"]

_ENDS = (0.025, 0.975)
"""The quantiles between which a 95 % interval lies."""
_BLOCK = 50
"""Resamples whose weights are in memory at once."""

Floats = NDArray[np.float64]
Value = Callable[[Floats], Floats]
"""Sums with any leading axes, columns in the last one → values, one or several in the last axis."""
Ends = tuple[Floats, Floats]
"""Lower and upper ends of intervals."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which rows belong together.

    Attributes:
        of: the cluster of each row, from 0.
        count: how many clusters there are.
        strata: the stratum of each cluster, from 0: a resample draws as many clusters of each as there are.
    """

    of: NDArray[np.intp]
    count: int
    strata: NDArray[np.intp]

    @classmethod
    def by(cls, keys: Sequence[Hashable], strata: Sequence[Hashable] | None = None) -> Clusters:
        """From a key per row; ``strata`` is a key per row too, the same for all rows of a cluster."""
        places: dict[Hashable, int] = {}
        of = np.fromiter((places.setdefault(key, len(places)) for key in keys), np.intp, len(keys))
        stratum = np.zeros(len(places), np.intp)
        if strata is not None:
            numbers: dict[Hashable, int] = {}
            stratum[of] = np.fromiter((numbers.setdefault(key, len(numbers)) for key in strata), np.intp, len(keys))
        return cls(of, len(places), stratum)

    @property
    def alone(self) -> bool:
        """Every row is a cluster of its own, so that rows are independent."""
        return self.count == len(self.of)

    def sums(self, columns: Iterable[NDArray[Any]]) -> Floats:
        """The sums of columns (a value per row) over each cluster: clusters × columns."""
        added = [np.bincount(self.of, weights=column, minlength=self.count) for column in columns]
        return np.stack(added, axis=-1) if added else np.zeros((self.count, 0))


def bootstrap(sums: Floats, value: Value, clusters: Clusters, *, resamples: int = 1000, seed: int = 0) -> Ends | None:
    """Percentile intervals of ``value(sums.sum(axis=0))``, clusters drawn with replacement within their stratum.

    Args:
        sums: clusters × columns.
        value: see :data:`Value`; resamples for which it is NaN are left out.
        clusters: as ``sums`` was made with.
        resamples: how many.
        seed: of the draws.

    Returns:
        Lower and upper ends, in the shape of the values; None where a stratum has fewer than two clusters, so that
        nothing is known about how they differ.

    Four rows of three people; in one resample of 27 nobody is right, in eight nobody is wrong:

    >>> clusters = Clusters.by(["ann", "ann", "bob", "cy"])
    >>> sums = clusters.sums([np.array([1.0, 1.0, 0.0, 1.0]), np.ones(4)])
    >>> low, high = bootstrap(sums, lambda sums: sums[..., 0] / sums[..., 1], clusters)
    >>> low.item(), high.item()
    (0.0, 1.0)
    """
    members = [np.flatnonzero(clusters.strata == stratum) for stratum in np.unique(clusters.strata)]
    if not members or resamples < 1 or min(map(len, members)) < 2:
        return None
    dice = np.random.default_rng(seed)
    values = []
    for begin in range(0, resamples, _BLOCK):
        weights = np.zeros((min(_BLOCK, resamples - begin), clusters.count))
        for row in weights:
            for one in members:
                row[one] = np.bincount(dice.integers(0, len(one), len(one)), minlength=len(one))
        values.append(value(weights @ sums))
    drawn = np.concatenate(values)
    with np.errstate(invalid="ignore"):
        low, high = _quantiles(drawn, _ENDS)
    return low, high


def by_name(names: Iterable[str], ends: Ends | None) -> dict[str, tuple[float, float]]:
    """The intervals of named values; what has none, because it was never defined, is left out."""
    if ends is None:
        return {}
    pairs = zip(names, ends[0].tolist(), ends[1].tolist(), strict=True)
    return {name: (low, high) for name, low, high in pairs if not np.isnan(low + high)}


def _quantiles(drawn: Floats, at: Sequence[float]) -> Floats:
    """Quantiles over the first axis without the NaN; NaN where nothing else is there."""
    if not np.isnan(drawn).any():
        return np.quantile(drawn, at, axis=0)
    flat = drawn.reshape(len(drawn), -1)
    columns = [column[~np.isnan(column)] for column in flat.T]
    ends = [np.quantile(column, at) if column.size else np.full(len(at), np.nan) for column in columns]
    return np.stack(ends, axis=-1).reshape(len(at), *drawn.shape[1:])


@dataclass(frozen=True, slots=True)
class Difference:
    """How two models differ on the same rows.

    Attributes:
        value: second minus first.
        low, high: 95 % interval of it by the bootstrap over clusters; None with too few clusters.
        p: two-sided p-value of "they are exchangeable".
        clusters: how many there are.
        exact: ``p`` counts every possible exchange, not a sample of them.
    """

    value: float
    low: float | None
    high: float | None
    p: float
    clusters: int
    exact: bool


def paired(
    first: Floats, second: Floats, value: Value, clusters: Clusters, *, resamples: int = 1000, seed: int = 0
) -> Difference:
    """The difference of a metric between two models, tested by exchanging their answers cluster by cluster.

    Approximate randomisation (Noreen 1989; Yeh, COLING 2000): if the models are alike, whose answers are whose may be
    exchanged in any cluster. ``p`` is the share of exchanges with a difference at least as large, all ``2 ** clusters``
    of them where these are no more than ``resamples``, else drawn ones with (k + 1) / (n + 1).

    Args:
        first, second: clusters × columns, of the two models over the same rows.
        value: a metric with one value.
        clusters, resamples, seed: as for :func:`bootstrap`.
    """
    step = second - first
    both = np.concatenate([first, second], axis=1)
    width = first.shape[1]

    def gap(sums: Floats) -> Floats:
        return value(sums[..., width:]) - value(sums[..., :width])

    observed = float(gap(both.sum(axis=0)))
    total, moved = both.sum(axis=0), np.concatenate([step, -step], axis=1)
    exact = 2**clusters.count <= resamples
    dice = np.random.default_rng(seed)
    hits = 0
    if exact:
        swaps = np.array(list(product((0.0, 1.0), repeat=clusters.count))).reshape(-1, clusters.count)
        hits = _as_large(gap(total + swaps @ moved), observed)
        p = hits / len(swaps)
    else:
        for begin in range(0, resamples, _BLOCK):
            shape = (min(_BLOCK, resamples - begin), clusters.count)
            swaps = dice.integers(0, 2, shape).astype(np.float64)
            hits += _as_large(gap(total + swaps @ moved), observed)
        p = (hits + 1) / (resamples + 1)
    ends = bootstrap(both, gap, clusters, resamples=resamples, seed=seed)
    low, high = (None, None) if ends is None else (float(ends[0]), float(ends[1]))
    return Difference(observed, low, high, p, clusters.count, exact)


def _as_large(gaps: Floats, observed: float) -> int:
    return int(np.count_nonzero(np.abs(gaps) >= abs(observed) - 1e-12))
