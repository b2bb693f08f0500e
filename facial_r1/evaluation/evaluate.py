"""One evaluation: predictions against a data set under a protocol, with all that makes its numbers comparable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from facial_r1.evaluation.checks import check_ids, check_truth, choose, remarks_on
from facial_r1.evaluation.compare import compare
from facial_r1.evaluation.faithfulness import faithfulness
from facial_r1.evaluation.families import family_warnings
from facial_r1.evaluation.judge import Judge
from facial_r1.evaluation.measures import (
    au_rows,
    clusters_of,
    emotion_rows,
    mean_of,
    measure_aus,
    measure_emotions,
)
from facial_r1.evaluation.predictions import STATUSES, Prediction
from facial_r1.evaluation.protocols import OPEN, Protocol, split_id
from facial_r1.evaluation.reading import Claim, read, untagged
from facial_r1.evaluation.rege import FABA_AUS, Rege, faba_f1, rege
from facial_r1.evaluation.result import Coverage, Evaluation
from facial_r1.evaluation.rouge import rouge
from facial_r1.evaluation.rows import Row, join
from facial_r1.evaluation.settings import Settings
from facial_r1.facs import sort_codes
from facial_r1.sample import Sample
from facial_r1.scoring import label_match
from facial_r1.stats.counts import wilson

__all__ = ["evaluate"]

PLTRDY = "rougeL_pltrdy"
_FEW = 10
"""Clusters below which an interval is no more than a hint."""


def evaluate(
    samples: Sequence[Sample],
    predictions: Sequence[Prediction],
    protocol: Protocol = OPEN,
    *,
    settings: Settings | None = None,
    judge: Judge | None = None,
    judge_model: str = "",
    control: Sequence[Prediction] | None = None,
    model: str = "",
) -> Evaluation:
    """Score predictions.

    Args:
        samples: the data set, truth and references.
        predictions: unique by id, see :func:`facial_r1.evaluation.others.load_predictions`.
        protocol: one of :data:`facial_r1.evaluation.protocols.PROTOCOLS`.
        settings: see :class:`Settings`.
        judge: gives verdicts on texts, see :mod:`facial_r1.evaluation.judge`.
        judge_model: its name, for the warning about families.
        control: predictions of the same model with shuffled pictures.
        model: the name in reports; by default the one in the predictions.

    Raises:
        InputError: when ids, truth or lists do not fit; see :mod:`facial_r1.evaluation.checks`.
        UsageError: for a part that the protocol does not have.
    """
    settings = settings or Settings()
    rows, claims = _checked(samples, predictions, protocol, settings)
    by_id = {sample.id: sample for sample in samples}
    scored = [by_id[row.id] for row in rows]
    said = {one.id: one for one in predictions}
    aus = protocol.aus or tuple(sort_codes({code for row in rows for code in row.annotated}))
    result = Evaluation(
        model or _model_of(predictions),
        protocol.id,
        split_id(row.id for row in rows),
        tuple(sorted({said[row.id].reader for row in rows if row.id in said})),
        coverage_of(rows),
        settings=settings,
        rows=rows,
        remarks=remarks_on(rows, samples, protocol),
    )
    _recognise(result, rows, protocol, aus, settings)
    _compare_texts(result, rows, scored, said, protocol, settings, judge)
    result.rege = _rege(result, rows, claims, protocol)
    result.faithfulness = faithfulness(rows, claims, aus)
    result.groups = _groups(rows, settings.label_rule)
    result.warnings = _warnings(result, scored, said, judge_model)
    if judge is not None and not result.judge:
        result.warnings.append("The judge gave no valid verdict on any text: there is no judge's score.")
    if control is not None:
        others, _ = _checked(samples, control, protocol, settings)
        name = "the same model, shown other rows' pictures"
        result.control = compare(name, others, rows, protocol, aus, settings)
        if not any(one.pictures for one in control):
            result.warnings.append("The control's predictions do not say that their pictures were shuffled.")
    return result


def _checked(
    samples: Sequence[Sample], predictions: Sequence[Prediction], protocol: Protocol, settings: Settings
) -> tuple[list[Row], dict[str, Claim]]:
    chosen = choose(samples, protocol, settings.part)
    allow_missing = settings.allow_missing
    check_ids(samples, chosen, predictions, protocol, part=settings.part, allow_missing=allow_missing)
    rows, claims = join(
        chosen,
        predictions,
        protocol,
        assume_annotated=settings.assume_annotated,
        label_set=settings.label_set,
    )
    check_truth(rows, chosen, protocol)
    return rows, claims


def _averaged(protocol: Protocol, settings: Settings) -> bool:
    return bool(protocol.parts) and settings.part is None


def _model_of(predictions: Sequence[Prediction]) -> str:
    names = sorted({one.model for one in predictions if one.model})
    return ", ".join(names) or "unnamed"


def coverage_of(rows: Sequence[Row]) -> Coverage:
    """Count what became of the rows."""
    statuses = Counter(row.status for row in rows)
    answered, refused, failed, missing = (statuses[status] for status in STATUSES)
    found = Coverage(len(rows), answered, refused, failed, missing)
    corpora: dict[str, Counter[str]] = {}
    for row in rows:
        corpora.setdefault(row.dataset, Counter())[row.status] += 1
        if row.status != "answered":
            continue
        found.cut_off += row.outcome == "cut_off"
        found.malformed += bool(row.faults)
        found.no_label += bool(row.labels) and not row.said_labels
        found.no_aus += bool(row.annotated) and row.said_aus is None
        found.invented += row.invented
        found.outside += len(set(row.said_aus or ()) - set(row.annotated)) if row.annotated else 0
    found.by_corpus = {
        name: {status: counts[status] for status in STATUSES} for name, counts in sorted(corpora.items())
    }
    return found


def _recognise(
    result: Evaluation, rows: Sequence[Row], protocol: Protocol, aus: tuple[str, ...], settings: Settings
) -> None:
    how: dict[str, int] = {"resamples": settings.resamples, "seed": settings.seed}
    averaged = _averaged(protocol, settings)
    result.aus = measure_aus(au_rows(rows), aus, parts=averaged, **how)
    if result.aus is not None and not protocol.aus:
        result.aus.macro_benchmark = None  # there is no list that anybody else would have averaged over
        result.aus.intervals.pop("macro_benchmark", None)
    result.emotions = measure_emotions(emotion_rows(rows), protocol.emotions, settings.label_rule, **how)
    if result.coverage.answered == result.coverage.rows:
        return
    known = [row for row in rows if row.annotated]
    labelled = [row for row in rows if row.labels]
    result.aus_of_all = measure_aus(known, aus, parts=averaged, resamples=0, seed=0)
    result.emotions_of_all = measure_emotions(labelled, protocol.emotions, settings.label_rule, resamples=0, seed=0)


def _compare_texts(
    result: Evaluation,
    rows: Sequence[Row],
    scored: Sequence[Sample],
    said: Mapping[str, Prediction],
    protocol: Protocol,
    settings: Settings,
    judge: Judge | None,
) -> None:
    """ROUGE and the judge, over answered rows with a reference; written into the rows and the result."""
    form: Callable[[str], str] = str if settings.with_tags else untagged
    answered = [
        (row, form(said[row.id].text or ""), form(sample.description))
        for row, sample in zip(rows, scored, strict=True)
        if row.status == "answered" and sample.description.strip()
    ]
    implementations = dict.fromkeys((*settings.rouge, *((PLTRDY,) if protocol.id == "FABA-12" else ())))
    clusters = clusters_of(rows)
    for name in implementations if answered else ():
        values = rouge(name, [text for _, text, _ in answered], [reference for *_, reference in answered])
        for (row, *_), value in zip(answered, values, strict=True):
            row.rouge[name] = value
        column = [row.rouge.get(name) for row in rows]
        result.texts[name] = mean_of(column, clusters, resamples=settings.resamples, seed=settings.seed)
    if judge is None or not answered:
        return
    texts = {row.id: text for row, text, _ in answered}
    references = {row.id: reference for row, _, reference in answered}
    verdicts = judge([row for row, *_ in answered], texts, references)
    for row in rows:
        row.judge = dict(verdicts[row.id]) if row.id in verdicts else None
    for criterion in dict.fromkeys(name for verdict in verdicts.values() for name in verdict):
        column = [None if row.judge is None else float(row.judge[criterion]) for row in rows]
        result.judge[criterion] = mean_of(column, clusters, resamples=settings.resamples, seed=settings.seed)


def _rege(result: Evaluation, rows: Sequence[Row], claims: Mapping[str, Claim], protocol: Protocol) -> list[Rege]:
    if PLTRDY not in result.texts:
        return []
    answered = emotion_rows(rows)
    texts = [row.rouge.get(PLTRDY) for row in answered]
    free = [read(claims[row.id].response.text, row.form, "faba") for row in answered]
    hits = sum(bool(set(one.labels) & set(row.labels)) for one, row in zip(free, answered, strict=True))
    found = [rege("emotion", hits / len(answered) if answered else None, texts, rows=len(answered))]
    known = [row for row in au_rows(rows) if set(FABA_AUS) <= set(row.annotated)]
    said = [read(claims[row.id].response.text, row.form, "faba").aus or () for row in known]
    of_aus = [row.rouge.get(PLTRDY) for row in known]
    found.append(rege("au", faba_f1(said, [row.aus for row in known]), of_aus, rows=len(known)))
    if result.readers != ("faba",):
        named = " and ".join(result.readers)
        accuracy = None if result.emotions is None else result.emotions.accuracy
        found.append(rege("emotion", accuracy, texts, rows=len(answered), reader=named))
        if protocol.aus == FABA_AUS and result.aus is not None:
            found.append(rege("au", result.aus.macro_benchmark, of_aus, rows=len(known), reader=named))
    return [one for one in found if one is not None]


def _groups(rows: Sequence[Row], rule: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The accuracy by gender, race and age of the faces, where the corpus annotates them."""
    counts: dict[str, dict[str, list[int]]] = {}
    for row in emotion_rows(rows):
        right = bool(label_match(row.said_labels or (), row.labels, rule))
        for attribute, group in row.attributes.items():
            cell = counts.setdefault(attribute, {}).setdefault(group, [0, 0])
            cell[0] += right
            cell[1] += 1
    return {
        attribute: {
            group: {"hits": hits, "rows": total, "accuracy": hits / total, "interval": wilson(hits, total)}
            for group, (hits, total) in sorted(groups.items())
        }
        for attribute, groups in sorted(counts.items())
    }


