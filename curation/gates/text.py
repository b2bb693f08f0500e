"""The gates on what was written: grammar, the rules of the task, Action Units, label, wording.

Each compares one answer with the truth of its row. They judge whatever the parser could extract, so that a broken tag
does not hide a wrong AU; *which* of several reasons counts is the order of the recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from curation.gates.registry import NOT_APPLICABLE, PASSED, Candidate, Ruling, gate
from facial_r1.response import (
    Response,
    canonical_answer,
    negative_words,
    predicted_aus,
    predicted_unknown,
    uncertain_words,
)
from facial_r1.scoring import au_counts, label_match

__all__ = ["au_set", "grammar", "label", "task_rules", "vocabulary"]

_NOTHING_FOUND = Ruling(True, value=0)


@gate
def grammar(candidate: Candidate) -> Ruling:
    """One think block, then one answer block, nothing around them. The reason is the parser's first fault."""
    faults = candidate.response.faults
    return Ruling(False, faults[0], ", ".join(faults)) if faults else PASSED


@gate
def task_rules(candidate: Candidate) -> Ruling:
    """What an answer may hold follows from the truth of its row.

    ========== ====================================== =============================================
    task       think                                  answer
    ========== ====================================== =============================================
    emotion    no AU number at all                    emotion words only
    au         claims exactly the AUs of the answer   the canonical list ``AU6, AU12``, or ``none``
    au+emotion free                                   emotion words only
    ========== ====================================== =============================================

    *Emotion words* means exactly one, or one and more under ``label_rule: set``. Under ``unknown_truth: pseudo`` every
    text has the form of ``au+emotion``; numbers that FACS does not have are then turned down here where no AU is known
    to hold them against.
    """
    response = candidate.response
    task = candidate.form
    if task is None:
        return Ruling(False, "no_truth", "neither AUs nor a label are known, so nothing can be checked")
    if task == "au":
        return _au_list(response)
    if candidate.beyond and not candidate.sample.meta_info.au_annotated and response.unknown_numbers:
        return Ruling(False, "unknown_number", ", ".join(map(str, response.unknown_numbers)))
    if task == "emotion" and response.mentions:
        numbers = ", ".join(str(mention.number) for mention in response.mentions)
        return Ruling(False, "au_number_in_emotion_task", numbers)
    return _emotion_words(response, several=candidate.label_rule == "set")


def _au_list(response: Response) -> Ruling:
    if response.answer_labels:
        return Ruling(False, "emotion_in_au_task", ", ".join(response.answer_labels))
    canonical = canonical_answer(response.answer_aus)
    if response.answer != canonical:
        return Ruling(False, "answer_not_canonical", f"{response.answer!r} should read {canonical!r}")
    if response.claimed_aus != response.answer_aus or response.unknown_numbers:
        thought = ", ".join([*response.claimed_aus, *map(str, response.unknown_numbers)]) or "none"
        return Ruling(False, "think_answer_differ", f"think claims {thought}, answer {canonical}")
    return PASSED


def _emotion_words(response: Response, *, several: bool) -> Ruling:
    if response.answer_aus:
        return Ruling(False, "au_in_answer", ", ".join(response.answer_aus))
    if response.answer_rest:
        return Ruling(False, "answer_not_an_emotion", ", ".join(response.answer_rest))
    count = len(response.answer_labels)
    if count == 0:
        return Ruling(False, "no_emotion_in_answer")
    if count > 1 and not several:
        return Ruling(False, "several_emotions", ", ".join(response.answer_labels))
    return PASSED


@gate
def au_set(
    candidate: Candidate,
    mode: Literal["exact", "f1", "subset"] = "exact",
    threshold: Annotated[float, Field(ge=0, le=1)] = 1.0,
) -> Ruling:
    """The claimed AUs against the true ones, over the AUs that were annotated. The value is their F1.

    An unknown number is a false positive. A known AU outside the annotated ones is neither right nor wrong, hence
    may not be claimed (unless ``unknown_truth: pseudo`` lets it stand): it is rejected under its own reason and does
    not touch the value.

    Args:
        candidate: the answer and its row.
        mode: ``exact`` the same set; ``f1`` at least ``threshold``; ``subset`` only true AUs, and at least one of
            them where there is any (so that silence cannot pass).
        threshold: least F1 for ``f1``, 0-1.
    """
    sample, response = candidate.sample, candidate.response
    task, annotated = candidate.form, sample.meta_info.au_annotated
    if task is None or not annotated:
        return NOT_APPLICABLE
    claimed, unknown = predicted_aus(response, task), predicted_unknown(response, task)
    counts = au_counts(claimed, sample.AUs, annotated, unknown=len(unknown))
    unscored = [au for au in claimed if au not in annotated]
    if unscored and not candidate.beyond:
        return Ruling(False, "au_not_annotated", ", ".join(unscored), counts.f1)
    passed = {
        "exact": counts.fp == counts.fn == 0,
        "f1": counts.f1 >= threshold,
        "subset": counts.fp == 0 and (counts.tp > 0 or counts.fn == 0),
    }[mode]
    if passed:
        return Ruling(True, value=counts.f1)
    scored = [au for au in claimed if au in annotated]
    return Ruling(False, "au_mismatch", _difference(scored, unknown, sample.AUs), counts.f1)


def _difference(claimed: Sequence[str], unknown: Sequence[int], true: Sequence[str]) -> str:
    parts = {
        "missing": [au for au in true if au not in claimed],
        "extra": [au for au in claimed if au not in true],
        "unknown": [str(number) for number in unknown],
    }
    return "; ".join(f"{name} {', '.join(codes)}" for name, codes in parts.items() if codes)


@gate
def label(candidate: Candidate) -> Ruling:
    """The emotion of the answer against the true ones, by the recipe's ``label_rule``.

    Does not apply to a row without a label, except that its answer may not name an emotion: nobody could check it
    (under ``unknown_truth: pseudo`` it may).
    """
    claimed, sample = candidate.response.answer_labels, candidate.sample
    match = label_match(claimed, sample.labels, rule=candidate.label_rule)
    if match is None:
        forbidden = claimed and not candidate.beyond
        return Ruling(False, "label_without_truth", ", ".join(claimed)) if forbidden else NOT_APPLICABLE
    if match:
        return Ruling(True, value=1.0)
    return Ruling(False, "label_mismatch", f"{', '.join(claimed) or 'none'}, true {', '.join(sample.labels)}", 0.0)


@gate
def vocabulary(candidate: Candidate) -> Ruling:
    """No negated and no uncertain wording in think, and answer words of the row's label set. The value counts them."""
    think, allowed = candidate.response.think or "", candidate.sample.meta_info.label_set
    outside = [word for word in candidate.response.answer_labels if allowed and word not in allowed]
    denied, doubted = negative_words(think), uncertain_words(think)
    if not (denied or doubted or outside):
        return _NOTHING_FOUND
    findings = {"negative_word": denied, "uncertain_word": doubted, "label_outside_set": outside}
    reason = next((name for name, words in findings.items() if words), None)
    words = [word for found in findings.values() for word in found]
    return Ruling(reason is None, reason, ", ".join(words), len(words))
