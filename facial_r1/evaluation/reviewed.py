"""Whether people have looked at the references that a model is scored against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from facial_r1.errors import GateFailed
from facial_r1.evaluation.predictions import some
from facial_r1.reviews import Review, read_reviews, standing, text_hash
from facial_r1.sample import Sample

__all__ = ["check_reviewed"]


def check_reviewed(samples: Sequence[Sample], path: Path) -> str:
    """Every scored text was accepted by a person (or edited into what it is now), and none rejects it.

    Args:
        samples: the scored rows.
        path: ``reviews.jsonl``.

    Returns:
        One sentence for the report.

    Raises:
        GateFailed: naming the rows, how many and which.
    """
    holds = standing(read_reviews(path))
    unseen, rejected, reviewers = [], [], set[str]()
    for sample in samples:
        now = text_hash(sample.description)
        about = [review for review in holds.get(sample.id, {}).values() if now in _texts(review)]
        if any(review.decision == "reject" for review in about):
            rejected.append(sample.id)
        elif not about:
            unseen.append(sample.id)
        reviewers |= {review.reviewer for review in about}
    if unseen or rejected:
        parts = [f"{len(unseen):,} not reviewed ({some(unseen)})"] if unseen else []
        parts += [f"{len(rejected):,} rejected ({some(rejected)})"] if rejected else []
        raise GateFailed(
            f"the test rows are not all reviewed: {len(unseen) + len(rejected):,} of {len(samples):,} are not accepted",
            path=path,
            found=" and ".join(parts),
            expected="an `accept` or `edit` of the text as it is now, and no `reject`",
            do="review them in the viewer, or drop --require-reviewed-test",
        )
    return f"All {len(samples):,} references were accepted by people ({len(reviewers)} reviewers)."


def _texts(review: Review) -> set[str]:
    """The texts that a review speaks about: the one it saw, and the one it made."""
    made = {text_hash(review.description)} if review.description is not None else {review.text_sha256}
    return made if review.decision == "edit" else {review.text_sha256}
