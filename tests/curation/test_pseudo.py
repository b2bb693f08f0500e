"""``unknown_truth: pseudo``: a teacher's own AUs and emotion may stand in the text; they are never truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from lessons import DISFA, make_run, rows_of, sample_of
from test_synthesize import Model, text_of

from curation import synthesize, teach
from curation.gates.registry import Candidate, judge, rejection
from curation.release import _mark_pseudo
from curation.spending import Limits
from facial_r1.emotions import EMOTIONS
from facial_r1.errors import UsageError
from facial_r1.facs import MAIN_CODES
from facial_r1.inference.protocol import Request
from facial_r1.prompt import default_question
from facial_r1.recipe import DEFAULT_GATES, Recipe, load_recipe
from facial_r1.response import parse
from facial_r1.sample import Sample, form_of, strict_faults, task_of

TEACH, SYNTHESIS = sys.modules["curation.teach"], sys.modules["curation.synthesize"]


def reason(sample: Sample, text: str, unknown_truth: str = "pseudo") -> str | None:
    candidate = Candidate(sample, "ok", parse(text), unknown_truth=unknown_truth)
    found = rejection(judge(candidate, DEFAULT_GATES))
    return found and found.reason


def aus_row() -> Sample:
    sample = sample_of("aus", 0)
    sample.AUs = ["AU6", "AU12"]
    return sample


def emotion_row() -> Sample:
    sample = sample_of("emo", 0)
    sample.labels = ["happiness"]
    return sample


@pytest.mark.parametrize(
    ("row", "text", "omit", "pseudo"),
    [
        (aus_row, text_of(["AU6", "AU12"], "AU6, AU12"), None, "au_in_answer"),
        (aus_row, text_of(["AU6", "AU12"], "happiness"), "emotion_in_au_task", None),
        (aus_row, text_of(["AU6", "AU12", "AU23"], "happiness"), "emotion_in_au_task", None),  # AU23 was not scored
        (aus_row, text_of(["AU6", "AU23"], "happiness"), "emotion_in_au_task", "au_mismatch"),
        (aus_row, text_of(["AU6", "AU12"], "bored"), "answer_not_canonical", "answer_not_an_emotion"),
        (emotion_row, text_of([], "happiness"), None, None),
        (emotion_row, text_of(["AU6", "AU12"], "happiness"), "au_number_in_emotion_task", None),
        (emotion_row, text_of(["AU6", "AU12"], "fear"), "au_number_in_emotion_task", "label_mismatch"),
        (emotion_row, text_of(["AU6", "AU99"], "happiness"), "au_number_in_emotion_task", "unknown_number"),
    ],
)
def test_the_gates_hold_a_text_against_what_is_known(row: Any, text: str, omit: str | None, pseudo: str | None) -> None:
    assert reason(row(), text, "omit") == omit
    assert reason(row(), text) == pseudo


def test_what_goes_beyond_the_truth_is_listed_and_never_becomes_truth() -> None:
    sample = aus_row()
    sample.question = default_question("au")
    sample.description = text_of(["AU6", "AU12", "AU23"], "happiness")
    _mark_pseudo(sample, ())
    assert (sample.meta_info.pseudo_aus, sample.meta_info.pseudo_label) == (["AU23"], "happiness")
    assert (sample.AUs, sample.labels, task_of(sample)) == (["AU6", "AU12"], [], "au")
    assert form_of(sample) == "au+emotion"
    assert sample.question == default_question("au+emotion")
    sample = emotion_row()
    sample.description = text_of(["AU6"], "happiness")
    _mark_pseudo(sample, ())
    assert (sample.meta_info.pseudo_aus, sample.meta_info.pseudo_label) == (["AU6"], None)
    assert (sample.AUs, sample.labels, sample.meta_info.au_annotated) == ([], ["happiness"], [])
    assert sample.question == "What is seen?", "a question of the corpus is kept"
    assert not [fault for fault in strict_faults(sample) if "task" in fault]


def test_a_text_that_keeps_to_the_truth_is_marked_with_nothing() -> None:
    sample = emotion_row()
    sample.description = text_of([], "happiness")
    _mark_pseudo(sample, ())
    assert (sample.meta_info.pseudo_aus, sample.meta_info.pseudo_label, form_of(sample)) == ([], None, "emotion")


@pytest.mark.parametrize("way", ["teach", "synthesize"])
def test_the_teacher_is_asked_for_both_and_told_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    run = make_run(tmp_path, {"aus/train": (5, 5), "emo/train": (5, 5)}, unknown_truth="pseudo")

    def says(sample: Sample, _one: Request) -> str:
        return text_of(sample.AUs, "surprise") if sample.AUs or not sample.labels else text_of(["AU1"], *sample.labels)

    model = Model(says)
    monkeypatch.setattr(TEACH if way == "teach" else SYNTHESIS, "create", lambda _name, **_options: model)
    (teach.generate if way == "teach" else synthesize)(run, limits=Limits(concurrency=2))
    assert {row["outcome"] for row in rows_of(run)} == {"ok"}
    assert len(model.asked) == 10, "each first answer was accepted"
    for one in model.asked:
        known_aus = one.sample_id.startswith("aus")
        assert ("Active Action Units:" in one.prompt) == known_aus
        assert ("Emotion:" in one.prompt) != known_aus
        assert all(f"- {code}," in one.prompt for code in (DISFA if known_aus else MAIN_CODES))
        assert all(word in one.prompt for word in (EMOTIONS if known_aus else ["happiness"]))


def test_the_template_teacher_cannot_go_beyond_the_truth(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"aus/train": (5, 5)}, unknown_truth="pseudo")
    with pytest.raises(UsageError, match="needs a teacher that looks at the picture"):
        teach.generate(run)
    assert not list(run.root.rglob("answers.jsonl"))


def test_what_a_recipe_says_enters_its_hash() -> None:
    def recipe(**more: str) -> Recipe:
        part = {"corpus": "disfa", "split": "train", "rows": 1}
        return load_recipe({"name": "x", "corpora": {"disfa": None}, "select": {"parts": [part]}, **more})

    assert recipe().hash() == recipe(unknown_truth="omit").hash() != recipe(unknown_truth="pseudo").hash()
