"""Row gates: each reason with an answer that earns it, beside one that passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.gates.registry import OUTCOME, Candidate, Ruling, Verdict, gate, gate_names, judge, rejection, resolve
from curation.gates.text import au_set, grammar, label, task_rules, vocabulary
from facial_r1.emotions import EMOTIONS_7
from facial_r1.errors import UsageError
from facial_r1.facs import sort_codes
from facial_r1.recipe import DEFAULT_GATES, Gate
from facial_r1.response import EMPTY, canonical_answer, parse
from facial_r1.sample import Meta, Sample

SCORED = ["AU1", "AU2", "AU4", "AU6", "AU12", "AU25"]


def candidate(
    think: str,
    answer: str,
    *,
    aus: Sequence[str] = (),
    labels: Sequence[str] = (),
    scored: Sequence[str] = (),
    rule: str = "any",
    label_set: Sequence[str] = EMOTIONS_7,
) -> Candidate:
    meta = Meta(au_annotated=list(scored), label_set=list(label_set) if labels else [])
    sample = Sample(id="x", dataset="mine", AUs=list(aus), labels=list(labels), meta_info=meta)
    return Candidate(sample, "ok", parse(f"<think>{think}</think><answer>{answer}</answer>"), rule)


def both(think: str, answer: str = "happiness", **more: Any) -> Candidate:
    """A row of which AU6, AU12 and happiness are known."""
    return candidate(think, answer, **{"aus": ["AU6", "AU12"], "labels": ["happiness"], "scored": SCORED, **more})


def aus_only(think: str, answer: str, **more: Any) -> Candidate:
    """A row of which only AU6 and AU12 are known."""
    return candidate(think, answer, **{"aus": ["AU6", "AU12"], "scored": SCORED, **more})


def label_only(think: str, answer: str, **more: Any) -> Candidate:
    """A row of which only happiness is known."""
    return candidate(think, answer, **{"labels": ["happiness"], **more})


SMILE = "The cheeks are lifted (AU6) and the lip corners are pulled up (AU12)."


def reasons(verdicts: Sequence[Verdict]) -> dict[str, str | None]:
    return {verdict.gate: verdict.reason for verdict in verdicts if verdict.ok is False}


@pytest.mark.parametrize(
    "good",
    [
        both(SMILE),
        aus_only(SMILE, "AU6, AU12"),
        aus_only("The face rests.", "none", aus=[]),
        label_only("The cheeks are lifted and the teeth show.", "happiness"),
        label_only("A smile, brows up.", "happiness and surprise", labels=["happiness", "surprise"], rule="set"),
    ],
    ids=["au+emotion", "au", "au-none", "emotion", "compound"],
)
def test_a_good_answer_passes_all_gates(good: Candidate) -> None:
    verdicts = judge(good, DEFAULT_GATES)
    assert [verdict.gate for verdict in verdicts] == [spec.name for spec in DEFAULT_GATES]
    assert rejection(verdicts) is None
    assert reasons(verdicts) == {}


@pytest.mark.parametrize("outcome", ["refusal", "filtered", "cut_off", "failed"])
def test_an_answer_without_a_text_is_its_own_reason_and_no_zero(outcome: str) -> None:
    row = both(SMILE)
    verdicts = judge(Candidate(row.sample, outcome, EMPTY), DEFAULT_GATES)
    assert verdicts == [Verdict(OUTCOME, False, outcome)]
    assert all(verdict.value is None for verdict in verdicts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<answer>happiness</answer>", "no_think"),
        ("<think>a</think>", "no_answer"),
        ("<think>a</think><think>b</think><answer>happiness</answer>", "two_thinks"),
        ("<think>a</think><answer>happiness</answer> Hope this helps!", "text_outside"),
        ("<think> </think><answer>happiness</answer>", "empty_think"),
    ],
)
def test_grammar_gives_the_parsers_reason(text: str, reason: str) -> None:
    row = label_only("", "")
    ruling = grammar(Candidate(row.sample, "ok", parse(text)))
    assert (ruling.ok, ruling.reason) == (False, reason)


def test_grammar_lists_every_fault_in_its_detail() -> None:
    ruling = grammar(Candidate(label_only("", "").sample, "ok", parse("so <answer></answer>")))
    assert ruling.reason == "no_think"
    assert set(ruling.detail.split(", ")) == {"no_think", "empty_answer", "text_outside"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (label_only("The cheeks are lifted (AU6).", "happiness"), "au_number_in_emotion_task"),
        (label_only("There is no AU4.", "happiness"), "au_number_in_emotion_task"),
        (label_only("A smile.", "AU12"), "au_in_answer"),
        (label_only("A smile.", "bored"), "answer_not_an_emotion"),
        (label_only("A smile.", "none"), "no_emotion_in_answer"),
        (label_only("A smile.", "happiness, surprise"), "several_emotions"),
        (both(SMILE, "happiness AU12"), "au_in_answer"),
        (both(SMILE, "happiness or so"), "answer_not_an_emotion"),
        (aus_only(SMILE, "happiness"), "emotion_in_au_task"),
        (aus_only(SMILE, "AU12, AU6"), "answer_not_canonical"),
        (aus_only(SMILE, "AU06, AU12"), "answer_not_canonical"),
        (aus_only(SMILE, "AU6, AU12, AU99"), "answer_not_canonical"),
        (aus_only("A calm face.", "None."), "answer_not_canonical"),
        (aus_only(SMILE, "AU6"), "think_answer_differ"),
        (aus_only("The cheeks are lifted.", "AU6"), "think_answer_differ"),
        (aus_only(SMILE + " Also AU99.", "AU6, AU12"), "think_answer_differ"),
        (candidate("A face.", "happiness"), "no_truth"),
    ],
)
def test_task_rules(row: Candidate, reason: str) -> None:
    ruling = task_rules(row)
    assert (ruling.ok, ruling.reason) == (False, reason)


def test_a_compound_may_name_several_emotions_only_under_the_rule_set() -> None:
    answer = "happiness and surprise"
    assert task_rules(label_only("A smile.", answer, rule="set")).ok
    assert task_rules(label_only("A smile.", answer, rule="any")).reason == "several_emotions"


def test_au_set_exact() -> None:
    assert au_set(both(SMILE)) == Ruling(True, value=1.0)
    ruling = au_set(both("The brows are lowered (AU4), the cheeks lifted (AU6); AU99 too."))
    assert (ruling.ok, ruling.reason) == (False, "au_mismatch")
    assert ruling.detail == "missing AU12; extra AU4; unknown 99"
    assert ruling.value == pytest.approx(2 / (2 + 2 + 1))  # tp 1 (AU6); fp 2 (AU4, AU99); fn 1 (AU12)


def test_au_set_reads_the_answer_for_the_task_au() -> None:
    assert au_set(aus_only("The face.", "AU6, AU12")).ok
    assert au_set(aus_only(SMILE, "AU6")).detail == "missing AU12"
    assert au_set(aus_only("The face rests.", "none", aus=[])) == Ruling(True, value=1.0)
    assert au_set(aus_only("The face rests.", "none")).value == 0.0


def test_au_set_counts_an_unknown_number_where_the_task_looks() -> None:
    in_think = au_set(aus_only(SMILE + " AU99 too.", "AU6, AU12"))
    assert in_think == Ruling(True, value=1.0)  # that think and answer differ is the business of task_rules
    in_answer = au_set(aus_only(SMILE, "AU6, AU12, AU99"))
    assert (in_answer.reason, in_answer.detail) == ("au_mismatch", "unknown 99")
    assert in_answer.value == pytest.approx(4 / 5)  # tp 2, fp 1
    assert au_set(both(SMILE, "happiness, AU99")) == Ruling(True, value=1.0)


def test_a_denied_au_is_not_claimed() -> None:
    assert au_set(both(SMILE + " There is no AU4.")).ok


@pytest.mark.parametrize(
    ("think", "threshold", "passes"),
    [("AU6 and AU12.", 1.0, True), ("AU6.", 0.6, True), ("AU6.", 0.7, False), ("AU4.", 0.1, False)],
)
def test_au_set_f1(think: str, threshold: float, passes: bool) -> None:
    ruling = au_set(both(think), mode="f1", threshold=threshold)
    assert ruling.ok is passes
    assert ruling.value is not None
    assert (ruling.value >= threshold) is passes


@pytest.mark.parametrize(
    ("think", "aus", "passes"),
    [
        ("The lip corners are pulled up (AU12).", ["AU6", "AU12"], True),
        ("AU12 and AU4.", ["AU6", "AU12"], False),
        ("A face.", ["AU6", "AU12"], False),
        ("A face.", [], True),
        ("AU4.", [], False),
    ],
)
def test_au_set_subset_lets_no_silence_pass(think: str, aus: list[str], passes: bool) -> None:
    assert au_set(both(think, aus=aus), mode="subset").ok is passes


@pytest.mark.parametrize("mode", ["exact", "f1", "subset"])
def test_an_au_that_nobody_scored_is_rejected_but_not_counted_wrong(mode: Any) -> None:
    ruling = au_set(both(SMILE + " The chin is raised (AU17)."), mode=mode)
    assert (ruling.ok, ruling.reason, ruling.detail, ruling.value) == (False, "au_not_annotated", "AU17", 1.0)


def test_au_set_does_not_apply_where_nothing_was_scored() -> None:
    assert au_set(label_only("A smile.", "happiness")) == Ruling(None)


CODES = st.lists(st.sampled_from(SCORED), unique=True).map(sort_codes)


@given(claimed=CODES, true=CODES)
def test_au_set_agrees_with_set_algebra(claimed: list[str], true: list[str]) -> None:
    row = aus_only("A face.", canonical_answer(claimed), aus=true)
    exact, subset = au_set(row), au_set(row, mode="subset")
    assert exact.ok is (claimed == true)
    assert subset.ok is (set(claimed) <= set(true) and (bool(claimed) or not true))
    half = au_set(row, mode="f1", threshold=0.5)
    common = len(set(claimed) & set(true))
    f1 = 2 * common / (len(claimed) + len(true)) if claimed or true else 1.0
    assert exact.value == pytest.approx(f1)
    assert half.ok is (f1 >= 0.5)


@pytest.mark.parametrize(
    ("answer", "labels", "rule", "ok", "reason"),
    [
        ("happiness", ["happiness"], "any", True, None),
        ("surprise", ["happiness", "surprise"], "any", True, None),
        ("surprise", ["happiness", "surprise"], "set", False, "label_mismatch"),
        ("surprise, happiness", ["happiness", "surprise"], "set", True, None),
        ("fear", ["happiness"], "any", False, "label_mismatch"),
        ("none", ["happiness"], "any", False, "label_mismatch"),
        ("fear", [], "any", False, "label_without_truth"),
        ("AU12", [], "any", None, None),
    ],
)
def test_label(answer: str, labels: list[str], rule: str, ok: bool | None, reason: str | None) -> None:
    ruling = label(candidate("A face.", answer, labels=labels, rule=rule))
    assert (ruling.ok, ruling.reason) == (ok, reason)


def test_label_says_what_was_found_and_what_is_true() -> None:
    assert label(label_only("A face.", "fear")).detail == "fear, true happiness"


@pytest.mark.parametrize(
    ("think", "answer", "reason", "detail"),
    [
        ("There is no frown, nor a tear.", "happiness", "negative_word", "no, nor"),
        ("Perhaps a smile.", "happiness", "uncertain_word", "perhaps"),
        ("Maybe not a smile.", "contempt", "negative_word", "not, maybe, contempt"),
        ("A smile.", "contempt", "label_outside_set", "contempt"),
    ],
)
def test_vocabulary(think: str, answer: str, reason: str, detail: str) -> None:
    ruling = vocabulary(label_only(think, answer))
    assert (ruling.ok, ruling.reason, ruling.detail) == (False, reason, detail)
    assert ruling.value == len(detail.split(", "))


def test_words_that_only_look_like_denials_pass() -> None:
    assert vocabulary(label_only("The nose wrinkles; notice another knot in the brow.", "happiness")).ok


def test_without_a_label_set_every_emotion_may_be_answered() -> None:
    assert vocabulary(label_only("A sneer.", "contempt", label_set=[])).ok


def test_all_reasons_are_kept_and_the_first_in_the_recipes_order_counts() -> None:
    row = label_only("Maybe a frown (AU4).", "fear")
    verdicts = judge(row, DEFAULT_GATES)
    assert reasons(verdicts) == {
        "task_rules": "au_number_in_emotion_task",
        "label": "label_mismatch",
        "vocabulary": "uncertain_word",
    }
    first = rejection(verdicts)
    assert first is not None
    assert first.gate == "task_rules"
    reordered = rejection(judge(row, [Gate(name="vocabulary"), Gate(name="label")]))
    assert reordered is not None
    assert reordered.reason == "uncertain_word"


def test_the_five_gates_are_registered() -> None:
    assert set(gate_names()) >= {"grammar", "task_rules", "au_set", "label", "vocabulary"}


def test_parameters_of_the_recipe_reach_the_gate() -> None:
    half_right = both("The cheeks are lifted (AU6).")
    assert rejection(judge(half_right, [Gate(name="au_set")]))
    assert not rejection(judge(half_right, [Gate(name="au_set", params={"mode": "f1", "threshold": 0.5})]))
    assert not rejection(judge(half_right, [Gate(name="au_set", params={"mode": "subset"})]))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Gate(name="gramar"), "unknown gate in the recipe. Found: gramar. Expected: one of au_set, au_words, drill"),
        (Gate(name="grammar", params={"strict": 1}), "unknown parameter of the gate grammar. Found: strict"),
        (Gate(name="au_set", params={"mod": "f1"}), "Found: mod. Expected: only mode, threshold"),
        (Gate(name="au_set", params={"mode": "most"}), "parameter `mode` of the gate au_set: input should be 'exact'"),
        (Gate(name="au_set", params={"threshold": 2}), "`threshold` of the gate au_set: input should be less"),
        (Gate(name="au_set", params={"threshold": "high"}), "parameter `threshold` of the gate au_set"),
    ],
)
def test_a_wrong_gate_in_a_recipe_is_one_clear_error(spec: Gate, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(spec)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_new_gate_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.gates.registry._GATES", {})

    @gate
    def short_enough(row: Candidate, words: int = 3) -> Ruling:
        count = len((row.response.think or "").split())
        return Ruling(count <= words, None if count <= words else "too_long", value=count)

    assert rejection(judge(both("Lifted cheeks (AU6)."), [Gate(name="short_enough")])) is None
    rejected = rejection(judge(both(SMILE), [Gate(name="short_enough", params={"words": 5})]))
    assert rejected == Verdict("short_enough", False, "too_long", "", 13)


def test_the_drill_rejects_its_share_and_the_same_answers_every_time() -> None:
    response = parse("<think>Calm.</think><answer>fear</answer>")
    candidates = [Candidate(Sample(id=f"x-{n}", dataset="mine"), "ok", response) for n in range(2000)]
    rulings = [resolve(Gate(name="drill", params={"share": 0.3}))(one) for one in candidates]
    assert 0.26 < sum(ruling.ok is False for ruling in rulings) / len(rulings) < 0.34
    assert all(ruling.reason == "drill" for ruling in rulings if ruling.ok is False)
    assert rulings == [resolve(Gate(name="drill", params={"share": 0.3}))(one) for one in candidates]
    everything, nothing = (resolve(Gate(name="drill", params={"share": share})) for share in (1, 0))
    assert not any(everything(one).ok for one in candidates[:50])
    assert all(nothing(one).ok for one in candidates[:50])
