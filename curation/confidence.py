"""How far answers without the truth agree with a text: its confidence. It is recorded and never changes the truth.

The model is asked the student's question several times, as if nothing were known. A text that merely repeats what its
prompt told finds no echo there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from curation.asking import Told
from facial_r1.facs import sort_codes
from facial_r1.response import Response, predicted_aus, predicted_unknown
from facial_r1.sample import Sample
from facial_r1.scoring import au_f1, label_match

__all__ = ["Agreement", "agreement", "confidence"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of blind answers with one text; None where the task has no such part, or no blind answer came.

    Attributes:
        label: share of the answers that name its emotion, 0-1.
        au_f1: mean F1 of their Action Units against its own, 0-1, over the annotated ones.
    """

    label: float | None
    au_f1: float | None

    @property
    def mean(self) -> float | None:
        """The mean of the parts that there are."""
        parts = [part for part in (self.label, self.au_f1) if part is not None]
        return fmean(parts) if parts else None


def agreement(sample: Sample, text: Told, blind: Sequence[Told], label_rule: str) -> Agreement:
    """How far the blind answers agree with ``text``; one that is no reply (a refusal, an error) says nothing."""
    task, annotated = text.form, sample.meta_info.au_annotated
    own = predicted_aus(text.response, task)
    labels = text.response.answer_labels if task != "au" else ()
    matches, scores = [], []
    for reply in _replies(blind):
        matches.append(label_match(reply.answer_labels, labels, rule=label_rule))
        unknown = len(predicted_unknown(reply, task))
        scores.append(au_f1(predicted_aus(reply, task), own, annotated if task != "emotion" else (), unknown=unknown))
    return Agreement(_mean(matches), _mean(scores))


def confidence(
    sample: Sample, text: Told, blind: Sequence[Told], found: Agreement, *, accepted: bool
) -> dict[str, Any]:
    """A line of ``confidence.jsonl``.

    ``right`` of ``replies`` pass the gates without having been told: a row in which all do, or none, is too easy or
    too hard to learn from by comparing answers. ``mentions`` is the share of the replies that claim an Action Unit,
    for those that any of them or the text claims. ``vote`` is what most replies say, None without a majority.
    """
    task = text.form
    replies = _replies(blind)
    own = predicted_aus(text.response, task)
    counts = Counter(code for reply in replies for code in predicted_aus(reply, task))
    voted = None
    if replies and task != "emotion":
        voted = sort_codes(code for code, count in counts.items() if 2 * count > len(replies))
    return {
        "id": sample.id,
        "key": text.answer.key,
        "accepted": accepted,
        "asked": len(blind),
        "replies": len(replies),
        "right": sum(one.accepted for one in blind),
        "agreement": found.mean,
        "label_agreement": found.label,
        "au_f1": found.au_f1,
        "mentions": [
            {"au": code, "value": counts[code] / len(replies)} for code in sort_codes({*counts, *own}) if replies
        ],
        "vote": {"labels": _majority(replies) if task != "au" else None, "AUs": voted},
    }


def _majority(replies: Sequence[Response]) -> list[str] | None:
    """The labels that more than half of the replies name together."""
    counts = Counter(tuple(sorted(reply.answer_labels)) for reply in replies if reply.answer_labels)
    labels, count = max(counts.items(), key=lambda item: item[1], default=((), 0))
    return list(labels) if 2 * count > len(replies) else None


def _replies(blind: Iterable[Told]) -> list[Response]:
    return [told.response for told in blind if told.answer.outcome == "ok"]


def _mean(values: Sequence[float | bool | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else None
