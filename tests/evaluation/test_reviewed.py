"""``--require-reviewed-test``: every reference was accepted by a person, as it is now."""

from __future__ import annotations

from pathlib import Path

import pytest

from facial_r1.errors import GateFailed
from facial_r1.evaluation.reviewed import check_reviewed
from facial_r1.reviews import Review, append_review, text_hash

from .conftest import Make

TIME = "2026-01-31T12:00:00+00:00"


def add(path: Path, identity: str, decision: str, text: str, reviewer: str = "ann", **more: str) -> None:
    append_review(path, Review(identity, reviewer, TIME, decision, text_hash(text), **more))  # type: ignore[arg-type]


def test_accepted_and_edited_texts_pass(tmp_path: Path, sample: Make) -> None:
    path = tmp_path / "reviews.jsonl"
    rows = [sample("a", description="A smile."), sample("b", description="A grin.")]
    add(path, "a", "accept", "A smile.")
    add(path, "b", "edit", "A grimace.", "bob", description="A grin.")
    assert check_reviewed(rows, path) == "All 2 references were accepted by people (2 reviewers)."


def test_what_was_not_accepted_as_it_is_now_is_named(tmp_path: Path, sample: Make) -> None:
    path = tmp_path / "reviews.jsonl"
    rows = [sample(name, description="A smile.") for name in "abcde"]
    add(path, "a", "accept", "A smile.")
    add(path, "b", "accept", "An older text.")
    add(path, "c", "accept", "A smile.")
    add(path, "c", "reject", "A smile.", "bob")
    add(path, "d", "accept", "A smile.")
    add(path, "d", "undo", "A smile.")
    with pytest.raises(
        GateFailed, match=r"4 of 5 are not accepted.*3 not reviewed \(b, d, e\) and 1 rejected \(c\)"
    ) as caught:
        check_reviewed(rows, path)
    assert caught.value.exit_code == 3


def test_without_any_review(tmp_path: Path, sample: Make) -> None:
    with pytest.raises(GateFailed, match="1 of 1 are not accepted"):
        check_reviewed([sample("a", description="x")], tmp_path / "none.jsonl")