def _warnings(
    result: Evaluation, scored: Sequence[Sample], said: Mapping[str, Prediction], judge_model: str
) -> list[str]:
    warnings = []
    shuffled = sum(bool(one.pictures) for one in said.values())
    if shuffled:
        warnings.append(f"{shuffled:,} predictions were made with another row's picture: a control, not a result.")
    absent = result.coverage.rows - result.coverage.answered
    if absent:
        warnings.append(
            f"{absent:,} of {result.coverage.rows:,} rows have no answer; the scores are over the others, and the "
            "lower bounds count them as saying nothing."
        )
    few = [scores.clusters for scores in (result.aus, result.emotions) if scores and scores.clusters < _FEW]
    if few:
        warnings.append(f"Intervals rest on {min(few)} subjects or groups: too few to rely on.")
    if result.aus is not None and result.aus.macro_benchmark is not None and result.aus.undefined:
        warnings.append(
            f"{', '.join(result.aus.undefined)}: neither present nor claimed in any row; 0 in macro_benchmark."
        )
    references = {sample.meta_info.model or sample.meta_info.generator or "" for sample in scored if sample.description}
    compares = bool(result.texts or result.judge)
    models = {one.model for one in said.values()} | {result.model}
    return warnings + family_warnings(models, references if compares else set(), judge_model)
