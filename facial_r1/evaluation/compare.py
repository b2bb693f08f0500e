"""Two models on the same rows: differences with intervals, and the paired test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from facial_r1.errors import UsageError
from facial_r1.evaluation.au import MEANS, au_sums, means_of
from facial_r1.evaluation.emotion import classes_of, classified, emotion_sums, values_of
from facial_r1.evaluation.intervals import Clusters, Difference, Floats, Value, paired
from facial_r1.evaluation.measures import clusters_of, masks_of, mean_sums, mean_value
from facial_r1.evaluation.predictions import some
from facial_r1.evaluation.protocols import Protocol
from facial_r1.evaluation.rows import Row
from facial_r1.evaluation.settings import Settings

__all__ = ["Comparison", "compare"]


@dataclass(slots=True)
class Comparison:
    """This evaluation against another one.

    Attributes:
        other: the other model's name.
        differences: metric → this minus the other, over the rows that both answered.
        values: metric → (the other's, this one's) over these rows.
        rows: rows that both answered.
    """

    other: str
    differences: dict[str, Difference] = field(default_factory=dict)
    values: dict[str, tuple[float, float]] = field(default_factory=dict)
    rows: int = 0


def compare(
    name: str, others: Sequence[Row], ours: Sequence[Row], protocol: Protocol, aus: Sequence[str], settings: Settings
) -> Comparison:
    """Compare two evaluations of the same rows.

    Args:
        name: the other model's.
        others, ours: all rows of both.
        protocol: of both.
        aus: its list of Action Units, or what is annotated where it has none.
        settings: part, rule, resamples and seed.

    Raises:
        UsageError: when the rows are not the same, or their truth is not.
    """
    theirs = {row.id: row for row in others}
    strange = sorted({row.id for row in ours} ^ theirs.keys())
    if strange:
        what = f"two models can only be compared on the same rows, and {len(strange):,} rows are in one alone"
        raise UsageError(what, found=some(strange), do="evaluate both on the same data set")
    truth = [row.id for row in ours if _truth(row) != _truth(theirs[row.id])]
    if truth:
        what = f"the two evaluations disagree on the truth of {len(truth):,} rows"
        raise UsageError(what, found=some(truth), do="evaluate both under the same protocol")
    both = [(theirs[row.id], row) for row in ours if row.status == theirs[row.id].status == "answered"]
    result = Comparison(name, rows=len(both))
    parts = bool(protocol.parts) and settings.part is None
    means = MEANS if protocol.aus else [mean for mean in MEANS if mean != "macro_benchmark"]
    _compare_aus(result, [pair for pair in both if pair[1].annotated], aus, means, settings, parts=parts)
    _compare_emotions(result, [pair for pair in both if pair[1].labels], settings)
    _compare_means(result, both, settings)
    return result


Pairs = Sequence[tuple[Row, Row]]


def _truth(row: Row) -> tuple[object, ...]:
    return row.aus, row.annotated, row.labels, row.cluster, row.part


def _compare_aus(
    result: Comparison, pairs: Pairs, aus: Sequence[str], means: Sequence[str], settings: Settings, *, parts: bool
) -> None:
    if not pairs or not aus:
        return
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    clusters = clusters_of(sides[1], by_part=parts)
    numbers = sorted({row.part or 0 for row in sides[1]}) if parts else []
    place = np.searchsorted(numbers, [row.part or 0 for row in sides[1]]) if parts else None
    first, second = (au_sums(*masks_of(side), aus, clusters, place) for side in sides)
    values = means_of(len(aus), max(1, len(numbers)))
    for mean in means:
        _add(result, f"AU F1 {mean}", first, second, _only(values, MEANS.index(mean)), clusters, settings)


def _compare_emotions(result: Comparison, pairs: Pairs, settings: Settings) -> None:
    if not pairs:
        return
    rule = settings.label_rule
    true = [classified((), row.labels, rule)[0] for _, row in pairs]
    classes = classes_of(true)
    place = {name: number for number, name in enumerate(classes)}
    truth = np.fromiter((place[name] for name in true), np.intp, len(true))
    clusters = clusters_of([row for _, row in pairs])
    sides = []
    for side in (0, 1):
        said = [classified(pair[side].said_labels or (), pair[side].labels, rule)[1] for pair in pairs]
        answer = np.fromiter((place.get(name, len(classes)) for name in said), np.intp, len(said))
        sides.append(emotion_sums(truth, answer, len(classes), clusters))
    values = values_of(len(classes))
    for at, metric in enumerate(("accuracy", "UAR", "macro F1")):
        _add(result, metric, sides[0], sides[1], _only(values, at), clusters, settings)


def _compare_means(result: Comparison, pairs: Pairs, settings: Settings) -> None:
    """ROUGE and the judge, over the rows for which both have a value."""
    columns: dict[str, list[tuple[Row, float, float]]] = {}
    for theirs, ours in pairs:
        for name, value in ours.rouge.items():
            other = theirs.rouge.get(name)
            if value is not None and other is not None:
                columns.setdefault(name, []).append((ours, other, value))
        for name, score in (ours.judge or {}).items():
            if theirs.judge and name in theirs.judge:
                columns.setdefault(f"judge: {name}", []).append((ours, theirs.judge[name], score))
    for name, cells in columns.items():
        clusters = clusters_of([row for row, *_ in cells])
        first = mean_sums([value for _, value, _ in cells], clusters)
        second = mean_sums([value for *_, value in cells], clusters)
        _add(result, name, first, second, mean_value, clusters, settings)


def _only(value: Value, at: int) -> Value:
    return lambda sums: value(sums)[..., at]


def _add(
    result: Comparison,
    name: str,
    first: Floats,
    second: Floats,
    value: Value,
    clusters: Clusters,
    settings: Settings,
) -> None:
    ends = float(value(first.sum(axis=0))), float(value(second.sum(axis=0)))
    if np.isnan(ends).any():
        return
    result.values[name] = ends
    how = {"resamples": settings.resamples, "seed": settings.seed}
    result.differences[name] = paired(first, second, value, clusters, **how)
