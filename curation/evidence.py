"""What others said about a run's texts: people in ``reviews.jsonl``, a judge in ``judging/judgements.jsonl``.

Both lie beside the stages of a run, so that no stage erases them, and both speak of one text of one row, named by
:func:`facial_r1.reviews.text_hash`: a text that nobody saw has no review and no score.

Of several reviewers one decision counts: a rejection beats an edit, an edit beats an acceptance, and a later one beats
an earlier one of its kind. Who edits a text vouches for the new one; a review of that new text counts as well.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from curation.gates.registry import Candidate
from facial_r1.errors import InputError
from facial_r1.facs import sort_codes
from facial_r1.files import canonical_json, read_jsonl, sha256_bytes
from facial_r1.progress import Progress
from facial_r1.recipe import Recipe
from facial_r1.response import EMPTY, parse
from facial_r1.reviews import Review, read_reviews, standing, text_hash
from facial_r1.sample import Sample

__all__ = ["JUDGEMENTS", "REVIEWS", "Evidence", "revised"]

REVIEWS = "reviews.jsonl"
JUDGEMENTS = "judging/judgements.jsonl"
_WEIGHT = {"reject": 2, "edit": 1, "accept": 0}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Reviews and scores, as far as a recipe's gates ask for them.

    Attributes:
        decisions: row → the standing decisions on it, in the order in which they were given.
        scores: row and :func:`~facial_r1.reviews.text_hash` → a judge's score, 1-10.
    """

    decisions: Mapping[str, Sequence[Review]] = field(default_factory=dict)
    scores: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, recipe: Recipe, progress: Progress | None = None) -> Evidence:
        """What lies in the run directory ``root``; nothing where the recipe lacks the gate that would ask for it.

        Raises:
            InputError: for a line that is no review or no judgement.
        """
        asked = {gate.name for gate in recipe.gates}
        given = read_reviews(root / REVIEWS, progress) if "reviews" in asked else []
        left = standing(given)
        decisions: dict[str, list[Review]] = {}
        for one in given:
            if left.get(one.id, {}).get(one.reviewer) is one:
                decisions.setdefault(one.id, []).append(one)
        path = root / JUDGEMENTS
        scores = dict(_scores(path)) if "judge_score" in asked and path.exists() else {}
        return cls(decisions, scores)

    def settings(self) -> dict[str, str]:
        """What in it can change a verdict, as a hash; empty when there is nothing. For the settings of a stage."""
        rules = [asdict(one) for by in self.decisions.values() for one in by if one.decision != "accept"]
        scores = sorted([*key, score] for key, score in self.scores.items())
        return {
            name: sha256_bytes(canonical_json(found))
            for name, found in (("reviews", rules), ("judgements", scores))
            if found
        }

    def candidate(self, recipe: Recipe, sample: Sample, outcome: str, text: str | None) -> Candidate:
        """What the gates see of an answer: an edited one in its new form, with the truth its reviewer corrected."""
        review = self.review(sample, text)
        if review is not None and review.decision == "edit":
            sample, text = revised(sample, review), review.description or text
        response = EMPTY if text is None else parse(text, label_set=recipe.label_set)
        score = None if text is None or not self.scores else self.scores.get((sample.id, text_hash(text)))
        return Candidate(sample, outcome, response, recipe.label_rule, recipe.unknown_truth, score, review)

    def review(self, sample: Sample, text: str | None) -> Review | None:
        """The decision that counts for a text of a row, None where there is none."""
        fitting = self.fitting(sample, text)
        return max(enumerate(fitting), key=lambda one: (_WEIGHT[one[1].decision], one[0]), default=(0, None))[1]

    def fitting(self, sample: Sample, text: str | None) -> Sequence[Review]:
        """All standing decisions that speak of this text, or of what one of them made of it."""
        decisions = self.decisions.get(sample.id)
        if not decisions or text is None:
            return ()
        seen = {text_hash(text)}
        found = []
        for review in decisions:
            if review.text_sha256 in seen and _keeps_the_task(sample, review):
                found.append(review)
                if review.description is not None:
                    seen.add(text_hash(review.description))
        return found


def _scores(path: Path) -> Sequence[tuple[tuple[str, str], float]]:
    scores = []
    for line, row in read_jsonl(path):
        name, digest, score = row.get("id"), row.get("text_sha256"), row.get("score")
        if not (isinstance(name, str) and isinstance(digest, str) and isinstance(score, int | float | None)):
            expected, do = "`id`, `text_sha256`, and `score` (a number or null)", "judge the run again"
            raise InputError("this line is no judgement", path=path, line=line, expected=expected, do=do)
        if score is not None:  # a judge that failed gave none
            scores.append(((name, digest), float(score)))
    return scores


def _keeps_the_task(sample: Sample, review: Review) -> bool:
    """A review may correct a truth that there is; new labels for a row that had none would make it another task."""
    annotated, labelled = bool(sample.meta_info.au_annotated), bool(sample.labels)
    return (review.AUs is None or annotated) and (review.labels is None or (labelled and bool(review.labels)))


def revised(sample: Sample, review: Review | Mapping[str, Any]) -> Sample:
    """A copy of the row with the truth that a reviewer corrected; an Action Unit that was added counts as annotated.

    ``edited`` in its ``extra`` says that a person had a hand in it; who, stays in the run.
    """
    change = asdict(review) if isinstance(review, Review) else review
    new = copy.deepcopy(sample)
    new.meta_info.extra = canonical_json({**sample.meta_info.extras(), "edited": True}).decode()
    if change["AUs"] is not None:
        new.AUs = list(change["AUs"])
        new.meta_info.au_annotated = sort_codes({*new.meta_info.au_annotated, *new.AUs})
        new.meta_info.au_source = "human"
    if change["labels"] is not None:
        new.labels = list(change["labels"])
        new.meta_info.label_source = "human"
    return new
