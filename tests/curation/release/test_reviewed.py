"""Reviews in the stages: a rejected row goes, an edited one passes the gates anew, and only what was seen counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from curation.evidence import JUDGEMENTS, REVIEWS, Evidence
from curation.release import cell_table, release
from curation.run import VERDICTS, Run
from curation.verdicts import gate
from facial_r1.errors import GateFailed, InputError
from facial_r1.files import read_jsonl, write_jsonl
from facial_r1.progress import Progress
from facial_r1.recipe import DEFAULT_GATES
from facial_r1.reviews import Review, append_review, text_hash
from facial_r1.sample import Sample, read_samples

BEST = "<think>The cheeks rise (AU6) and the lip corners are pulled up (AU12).</think><answer>AU6, AU12</answer>"
SCORED = [*(one.model_dump() for one in DEFAULT_GATES), {"name": "judge_score", "params": {"least": 6}}]


class Remarks(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def run(building: Callable[..., Any], sample: Callable[..., Sample], text: Callable[[Sample], str]) -> Run:
    """Two rows are wanted and three were asked; a row of FER2013 stands beside them."""
    parts = [{"corpus": name, "split": "train", "rows": rows} for name, rows in (("disfa", 2), ("fer2013", 1))]
    build = building(select={"parts": parts})
    for number in (1, 2, 3):
        row = sample(number)
        build.add(row, text(row), quota=2)
    face = sample(4, "fer2013")
    written: Run = build.add(face, text(face)).write()
    return written


def decide(run: Run, text: Callable[[Sample], str], row: Sample, decision: str, by: str = "mia", **more: Any) -> None:
    seen = text_hash(more.pop("seen", None) or text(row))
    review = Review(row.id, by, "2026-01-31T12:00:00Z", decision, seen, **more)
    append_review(run.root / REVIEWS, review)


def verdicts(run: Run) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for _, row in read_jsonl(run.folder(VERDICTS) / "verdicts.jsonl")}


def released(run: Run) -> dict[str, Sample]:
    return {row.id: row for row in read_samples(release(run) / "train.jsonl")}


def test_a_rejected_row_leaves_its_place_to_the_next_with_the_reviewers_reason(
    run: Run, sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    gate(run)
    assert set(released(run)) == {"disfa-0001", "disfa-0002", "fer2013-0004"}
    decide(run, text, sample(1), "reject", reason="AU4 is seen as well")
    summary = gate(run)
    assert summary["reviews"] == {"standing": 1, "ignored": 0}
    assert summary["rejected"] == {"reviewer_rejected": 1}
    (found,) = [one for one in verdicts(run)["disfa-0001"]["verdicts"] if one["gate"] == "reviews"]
    assert found["detail"] == "mia: AU4 is seen as well"
    assert set(released(run)) == {"disfa-0002", "disfa-0003", "fer2013-0004"}
    decide(run, text, sample(1), "undo")
    gate(run)
    assert set(released(run)) == {"disfa-0001", "disfa-0002", "fer2013-0004"}


def test_an_acceptance_changes_nothing_and_repeats_no_stage(
    run: Run, sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    before = gate(run)
    made = (run.folder(VERDICTS) / "done.json").read_bytes()
    decide(run, text, sample(1), "accept")
    assert gate(run) == before
    assert (run.folder(VERDICTS) / "done.json").read_bytes() == made


def test_an_edited_text_takes_the_place_of_the_old_one(
    run: Run, sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    decide(run, text, sample(1), "edit", description=f"  {BEST}\n")
    gate(run)
    row = verdicts(run)["disfa-0001"]
    assert (row["accepted"], row["edit"]["reviewer"]) == (True, "mia")
    edited = released(run)["disfa-0001"]
    assert (edited.description, edited.meta_info.extras()) == (BEST, {"edited": True})
    assert "mia" not in (release(run) / "train.jsonl").read_text()
    assert released(run)["disfa-0002"].description == text(sample(2))


def test_an_edited_text_has_to_pass_all_other_gates(
    run: Run, sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    decide(run, text, sample(1), "edit", description=BEST.replace("AU12)", "AU4)"))
    decide(run, text, sample(2), "edit", description="Not even a block.")
    gate(run)
    assert verdicts(run)["disfa-0001"]["reason"] == "think_answer_differ"
    assert verdicts(run)["disfa-0002"]["reason"] == "no_think"
    with pytest.raises(GateFailed, match="1 of 2"):
        release(run)


def test_a_corrected_truth_is_the_truth_of_gates_and_release(
    run: Run, sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    only_six = BEST.replace(" and the lip corners are pulled up (AU12)", "").replace("AU6, AU12", "AU6")
    decide(run, text, sample(1), "edit", description=only_six, AUs=("AU6",))
    decide(run, text, sample(2), "edit", AUs=("AU6", "AU12", "AU17"))  # then its text lacks one
    gate(run)
    assert verdicts(run)["disfa-0002"]["reason"] == "au_mismatch"
    row = released(run)["disfa-0001"]
    assert (row.AUs, row.meta_info.au_source, row.meta_info.task) == (["AU6"], "human", "au")
    face = text(sample(4, "fer2013")).replace(">happiness<", ">surprise<")
    decide(run, text, sample(4, "fer2013"), "edit", description=face, labels=("surprise",))
    gate(run)
    row = released(run)["fer2013-0004"]
    assert (row.labels, row.meta_info.label_source, row.description) == (["surprise"], "human", face)


def test_an_added_action_unit_counts_as_annotated(
    run: Run, sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    more = BEST.replace("AU6, AU12<", "AU6, AU12, AU23<").replace("(AU12).", "(AU12), the lips are tight (AU23).")
    decide(run, text, sample(1), "edit", description=more, AUs=("AU6", "AU12", "AU23"))
    gate(run)
    row = released(run)["disfa-0001"]
    assert row.AUs == ["AU6", "AU12", "AU23"]
    assert "AU23" in row.meta_info.au_annotated


def test_reviews_of_other_texts_rows_and_tasks_are_ignored_and_counted(
    run: Run, sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    decide(run, text, sample(1), "reject", seen="<think>An older text.</think><answer>AU6</answer>")
    decide(run, text, sample(99), "reject")
    decide(run, text, sample(2), "edit", labels=("fear",))  # no emotion is known of this row: it would change its task
    decide(run, text, sample(3), "accept")
    remarks = Remarks()
    summary = gate(run, progress=remarks)
    assert summary["reviews"] == {"standing": 4, "ignored": 3}
    assert remarks.lines == ["3 of 4 reviews are ignored: the run has no such row, or it has another text or task now."]
    assert all(row["accepted"] for row in verdicts(run).values())


def test_a_rejection_beats_an_edit_and_an_edit_an_acceptance(
    run: Run, sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    row = sample(1)
    evidence = Evidence.of(run.root, run.recipe)
    assert evidence.review(row, text(row)) is None
    decide(run, text, row, "edit", by="tom", description=BEST)
    decide(run, text, row, "accept", by="mia")
    found = Evidence.of(run.root, run.recipe).review(row, text(row))
    assert found is not None
    assert (found.reviewer, found.decision) == ("tom", "edit")
    decide(run, text, row, "accept", by="eve", seen=BEST)  # she saw the new text
    assert len(Evidence.of(run.root, run.recipe).fitting(row, text(row))) == 3
    decide(run, text, row, "reject", by="ann", seen=BEST, reason="still wrong")
    found = Evidence.of(run.root, run.recipe).review(row, text(row))
    assert found is not None
    assert found.reviewer == "ann"


def test_without_the_gate_reviews_are_not_read(run: Run, building: Callable[..., Any]) -> None:
    (run.root / REVIEWS).write_text("no review\n")
    with pytest.raises(InputError, match=r"reviews\.jsonl:1: this line is not JSON"):
        Evidence.of(run.root, run.recipe)
    plain = building("other", gates=[{"name": "grammar"}]).run
    assert Evidence.of(run.root, plain.recipe) == Evidence()


def test_scores_reach_the_gate_and_a_missing_one_rejects_nothing(
    building: Callable[..., Any], sample: Callable[..., Sample], text: Callable[[Sample], str]
) -> None:
    build = building(gates=SCORED)
    for number in (1, 2, 3):
        build.add(sample(number), text(sample(number)), quota=2)
    run = build.write()
    assert all(row["accepted"] for row in (gate(run), verdicts(run))[1].values())
    (run.root / JUDGEMENTS).parent.mkdir()
    scores = {1: 4.5, 2: None, 3: 8}
    lines = [
        {"id": sample(number).id, "text_sha256": text_hash(text(sample(number))), "score": score}
        for number, score in scores.items()
    ]
    write_jsonl(run.root / JUDGEMENTS, lines)
    gate(run)
    rulings = {
        name: next((one["ok"], one["value"]) for one in row["verdicts"] if one["gate"] == "judge_score")
        for name, row in verdicts(run).items()
    }
    assert rulings == {"disfa-0001": (False, 4.5), "disfa-0002": (None, None), "disfa-0003": (True, 8.0)}
    assert cell_table(run)[0].accepted == 2
    for wrong in ({"id": "disfa-0001", "score": 3}, {**lines[0], "score": "8"}):
        write_jsonl(run.root / JUDGEMENTS, [wrong])
        with pytest.raises(InputError, match="no judgement"):
            gate(run)
