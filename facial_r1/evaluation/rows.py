"""Rows to score: the truth of every row, what the model claimed, and everything that was measured on it.

A :class:`Row` holds what any metric needs, so that metrics are functions of rows, and the file ``rows.jsonl`` of an
evaluation is enough to compare it with another one later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from facial_r1.errors import InputError
from facial_r1.evaluation.predictions import Prediction
from facial_r1.evaluation.protocols import Protocol
from facial_r1.evaluation.reading import Claim, read
from facial_r1.files import read_jsonl
from facial_r1.sample import Sample, form_of

__all__ = ["Row", "join", "person", "read_rows"]

_ATTRIBUTES = ("gender", "race", "age")


@dataclass(slots=True)
class Row:
    """One row of the benchmark.

    Attributes:
        id, dataset: of the sample.
        cluster: corpus and :func:`person`: rows of a cluster are not independent.
        part: the published part of its subject, where the protocol has parts.
        status: one of :data:`facial_r1.evaluation.predictions.STATUSES`.
        outcome: as the backend told it, None when the file has no line for the row.
        form: what was asked for: ``au+emotion``, ``au`` or ``emotion``.
        aus, annotated: what is present, and what is known.
        labels: true labels.
        said_aus: claimed codes; None when there is no answer, or no place in it where they could stand.
        said_labels: answered labels; None when there is no answer.
        invented: numbers claimed as Action Units that FACS does not have.
        faults: what breaks the grammar.
        rouge: implementation → F1; None where it has none (no reference, no answer, or it failed).
        judge: criterion → 1-10; None when the judge gave no valid verdict.
        attributes: gender, race and age, where the corpus annotates them.
    """

    id: str
    dataset: str
    cluster: str
    status: str
    outcome: str | None
    form: str
    part: int | None = None
    aus: tuple[str, ...] = ()
    annotated: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    said_aus: tuple[str, ...] | None = None
    said_labels: tuple[str, ...] | None = None
    invented: int = 0
    faults: tuple[str, ...] = ()
    rouge: dict[str, float | None] = field(default_factory=dict)
    judge: dict[str, int] | None = None
    attributes: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


_FIELDS = {one.name for one in fields(Row)}
_TUPLES = ("aus", "annotated", "labels", "said_aus", "said_labels", "faults")


def read_rows(path: Path) -> list[Row]:
    """The rows of an earlier evaluation.

    Raises:
        InputError: naming file and line, for a line that is no row of an evaluation.
    """
    rows = []
    for line, one in read_jsonl(path):
        if one.keys() != _FIELDS:
            do = "evaluate the predictions again with this version"
            raise InputError("this line is no row of an evaluation", path=path, line=line, do=do)
        tuples = {name: None if one[name] is None else tuple(one[name]) for name in _TUPLES}
        rows.append(Row(**{**one, **tuples}))
    return rows


def person(sample: Sample) -> str:
    """Who or what a row shows, as far as it says: its group (the subject where it is known), else its picture."""
    meta = sample.meta_info
    return meta.group or meta.subject or meta.sample_id or sample.image


def join(
    samples: Iterable[Sample],
    predictions: Iterable[Prediction],
    protocol: Protocol,
    *,
    assume_annotated: bool = False,
    label_set: Iterable[str] = (),
) -> tuple[list[Row], dict[str, Claim]]:
    """Put truth and predictions together, in the order of the samples.

    Args:
        samples: the rows to score, see :func:`facial_r1.evaluation.checks.choose`.
        predictions: unique by id; a row without one gets the status ``missing``.
        protocol: for the parts, and for the Action Units of ``assume_annotated``.
        assume_annotated: rows that list no annotated AUs know the protocol's; for files without ``meta_info``.
        label_set: labels beyond the eight.

    Returns:
        The rows, and row → what its answer was read as (answered rows only).
    """
    said = {prediction.id: prediction for prediction in predictions}
    allowed = tuple(label_set)
    rows, claims = [], {}
    for sample in samples:
        prediction = said.get(sample.id)
        row = _row(sample, prediction, protocol, assume_annotated=assume_annotated)
        if prediction is not None and row.status == "answered":
            claim = read(prediction.text or "", row.form, prediction.reader, label_set=allowed)
            row.said_aus, row.said_labels = claim.aus, claim.labels
            row.invented, row.faults = claim.invented, claim.faults
            claims[row.id] = claim
        rows.append(row)
    return rows, claims


def _row(sample: Sample, prediction: Prediction | None, protocol: Protocol, *, assume_annotated: bool) -> Row:
    meta = sample.meta_info
    annotated = meta.au_annotated
    if not annotated and assume_annotated:
        annotated = list(protocol.aus)
    known = set(annotated)
    extras = meta.extras()
    form = form_of(sample) or ("au" if annotated else "emotion")
    return Row(
        id=sample.id,
        dataset=sample.dataset,
        cluster=f"{sample.dataset}:{person(sample)}",
        part=protocol.part_of(meta.subject),
        status="missing" if prediction is None else prediction.status,
        outcome=None if prediction is None else prediction.outcome,
        form="au+emotion" if annotated and sample.labels else form,
        aus=tuple(code for code in sample.AUs if code in known),
        annotated=tuple(annotated),
        labels=tuple(sample.labels),
        attributes={name: str(extras[name]) for name in _ATTRIBUTES if extras.get(name) is not None},
    )
