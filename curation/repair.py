"""What a repair names: from the verdicts on a rejected answer to the items of the repair prompt.

A verdict's detail may tell the truth (which AU is missing); the items never do.
"""

from __future__ import annotations

from collections.abc import Sequence

from curation.asking import Told
from curation.gates.registry import OUTCOME, Verdict
from facial_r1.response import predicted_aus, predicted_unknown
from facial_r1.sample import Sample
from facial_r1.scoring import au_f1

__all__ = ["failed_items", "nearest", "truth_f1"]

_ITEMS = {
    "cut_off": "length",
    "au_mismatch": "action_units",
    "au_not_annotated": "unlisted_units",
    "au_number_in_emotion_task": "codes",
    "unknown_number": "unlisted_units",
    "think_answer_differ": "difference",
    "label_mismatch": "emotion",
    "label_without_truth": "answer",
    "label_outside_set": "unlisted_emotion",
    "words_of_another_au": "words",
    "words_of_the_contrary": "words",
    "prompt_leaked": "leak",
    "too_short": "short",
    "too_long": "long",
    "repeats_itself": "repetition",
    "other_language": "language",
    "negative_word": "wording",
    "uncertain_word": "wording",
    **dict.fromkeys(("emotion_in_au_task", "answer_not_canonical", "au_in_answer", "answer_not_an_emotion"), "answer"),
    **dict.fromkeys(("no_emotion_in_answer", "several_emotions"), "answer"),
}
"""A gate's reason → a key of :data:`facial_r1.prompt.MENDS`."""


def failed_items(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """What the gates rejected, each once, in their order; a gate that is not known here by its name and reason.

    A refusal, a block by the provider and a permanent error name nothing: there was no reply that could be mended.
    """
    return tuple(dict.fromkeys(item for verdict in verdicts if verdict.ok is False for item in _item(verdict)))


def _item(verdict: Verdict) -> Sequence[str]:
    reason = verdict.reason or "rejected"
    if reason in _ITEMS:
        return (_ITEMS[reason],)
    if verdict.gate == OUTCOME:
        return ()
    return ("form" if verdict.gate == "grammar" else f"{verdict.gate} ({reason})",)


def nearest(sample: Sample, group: Sequence[Told]) -> Told:
    """The rejected answer that is nearest to an accepted one: fewest items, highest AU F1, lowest attempt."""

    def distance(told: Told) -> tuple[bool, int, float, int]:
        no_reply = told.answer.outcome not in ("ok", "cut_off")
        return no_reply, len(failed_items(told.verdicts)), -truth_f1(sample, told), told.request.attempt

    return min(group, key=distance)


def truth_f1(sample: Sample, told: Told) -> float:
    """F1 of the claimed against the true Action Units, 0-1; 0 for every answer of a row without annotated ones."""
    claimed, unknown = predicted_aus(told.response, told.form), predicted_unknown(told.response, told.form)
    return au_f1(claimed, sample.AUs, sample.meta_info.au_annotated, unknown=len(unknown)) or 0.0
