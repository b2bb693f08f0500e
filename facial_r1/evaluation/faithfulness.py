"""Whether the reasoning is about this face, and whether it carries the answer.

A text can have the right answer and a reasoning that was not seen: copied from the label, or contradicting itself. What
can be measured without a person:

* *prose against truth*: the Action Units that the reasoning names, against the annotated ones;
* *prose against number*: whether the words beside "(AU12)" describe AU12 (:mod:`facial_r1.prose`);
* *support*: whether the reasoning names what the answer says. For Action Units, whether both lists agree; for an
  emotion, whether the text names it, and whether its Action Units fit a prototype of it better than of any other (soft:
  faces in the wild often differ);
* *baselines* that look at no picture: claiming every Action Unit; claiming what faces with the answered label usually
  show (rates of the other subjects' rows); always answering the commonest class. Who does not beat them has not looked;
* *control*: the same model shown another row's picture (``predict --shuffle-pictures``). What it still scores comes
  from somewhere else than the picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from facial_r1.evaluation.au import masks
from facial_r1.evaluation.measures import au_rows, emotion_rows, measure_aus
from facial_r1.evaluation.reading import Claim, emotions_in
from facial_r1.evaluation.rows import Row
from facial_r1.facs import BY_NUMBER, PROTOTYPES
from facial_r1.prose import described
from facial_r1.scoring import au_counts
from facial_r1.stats.counts import wilson

__all__ = ["Baselines", "Faithfulness", "Share", "faithfulness", "label_prior"]


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``total``, with Wilson's interval; all None without any."""

    hits: int
    total: int

    @property
    def value(self) -> float | None:
        """The fraction."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of independent cases."""
        return wilson(self.hits, self.total) if self.total else None


@dataclass(slots=True)
class Baselines:
    """What is scored without looking at a picture, on the same rows; fractions, None where it does not apply.

    Attributes:
        always: ``macro_present`` of claiming every Action Unit of the list in every row.
        label_prior: ``macro_present`` of :func:`label_prior`.
        label_prior_model: the model's ``macro_present`` on the rows of ``label_prior``.
        majority: accuracy of always answering the commonest class.
    """

    always: float | None = None
    label_prior: float | None = None
    label_prior_model: float | None = None
    majority: float | None = None


@dataclass(slots=True)
class Faithfulness:
    """See the module.

    Attributes:
        prose_precision, prose_recall, prose_f1: of the Action Units in the reasoning, all rows added up.
        prose_rows: rows with a reasoning and annotated Action Units.
        outside: claims of Action Units that nobody annotated for the row: neither right nor wrong.
        invented: numbers that FACS does not have.
        fits: how the words beside a number fit it (``own``, ``other``, ``contrary``, ``bare``) → mentions.
        lists_agree: reasoning and answer list the same Action Units.
        names_answer: the reasoning names the emotion it answers.
        names_another: it names only other ones.
        prototype: the answered emotion is among those whose prototypes fit the named Action Units best.
        baselines: see :class:`Baselines`.
    """

    prose_precision: float | None = None
    prose_recall: float | None = None
    prose_f1: float | None = None
    prose_rows: int = 0
    outside: int = 0
    invented: int = 0
    fits: dict[str, int] = field(default_factory=dict)
    lists_agree: Share = Share(0, 0)
    names_answer: Share = Share(0, 0)
    names_another: Share = Share(0, 0)
    prototype: Share = Share(0, 0)
    baselines: Baselines = field(default_factory=Baselines)


def faithfulness(rows: Sequence[Row], claims: Mapping[str, Claim], aus: Sequence[str]) -> Faithfulness:
    """All of it, for answered rows.

    Args:
        rows: of :func:`facial_r1.evaluation.rows.join`.
        claims: what the answers were read as.
        aus: the list over which the baselines average.
    """
    found = Faithfulness(fits=dict.fromkeys(("own", "other", "contrary", "bare"), 0))
    _prose(found, au_rows(rows), claims)
    for row in rows:
        claim = claims.get(row.id)
        if claim is not None and claim.response.think:
            for one in described(claim.response.think, claim.response.mentions):
                found.fits[one.fit] += 1
    _support(found, rows, claims)
    found.baselines = _baselines(rows, aus)
    return found


