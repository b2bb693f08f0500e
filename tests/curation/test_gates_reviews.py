"""Reviews and stage 3: a row that people reject is replaced by the next in rank, and nothing else is asked again."""

from __future__ import annotations

from pathlib import Path

import pytest
from lessons import bytes_of, make_run, rows_of

from curation import synthesize, teach
from curation.evidence import REVIEWS
from curation.release import cell_table
from curation.run import Run
from curation.verdicts import gate
from facial_r1.reviews import Review, append_review, text_hash


def decide(run: Run, answer: dict[str, str], decision: str) -> None:
    review = Review(answer["id"], "mia", "2026-01-31T12:00:00Z", decision, text_hash(answer["text"]), reason="no")
    append_review(run.root / REVIEWS, review)


@pytest.mark.parametrize("way", [teach.generate, synthesize])
def test_a_rejected_row_is_replaced_and_comes_back_with_undo(tmp_path: Path, way: object) -> None:
    assert callable(way)
    # The template teacher always gives the same, so repairs of a rejected row are asked as well.
    run = make_run(tmp_path, {"both/train": (6, 9)}, synthesis={"repairs": 0})
    way(run)
    before, (first, *_) = bytes_of(run), rows_of(run)
    decide(run, first, "accept")
    assert way(run) is None  # an acceptance changes nothing
    decide(run, first, "reject")
    stats = way(run)
    assert (stats.asked, stats.reused) == (1, 6)
    gate(run)
    (cell,) = cell_table(run)
    assert (cell.tried, cell.accepted, cell.short) == (7, 6, 0)
    decide(run, first, "undo")
    stats = way(run)
    assert (stats.asked, stats.reused) == (0, 6)
    assert {name: data for name, data in bytes_of(run).items() if name != "done.json"} == {
        name: data for name, data in before.items() if name != "done.json"
    }


def test_a_further_attempt_may_say_it_better(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"both/train": (3, 3)}, teacher={"attempts": 2})
    teach.generate(run)
    first = rows_of(run)[0]
    decide(run, first, "reject")
    teach.generate(run)
    gate(run)
    assert [(row["id"] == first["id"], row["attempt"]) for row in rows_of(run)][:2] == [(True, 0), (True, 1)]
    assert cell_table(run)[0].short == 0
