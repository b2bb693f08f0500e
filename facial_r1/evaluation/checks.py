"""Whether predictions and rows can be scored under a protocol; what is wrong is said before anything is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from facial_r1.errors import InputError, UsageError
from facial_r1.evaluation.predictions import Prediction, some
from facial_r1.evaluation.protocols import Protocol
from facial_r1.evaluation.rows import Row
from facial_r1.sample import Sample

__all__ = ["check_ids", "check_truth", "check_unique", "choose", "remarks_on"]

_TRUTH = {"au": "annotated Action Units (`meta_info.au_annotated`)", "emotion": "a label"}


def check_unique(samples: Iterable[Sample]) -> None:
    """Every row of a data set has an id of its own, so that an answer is about one row.

    Raises:
        InputError: naming the ids, and how many.
    """
    counts = Counter(sample.id for sample in samples)
    if twice := [one for one, times in counts.items() if times > 1]:
        what = f"{len(twice):,} ids of the data set stand twice"
        raise InputError(what, found=some(twice), do="`facial-r1 validate` names the lines")


def choose(samples: Sequence[Sample], protocol: Protocol, part: int | None = None) -> list[Sample]:
    """The rows that a protocol scores.

    Args:
        samples: the data set; rows of other corpora are passed over.
        protocol: with its corpora and parts.
        part: score this part alone, which is no mean over the parts.

    Raises:
        InputError: for ids that stand twice, no row at all, or a subject that is in no part.
        UsageError: for a part that does not exist.
    """
    if part is not None and part not in protocol.parts:
        expected = ", ".join(map(str, protocol.parts)) or "a protocol with parts"
        raise UsageError(f"{protocol.id} has no such part", found=f"--part {part}", expected=expected)
    check_unique(samples)
    chosen = [sample for sample in samples if not protocol.corpora or sample.dataset in protocol.corpora]
    if not chosen:
        there = ", ".join(sorted({sample.dataset for sample in samples})) or "no row"
        expected = f"rows of {', '.join(protocol.corpora)}" if protocol.corpora else "at least one row"
        raise InputError(f"the data set has nothing for the protocol {protocol.id}", found=there, expected=expected)
    if not protocol.parts:
        return chosen
    parts = {sample.id: protocol.part_of(sample.meta_info.subject) for sample in chosen}
    strange = sorted({str(sample.meta_info.subject) for sample in chosen if parts[sample.id] is None})
    if strange:
        what = f"{len(strange)} subjects are in no part of {protocol.id}"
        known = next(iter(protocol.parts.values()))[0]
        raise InputError(what, found=some(strange), expected=f"`meta_info.subject` such as {known}")
    return [sample for sample in chosen if part in (None, parts[sample.id])]


def check_ids(
    samples: Sequence[Sample],
    chosen: Sequence[Sample],
    predictions: Sequence[Prediction],
    protocol: Protocol,
    *,
    part: int | None = None,
    allow_missing: bool = False,
) -> None:
    """Every prediction has its row and, unless that is allowed, every row its prediction.

    Raises:
        InputError: saying which do not, and how many; and for a part of the protocol without any answer, always.
    """
    known = {sample.id for sample in samples}
    strange = [prediction for prediction in predictions if prediction.id not in known]
    if strange:
        raise InputError(
            f"{len(strange):,} of {len(predictions):,} predictions are for rows that the data set does not have",
            found=f"{some([one.id for one in strange])}; the first at {strange[0].place}",
            expected=f"ids such as {chosen[0].id}",
            do="give the data set that was predicted on (--data)",
        )
    answered = {prediction.id for prediction in predictions if prediction.status == "answered"}
    if protocol.parts and part is None:
        _check_parts(Counter(protocol.part_of(one.meta_info.subject) for one in chosen if one.id in answered), protocol)
    predicted = {prediction.id for prediction in predictions}
    missing = [sample.id for sample in chosen if sample.id not in predicted]
    if missing and not allow_missing:
        raise InputError(
            f"{len(missing):,} of {len(chosen):,} rows have no prediction",
            found=some(missing),
            do="predict the rest, or give --allow-missing: what is there is then scored, and the coverage says so",
        )


def _check_parts(answered: Counter[int | None], protocol: Protocol) -> None:
    absent = [part for part in protocol.parts if not answered[part]]
    if absent:
        listed = "; ".join(f"part {part}: {', '.join(protocol.parts[part])}" for part in absent)
        raise InputError(
            f"{protocol.id} is the mean of {len(protocol.parts)} parts, and {len(absent)} have no answered row",
            found=", ".join(f"part {part}: {answered[part]:,} rows" for part in protocol.parts),
            expected=f"predictions for these subjects as well: {listed}",
            do="give the predictions of all parts at once, or --part N for the number of one part",
        )


def check_truth(rows: Sequence[Row], samples: Iterable[Sample], protocol: Protocol) -> None:
    """The rows know what the protocol scores.

    Raises:
        InputError: for rows without the truth it needs, another AU list, another threshold, or other classes.
    """
    for kind in protocol.requires:
        lacking = [row.id for row in rows if not (row.annotated if kind == "au" else row.labels)]
        if lacking:
            what = f"{len(lacking):,} of {len(rows):,} rows lack what {protocol.id} scores"
            do = "give a data set that has it, or --assume-annotated where every AU of the protocol was coded"
            raise InputError(what, found=some(lacking), expected=_TRUTH[kind], do=do if kind == "au" else None)
    nothing = [row.id for row in rows if not row.annotated and not row.labels]
    if nothing:
        what = f"{len(nothing):,} rows know neither Action Units nor an emotion"
        raise InputError(what, found=some(nothing), do="leave them out, or give a data set with their truth")
    if any(row.annotated for row in rows):
        _check_list(rows, protocol)
    _check_threshold(samples, protocol)
    if protocol.emotions:
        outside = Counter(label for row in rows for label in row.labels if label not in protocol.emotions)
        if outside:
            found = ", ".join(f"{label} ({count:,} rows)" for label, count in sorted(outside.items()))
            expected = ", ".join(protocol.emotions)
            raise InputError(f"true labels outside the classes of {protocol.id}", found=found, expected=expected)


def _check_list(rows: Sequence[Row], protocol: Protocol) -> None:
    known = {code for row in rows for code in row.annotated}
    absent = [code for code in protocol.aus if code not in known]
    if absent:
        raise InputError(
            f"{len(absent)} of the {len(protocol.aus)} Action Units of {protocol.id} are annotated in no row",
            found=", ".join(absent),
            expected="rows that were coded for all of the list",
            do="name the protocol of this corpus; a mean over another list is another number",
        )


def _check_threshold(samples: Iterable[Sample], protocol: Protocol) -> None:
    if protocol.threshold is None:
        return
    others = Counter(
        sample.meta_info.au_threshold
        for sample in samples
        if sample.dataset in protocol.corpora and sample.meta_info.au_threshold not in (None, protocol.threshold)
    )
    if others:
        found = ", ".join(f"threshold {value} ({count:,} rows)" for value, count in sorted(others.items(), key=str))
        raise InputError(
            f"the Action Units were cut at another intensity than {protocol.id} has it",
            found=found,
            expected=f"present from intensity {protocol.threshold} on",
            do=f"build the rows with the option threshold: {protocol.threshold} of the corpus",
        )


def remarks_on(rows: Sequence[Row], samples: Sequence[Sample], protocol: Protocol) -> list[str]:
    """What a reader of the numbers should know about the rows."""
    remarks = []
    if protocol.rows is not None and len(rows) != protocol.rows:
        remarks.append(f"{len(rows):,} rows are not the {protocol.rows:,} of {protocol.id}: another benchmark.")
    passed = len(samples) - sum(not protocol.corpora or sample.dataset in protocol.corpora for sample in samples)
    if passed:
        remarks.append(f"{passed:,} rows of other corpora are left out.")
    scored = {row.id for row in rows}
    trained = sum(sample.meta_info.split == "train" for sample in samples if sample.id in scored)
    if trained:
        remarks.append(f"{trained:,} rows belong to a training split.")
    if protocol.parts:
        seen = {sample.meta_info.subject for sample in samples if sample.id in scored}
        parts = {row.part for row in rows}
        absent = [one for part in protocol.parts if part in parts for one in protocol.parts[part] if one not in seen]
        if absent:
            remarks.append(f"{len(absent)} subjects of {protocol.id} have no row: {some(absent)}.")
    return remarks
