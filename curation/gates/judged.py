"""The gates on what others said about a text: a judge's score, and people's reviews. Silence rejects nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from curation.gates.registry import NOT_APPLICABLE, Candidate, Ruling, gate

__all__ = ["judge_score", "reviews"]


@gate
def judge_score(candidate: Candidate, least: Annotated[float, Field(ge=1, le=10)] = 6.0) -> Ruling:
    """The score that ``facial-r1 judge`` got for this text, 1-10; that is the value.

    Does not apply where there is no score: a judge that was not asked, or failed, says nothing.

    Args:
        candidate: the answer and its row.
        least: a smaller score is a ``low_score``.
    """
    score = candidate.judge
    if score is None:
        return NOT_APPLICABLE
    if score < least:
        return Ruling(False, "low_score", f"{score:g} of at least {least:g}", score)
    return Ruling(True, value=score)


@gate
def reviews(candidate: Candidate) -> Ruling:
    """What people decided about this text in ``reviews.jsonl``; the detail is the reviewer's reason.

    Does not apply where nobody reviewed it. An edited text has passed all other gates in its new form.
    """
    review = candidate.review
    if review is None:
        return NOT_APPLICABLE
    said = f"{review.reviewer}: {review.reason}" if review.reason else review.reviewer
    return Ruling(False, "reviewer_rejected", said) if review.decision == "reject" else Ruling(True, detail=said)
