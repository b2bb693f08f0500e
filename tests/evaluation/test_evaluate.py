"""A whole evaluation on hand-made rows: what is scored, what is only shown, and what is warned about."""

from __future__ import annotations

import pytest

from facial_r1.evaluation import Settings, evaluate, find_protocol
from facial_r1.evaluation.families import family, family_warnings
from facial_r1.evaluation.predictions import Prediction
from facial_r1.sample import Sample

from .conftest import Make, Say

QUICK = Settings(resamples=0)
FER = find_protocol("FER2013-7")
EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def faces(sample: Make, *labels: str, **more: object) -> list[Sample]:
    return [
        sample(f"r{at}", labels=[label], dataset="fer2013", annotated=(), **more) for at, label in enumerate(labels)
    ]


def test_an_emotion_benchmark_by_hand(sample: Make, says: Say) -> None:
    rows = faces(sample, "fear", "fear", "anger", "happiness")
    said = [says("r0", "fear"), says("r1", "Afraid."), says("r2", "happy"), says("r3", "<answer></answer>")]
    found = evaluate(rows, said, FER, settings=QUICK)
    scores = found.emotions
    assert scores is not None
    assert (scores.rows, scores.accuracy, scores.uar) == (4, 0.5, pytest.approx(1 / 3))
    assert (scores.invalid, found.coverage.no_label) == (1, 1)
    assert scores.classes == EMOTIONS
    assert found.aus is None
    assert found.protocol == "FER2013-7"


def test_refusals_are_shown_and_are_neither_right_nor_wrong(sample: Make, says: Say) -> None:
    rows = faces(sample, "fear", "fear", "anger", "anger")
    said = [
        says("r0", "fear"),
        says("r1", "I cannot.", "refusal"),
        says("r2", "", "filtered"),
        says("r3", None, "failed"),
    ]
    found = evaluate(rows, said, FER, settings=QUICK)
    coverage = found.coverage
    assert (coverage.answered, coverage.refused, coverage.failed, coverage.missing) == (1, 2, 1, 0)
    assert found.emotions is not None
    assert found.emotions_of_all is not None
    assert (found.emotions.accuracy, found.emotions.rows) == (1.0, 1)
    assert (found.emotions_of_all.accuracy, found.emotions_of_all.rows) == (0.25, 4)
    assert coverage.by_corpus == {"fer2013": {"answered": 1, "refused": 2, "failed": 1, "missing": 0}}


def test_nothing_but_refusals(sample: Make, says: Say) -> None:
    rows = [*faces(sample, "fear"), sample("a", aus=["AU1"])]
    found = evaluate(rows, [says("r0", "no", "refusal"), says("a", "no", "refusal")], settings=QUICK)
    assert found.emotions is None
    assert found.aus is None
    assert found.emotions_of_all is not None
    assert found.emotions_of_all.accuracy == 0.0
    assert (found.texts, found.coverage.refused) == ({}, 2)


def test_an_empty_prediction_is_an_answer_that_says_nothing(sample: Make, says: Say) -> None:
    rows = [*faces(sample, "fear", description="A scared face."), sample("a", aus=["AU1"], description="Brows up.")]
    said = [Prediction("r0", ""), Prediction("a", "")]
    found = evaluate(rows, said, settings=QUICK)
    assert found.coverage.answered == 2
    assert found.emotions is not None
    assert found.aus is not None
    assert (found.emotions.accuracy, found.aus.micro, found.coverage.no_aus) == (0.0, 0.0, 1)
    assert found.texts["rougeL_rs_stem"].value == 0.0
    assert found.coverage.malformed == 2


def test_one_row(sample: Make, says: Say) -> None:
    found = evaluate(faces(sample, "fear"), [says("r0", "fear")], FER)
    assert found.emotions is not None
    assert found.emotions.intervals["accuracy"][1] == 1.0
    assert found.emotions.intervals["accuracy"][0] < 0.3


def test_a_text_without_a_reference_has_no_score_and_lowers_the_coverage(sample: Make, says: Say) -> None:
    rows = faces(sample, "fear", "fear")
    rows[0].description = "<think>Wide eyes show fear.</think><answer>fear</answer>"
    said = [says(name, "<think>Wide eyes show fear.</think><answer>fear</answer>") for name in ("r0", "r1")]
    mean = evaluate(rows, said, settings=QUICK).texts["rougeL_rs_stem"]
    assert (mean.value, mean.rows, mean.of) == (1.0, 1, 2)


def test_tags_are_left_out_unless_they_are_asked_for(sample: Make) -> None:
    rows = faces(sample, "fear", description="<think>one two</think><answer>fear</answer>")
    said = [Prediction("r0", "<think>three four</think><answer>anger</answer>")]
    plain = evaluate(rows, said, settings=QUICK).texts["rougeL_rs"]
    tagged = evaluate(rows, said, settings=Settings(with_tags=True, resamples=0)).texts["rougeL_rs"]
    assert plain.value == 0.0
    assert tagged.value == pytest.approx(4 / 7)