def _prose(found: Faithfulness, rows: Sequence[Row], claims: Mapping[str, Claim]) -> None:
    tp = fp = fn = 0
    for row in rows:
        response = claims[row.id].response
        if response.think is None:
            continue
        counts = au_counts(response.claimed_aus, row.aus, row.annotated)
        tp, fp, fn = tp + counts.tp, fp + counts.fp, fn + counts.fn
        found.prose_rows += 1
        found.outside += counts.ignored
        found.invented += len(response.unknown_numbers)
    if tp + fp:
        found.prose_precision = tp / (tp + fp)
    if tp + fn:
        found.prose_recall = tp / (tp + fn)
    if tp + fp + fn:
        found.prose_f1 = 2 * tp / (2 * tp + fp + fn)


def _support(found: Faithfulness, rows: Sequence[Row], claims: Mapping[str, Claim]) -> None:
    agree, names, another, fits = Counter[bool](), Counter[bool](), Counter[bool](), Counter[bool]()
    for row in rows:
        claim = claims.get(row.id)
        if claim is None or claim.response.think is None:
            continue
        response = claim.response
        if response.answers_aus:
            agree[set(response.answer_aus) == set(response.claimed_aus)] += 1
        answered = [label for label in response.answer_labels if label in PROTOTYPES]
        if answered:
            named = emotions_in(claim.response.think)
            names[bool(named & set(answered))] += 1
            another[bool(named) and not named & set(answered)] += 1
        if answered and response.claimed_aus:
            fits[bool(_best_fits(response.claimed_aus) & set(answered))] += 1
    found.lists_agree, found.names_answer = _share(agree), _share(names)
    found.names_another, found.prototype = _share(another), _share(fits)


def _share(counts: Counter[bool]) -> Share:
    return Share(counts[True], counts[True] + counts[False])


def _best_fits(codes: Sequence[str]) -> set[str]:
    """The emotions whose best prototype shares most with ``codes`` (intersection over union).

    >>> _best_fits(("AU6", "AU12"))
    {'happiness'}
    """
    shown = set(codes)
    fits = {}
    for emotion, prototypes in PROTOTYPES.items():
        sets = [{BY_NUMBER[number].code for number in prototype} for prototype in prototypes]
        fits[emotion] = max(len(shown & one) / len(shown | one) for one in sets)
    most = max(fits.values())
    return {emotion for emotion, fit in fits.items() if fit == most}


def _baselines(rows: Sequence[Row], aus: Sequence[str]) -> Baselines:
    found = Baselines()
    known = au_rows(rows)
    if known and aus:
        found.always = _macro_present(known, [tuple(aus)] * len(known), aus)
        both = [row for row in known if row.labels and row.said_labels]
        if both:
            found.label_prior = _macro_present(both, label_prior(both, aus), aus)
            found.label_prior_model = _macro_present(both, [row.said_aus or () for row in both], aus)
    labelled = emotion_rows(rows)
    if labelled:
        found.majority = max(Counter(row.labels[0] for row in labelled).values()) / len(labelled)
    return found


def label_prior(rows: Sequence[Row], aus: Sequence[str]) -> list[tuple[str, ...]]:
    """What faces with the answered label usually show: the Action Units present in at least half of the rows of *other*
    clusters with that true label in which they are annotated.

    Args:
        rows: answered rows with true labels and annotated Action Units.
        aus: the Action Units in question.
    """
    bits = [masks([(code,)], 1)[0] for code in aus]
    true, known = (masks((getattr(row, name) for row in rows), len(rows)) for name in ("aus", "annotated"))
    present = np.stack([(true & bit) != 0 for bit in bits], axis=-1).astype(np.int64)
    annotated = np.stack([(known & bit) != 0 for bit in bits], axis=-1).astype(np.int64)
    totals: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int64]]] = {}
    own: dict[tuple[str, str], np.ndarray[tuple[int, ...], np.dtype[np.int64]]] = {}
    for place, row in enumerate(rows):
        cell = np.stack([present[place], annotated[place]])
        label = row.labels[0]
        totals[label] = totals.get(label, 0) + cell
        own[label, row.cluster] = own.get((label, row.cluster), 0) + cell
    nothing = np.zeros((2, len(aus)), np.int64)
    claims = []
    for row in rows:
        label = (row.said_labels or ("",))[0]
        shown, seen = totals.get(label, nothing) - own.get((label, row.cluster), nothing)
        usual = (seen > 0) & (2 * shown >= seen)
        claims.append(tuple(code for code, yes in zip(aus, usual.tolist(), strict=True) if yes))
    return claims


def _macro_present(rows: Sequence[Row], claims: Sequence[tuple[str, ...]], aus: Sequence[str]) -> float | None:
    changed = [replace(row, said_aus=claim) for row, claim in zip(rows, claims, strict=True)]
    scores = measure_aus(changed, aus, parts=False, resamples=0, seed=0)
    return None if scores is None else scores.macro_present
