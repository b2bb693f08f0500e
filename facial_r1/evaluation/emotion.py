"""Emotion metrics: accuracy (WAR), unweighted average recall (UAR), macro F1, and the confusion behind them.

The class of a row is its true label; with several (blends, compounds) it depends on the rule that gates and rewards
use too (:func:`facial_r1.scoring.label_match`): under ``any`` an answer of true labels is right and counts for the
first of them; under ``set`` the labels together are the class, such as ``happiness and surprise``.

An answer that is none of the classes is wrong and has a column of its own: ``other`` (another label, or several) or
``invalid`` (no label at all). Refusals and missing predictions are not among the rows here; they are counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facial_r1.emotions import EMOTIONS
from facial_r1.evaluation.intervals import Clusters, Floats, Value, bootstrap, by_name
from facial_r1.scoring import label_match
from facial_r1.stats.counts import wilson

__all__ = [
    "INVALID",
    "OTHER",
    "EmotionScores",
    "classes_of",
    "classified",
    "emotion_sums",
    "score_emotions",
    "values_of",
]

OTHER, INVALID = "other", "invalid"
_VALUES = ("accuracy", "uar", "macro_f1")


def classified(said: Sequence[str], true: Sequence[str], rule: str = "any") -> tuple[str, str]:
    """The true and the answered class of a row.

    Args:
        said: answered labels, in order; empty when there is none.
        true: true labels, at least one.
        rule: ``any`` or ``set``.

    >>> classified(["surprise"], ["happiness", "surprise"]), classified(["surprise"], ["happiness", "surprise"], "set")
    (('happiness', 'happiness'), ('happiness and surprise', 'surprise'))
    >>> classified(["fear", "anger"], ["fear"]), classified([], ["fear"])
    (('fear', 'other'), ('fear', 'invalid'))
    """
    truth = _joined(true) if rule == "set" else true[0]
    if not said:
        return truth, INVALID
    if label_match(said, true, rule):
        return truth, truth
    if rule == "set":
        return truth, _joined(said)
    return truth, said[0] if len(said) == 1 else OTHER


def _joined(labels: Iterable[str]) -> str:
    return " and ".join(sorted(set(labels)))


def classes_of(truths: Iterable[str], fixed: Sequence[str] = ()) -> tuple[str, ...]:
    """The classes: the protocol's, else those that occur, the eight emotions first."""
    if fixed:
        return tuple(fixed)
    found = set(truths)
    return (*(emotion for emotion in EMOTIONS if emotion in found), *sorted(found - set(EMOTIONS)))


def emotion_sums(true: NDArray[np.intp], said: NDArray[np.intp], classes: int, clusters: Clusters) -> Floats:
    """Hits, rows and answers of each class: clusters × (classes · 3).

    Args:
        true: the class of each row, from 0.
        said: the answered class; ``classes`` or more for other and invalid answers.
        classes: how many there are.
        clusters: of the rows.
    """
    columns = []
    for one in range(classes):
        here, claimed = true == one, said == one
        columns += [here & claimed, here, claimed]
    return clusters.sums(columns)


def values_of(classes: int) -> Value:
    """The metric for :mod:`facial_r1.evaluation.intervals`: sums → accuracy, UAR, macro F1, then each class' recall.

    UAR and macro F1 are means over the classes that have rows.
    """

    def value(sums: Floats) -> Floats:
        counts = sums.reshape(*sums.shape[:-1], classes, 3)
        hits, rows, claims = counts[..., 0], counts[..., 1], counts[..., 2]
        there = rows > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            accuracy = hits.sum(axis=-1) / rows.sum(axis=-1)
            recall = hits / rows
            many = there.sum(axis=-1)
            uar = np.where(there, recall, 0.0).sum(axis=-1) / many
            f1 = np.where(there, 2 * hits / (rows + claims), 0.0).sum(axis=-1) / many
        return np.concatenate([np.stack([accuracy, uar, f1], axis=-1), recall], axis=-1)

    return value