def test_two_true_labels_under_both_rules(sample: Make, says: Say) -> None:
    rows = [sample("a", labels=["fear", "surprise"], dataset="raf_db", annotated=())]
    for rule, text, accuracy in (
        ("any", "surprise", 1.0),
        ("set", "surprise", 0.0),
        ("set", "surprise and fear", 1.0),
        ("any", "fear, anger", 0.0),
    ):
        found = evaluate(rows, [says("a", text)], settings=Settings(label_rule=rule, resamples=0))
        assert found.emotions is not None
        assert found.emotions.accuracy == accuracy, (rule, text)


def test_an_action_unit_outside_the_list_is_counted_where_it_belongs(sample: Make, says: Say) -> None:
    rows = [sample("a", aus=["AU1"], subject="SN001", au_threshold=2)]
    found = evaluate(rows, [says("a", "AU1, AU43, AU99")], find_protocol("DISFA-12"), settings=QUICK)
    assert found.aus is not None
    assert found.aus.micro == 1.0
    assert (found.coverage.outside, found.coverage.invented) == (1, 1)


def test_the_open_protocol_has_no_benchmark_mean(sample: Make, says: Say) -> None:
    found = evaluate([sample("a", aus=["AU1"])], [says("a", "AU1")])
    assert found.aus is not None
    assert (found.aus.macro_benchmark, found.aus.macro_present) == (None, 1.0)


def test_faba_gives_rege_for_both_readers(sample: Make) -> None:
    text = "<think>A wide smile (AU12). The cheeks rise (AU6).</think><answer>happiness</answer>"
    rows = [
        sample("a", aus=["AU6", "AU12"], labels=["happiness"], dataset="faba", annotated=("AU1", "AU6", "AU12"))
        for _ in range(1)
    ]
    protocol = find_protocol("FABA-12")
    rows[0].meta_info.au_annotated = list(protocol.aus)
    rows[0].description = text
    rows.append(sample("b", labels=["anger"], dataset="faba", annotated=protocol.aus, description="Stern brows."))
    said = [Prediction("a", text), Prediction("b", "<think>Stern brows (AU4).</think><answer>anger</answer>")]
    found = evaluate(rows, said, protocol, settings=QUICK)
    kinds = {(one.kind, one.reader): one for one in found.rege}
    assert set(kinds) == {("emotion", "faba"), ("au", "faba"), ("emotion", "tags"), ("au", "tags")}
    assert kinds["emotion", "faba"].recognition == 100.0
    assert kinds["au", "faba"].recognition == pytest.approx(100 * 2 / 3)  # AU4 has no true positive, others are skipped
    assert kinds["au", "tags"].recognition == pytest.approx(100 * 2 / 12)
    assert kinds["emotion", "faba"].generation == pytest.approx(100 * (found.texts["rougeL_pltrdy"].value or 0))


def test_accuracy_by_the_faces_attributes(sample: Make, says: Say) -> None:
    rows = faces(sample, "fear", "fear", "anger")
    for row, extra in zip(rows, ('{"gender":"female","age":"70+"}', '{"gender":"male"}', None), strict=True):
        row.meta_info.extra = extra
    found = evaluate(rows, [says("r0", "fear"), says("r1", "anger"), says("r2", "anger")], settings=QUICK)
    assert set(found.groups) == {"age", "gender"}
    assert found.groups["gender"]["female"]["accuracy"] == 1.0
    assert found.groups["gender"]["male"]["accuracy"] == 0.0
    assert found.groups["age"]["70+"]["rows"] == 1


def test_relatives_are_warned_about(sample: Make, says: Say) -> None:
    rows = faces(sample, "fear", description="A scared face.")
    rows[0].meta_info.model = "gpt-4o-mini-2024-07-18"
    found = evaluate(rows, [says("r0", "fear", model="Qwen2.5-VL-7B")], judge_model="gpt-4o", settings=QUICK)
    assert found.warnings == [
        "Intervals rest on 1 subjects or groups: too few to rely on.",
        "The references and the judge are both of the family GPT: a model prefers its own style.",
    ]
    assert family("meta-llama/Llama-3") == family("llava-v1.6-vicuna") == "Llama"
    assert family_warnings(["gpt-4o"], ["gpt-4"], "o3-mini").__len__() == 3
    assert family_warnings(["a"], ["b"], "") == []


def test_shuffled_pictures_are_no_result(sample: Make, says: Say) -> None:
    rows = faces(sample, "fear", "anger")
    said = [says(one.id, "fear", pictures="shuffled:1") for one in rows]
    found = evaluate(rows, said, settings=QUICK)
    assert "2 predictions were made with another row's picture: a control, not a result." in found.warnings


def test_the_same_input_gives_the_same_result(sample: Make, says: Say) -> None:
    rows = faces(sample, *(("fear", "anger", "sadness") * 10), description="A face.")
    said = [says(one.id, "fear") for one in rows]
    first, second = (evaluate(rows, order).to_json() for order in (said, said[::-1]))
    assert first == second