@dataclass(slots=True)
class EmotionScores:
    """Fractions, not per cent.

    Attributes:
        classes: in order.
        rows: labelled rows that were answered.
        accuracy: share of them that are right (WAR); None without rows.
        uar: mean recall over the classes that have rows.
        macro_f1: mean F1 over the same classes.
        recall, precision, f1: class → fraction, None where it has no row, no answer, neither.
        support: class → rows.
        columns: the classes, then ``other`` and ``invalid``.
        confusion: rows of the true class × :attr:`columns`.
        invalid, other: answers without a label; with another label, or several.
        intervals: ``accuracy``, ``uar``, ``macro_f1``, or a class (its recall) → 95 % interval.
        method: of the interval of the accuracy, ``wilson`` or ``bootstrap``.
        clusters: subjects (or groups) behind the intervals.
    """

    classes: tuple[str, ...]
    rows: int
    accuracy: float | None = None
    uar: float | None = None
    macro_f1: float | None = None
    recall: dict[str, float | None] = field(default_factory=dict)
    precision: dict[str, float | None] = field(default_factory=dict)
    f1: dict[str, float | None] = field(default_factory=dict)
    support: dict[str, int] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    confusion: list[list[int]] = field(default_factory=list)
    invalid: int = 0
    other: int = 0
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    method: str = "wilson"
    clusters: int = 0


def score_emotions(
    true: Sequence[str],
    said: Sequence[str],
    classes: Sequence[str],
    clusters: Clusters,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> EmotionScores:
    """All emotion scores of answered rows.

    Args:
        true, said: the classes of :func:`classified`; every true one is among ``classes``.
        classes: see :func:`classes_of`.
        clusters: which rows belong together.
        resamples: of the bootstrap; 0 computes no intervals but Wilson's.
        seed: of the bootstrap.

    >>> true = ["fear", "fear", "anger", "anger"]
    >>> said = ["fear", "anger", "anger", "invalid"]
    >>> scores = score_emotions(true, said, ["anger", "fear"], Clusters.by(range(4)), resamples=0)
    >>> scores.accuracy, scores.uar, round(scores.macro_f1, 4), scores.confusion
    (0.5, 0.5, 0.5833, [[1, 0, 0, 1], [1, 1, 0, 0]])
    """
    columns = (*classes, OTHER, INVALID)
    place = {name: number for number, name in enumerate(columns)}
    other = place[OTHER]
    truth = np.fromiter((place[name] for name in true), np.intp, len(true))
    answer = np.fromiter((place.get(name, other) for name in said), np.intp, len(said))
    sums = emotion_sums(truth, answer, len(classes), clusters)
    value = values_of(len(classes))
    total = sums.sum(axis=0)
    values = [None if np.isnan(one) else float(one) for one in value(total)]
    grid = np.bincount(truth * len(columns) + answer, minlength=len(classes) * len(columns))
    scores = EmotionScores(tuple(classes), len(true), columns=columns, clusters=clusters.count)
    scores.accuracy, scores.uar, scores.macro_f1 = values[: len(_VALUES)]
    scores.confusion = grid.reshape(-1, len(columns)).tolist()
    scores.recall = dict(zip(classes, values[len(_VALUES) :], strict=True))
    for name, (right, rows, claims) in zip(classes, total.reshape(-1, 3).tolist(), strict=True):
        scores.support[name] = int(rows)
        scores.precision[name] = right / claims if claims else None
        scores.f1[name] = 2 * right / (rows + claims) if rows + claims else None
    found = Counter(answer.tolist())
    scores.invalid, scores.other = found[place[INVALID]], found[other]
    ends = bootstrap(sums, value, clusters, resamples=resamples, seed=seed) if resamples else None
    scores.intervals, scores.method = by_name((*_VALUES, *classes), ends), "bootstrap"
    hits = int(total[0::3].sum())
    # Where all rows are right, or all wrong, every resample is alike; then the clusters count as the cases.
    cases = (hits, len(true)) if clusters.alone else (clusters.count if hits else 0, clusters.count)
    if true and (clusters.alone or hits in (0, len(true))):
        scores.intervals["accuracy"], scores.method = wilson(*cases), "wilson"
    return scores
