"""Every gate of the registry has a text that fails it for each of its reasons, and the page on gates lists them all."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_gates import SMILE, aus_only, both, candidate, label_only

from curation.gates import registry
from curation.gates.registry import Candidate, Panel, gate_names, is_set_gate, judge, rejection, resolve
from curation.gates.sets import Admission
from facial_r1.recipe import DEFAULT_GATES, Gate, load_recipe
from facial_r1.response import FAULTS, parse
from facial_r1.reviews import Review, text_hash

PAGE = Path(__file__).parents[2] / "docs" / "gates.md"
CALM = "The brows, the lids and the lips rest in their natural line, and the whole face is at ease and quiet today."
GERMAN = (
    "Die Mundwinkel sind deutlich nach oben gezogen und die Wangen heben sich, was zusammen eine große Freude zeigt."
)
REJECTED = Review("x", "mia", "2026-01-31T12:00:00Z", "reject", text_hash("x"), reason="the brows are raised as well")


def as_text(text: str) -> Candidate:
    return replace(label_only("", ""), response=parse(text))


GRAMMAR = {
    "no_think": "<answer>fear</answer>",
    "two_thinks": "<think>a</think><think>b</think><answer>fear</answer>",
    "no_answer": "<think>a</think>",
    "two_answers": "<think>a</think><answer>fear</answer><answer>fear</answer>",
    "unclosed_tag": "<think>a</think><answer>fear",
    "unopened_tag": "<think>a</think>fear</answer>",
    "wrong_order": "<answer>fear</answer><think>a</think>",
    "nested_tags": "<think>a<answer>fear</answer></think>",
    "empty_think": "<think> </think><answer>fear</answer>",
    "empty_answer": "<think>a</think><answer> </answer>",
    "text_outside": "So: <think>a</think><answer>fear</answer>",
}
FAILING: list[tuple[str, dict[str, Any], Candidate, str]] = [
    *(("grammar", {}, as_text(text), reason) for reason, text in GRAMMAR.items()),
    ("task_rules", {}, candidate("A face.", "happiness"), "no_truth"),
    ("task_rules", {}, label_only("The cheeks are lifted (AU6).", "happiness"), "au_number_in_emotion_task"),
    ("task_rules", {}, replace(label_only("AU99.", "happiness"), unknown_truth="pseudo"), "unknown_number"),
    ("task_rules", {}, aus_only(SMILE, "happiness"), "emotion_in_au_task"),
    ("task_rules", {}, aus_only(SMILE, "AU12, AU6"), "answer_not_canonical"),
    ("task_rules", {}, aus_only(SMILE, "AU6"), "think_answer_differ"),
    ("task_rules", {}, label_only("A smile.", "AU12"), "au_in_answer"),
    ("task_rules", {}, label_only("A smile.", "bored"), "answer_not_an_emotion"),
    ("task_rules", {}, label_only("A smile.", "none"), "no_emotion_in_answer"),
    ("task_rules", {}, label_only("A smile.", "happiness, surprise"), "several_emotions"),
    ("au_set", {}, both(f"{SMILE} The chin rises (AU17)."), "au_not_annotated"),
    ("au_set", {}, both("The cheeks are lifted (AU6)."), "au_mismatch"),
    ("label", {}, aus_only(SMILE, "happiness"), "label_without_truth"),
    ("label", {}, both(SMILE, "fear"), "label_mismatch"),
    ("vocabulary", {}, label_only("There is no frown.", "happiness"), "negative_word"),
    ("vocabulary", {}, label_only("Perhaps a smile.", "happiness"), "uncertain_word"),
    ("vocabulary", {}, label_only("A smile.", "contempt"), "label_outside_set"),
    ("au_words", {}, both("The lips are parted (AU12)."), "words_of_another_au"),
    ("au_words", {}, both("The lip corners are pulled down (AU12)."), "words_of_the_contrary"),
    ("au_words", {"bare": "reject"}, both("This is AU12."), "au_without_words"),
    ("words", {}, label_only("Joy!", "happiness"), "too_short"),
    ("words", {"most": 20}, label_only(CALM, "happiness"), "too_long"),
    ("repetition", {}, label_only("The lips part. " * 6, "happiness"), "repeats_itself"),
    ("leak", {}, label_only("As required, the lips part.", "happiness"), "prompt_leaked"),
    ("refusal", {}, label_only("I'm sorry, this face stays private.", "happiness"), "refusal_in_text"),
    ("language", {}, label_only(GERMAN, "happiness"), "other_language"),
    ("judge_score", {}, replace(label_only(CALM, "happiness"), judge=5.5), "low_score"),
    ("reviews", {}, replace(label_only(CALM, "happiness"), review=REJECTED), "reviewer_rejected"),
    ("drill", {"share": 1.0}, label_only(CALM, "happiness"), "drill"),
]
"""Gate, parameters, a row that fails it, and the reason."""

FAILING_SETS: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("near_duplicate", {}, [CALM, CALM.replace("today", "now")], "near_duplicate"),
    ("opening", {"least": 1}, ["In this face the lips part.", "In this face the brows rise."], "opening_repeated"),
    ("novelty", {}, [CALM, CALM[:60]], "nothing_new"),
]
"""Set gate, parameters, texts of which the last one fails it, and the reason."""

CLEAN = [
    both(f"{SMILE} Together, these signs in the cheeks and the mouth convey warmth and lead to happiness."),
    aus_only(f"{SMILE} Together, these signs in the cheeks and the mouth shape what is seen.", "AU6, AU12"),
    label_only("The cheeks are lifted and the lip corners rise. These cues speak of joy and ease.", "happiness"),
]


@pytest.mark.parametrize(("name", "params", "row", "reason"), FAILING, ids=lambda one: one if type(one) is str else "")
def test_a_row_fails_its_gate_for_exactly_this_reason(
    name: str, params: dict[str, Any], row: Candidate, reason: str
) -> None:
    (verdict,) = judge(row, [Gate(name=name, params=params)])
    assert (verdict.ok, verdict.reason) == (False, reason)


@pytest.mark.parametrize(("name", "params", "texts", "reason"), FAILING_SETS, ids=lambda one: str(one)[:20])
def test_the_last_row_fails_its_set_gate_and_the_first_is_named(
    name: str, params: dict[str, Any], texts: list[str], reason: str
) -> None:
    admission = Admission(Panel([Gate(name=name, params=params)]), {"cell": 99})
    verdicts = [admission.judge("cell", row)[0] for row in rows(texts)]
    assert [verdict.ok for verdict in verdicts[:-1]] == [True] * (len(texts) - 1)
    assert (verdicts[-1].ok, verdicts[-1].reason) == (False, reason)
    assert "row-0" in verdicts[-1].detail
    assert admission.kept == {"cell": len(texts) - 1}


def rows(texts: Sequence[str]) -> list[Candidate]:
    made = [label_only(text, "happiness") for text in texts]
    return [replace(one, sample=replace(one.sample, id=f"row-{number}")) for number, one in enumerate(made)]


@pytest.mark.parametrize("clean", CLEAN, ids=["au+emotion", "au", "emotion"])
def test_clean_texts_pass_every_gate(clean: Candidate) -> None:
    names = [name for name in gate_names() if name != "drill"]
    panel = Panel([Gate(name=name) for name in names])
    verdicts = panel.judge(replace(clean, judge=8.0)) + Admission(panel, {"cell": 1}).judge("cell", clean)
    assert {verdict.gate for verdict in verdicts} == set(names)
    assert rejection(verdicts) is None


def test_every_gate_has_a_failing_case() -> None:
    failing = {name for name, *_ in FAILING} | {name for name, *_ in FAILING_SETS}
    assert failing == set(gate_names()) - {"plausibility"}  # a soft score, see test_gates_text.py


def table() -> dict[str, list[str]]:
    lines = (line for line in PAGE.read_text().splitlines() if line.startswith("| `"))
    rows_ = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in rows_}


def test_the_page_lists_every_gate_with_its_parameters_and_default() -> None:
    page = table()
    assert sorted(page) == list(gate_names())
    on = {gate.name for gate in DEFAULT_GATES}
    for name, (_, _, params, default) in page.items():
        made = (registry._SET_GATES if is_set_gate(name) else registry._GATES)[name]
        known = {p.name: p.default for p in inspect.signature(made).parameters.values() if p.default is not p.empty}
        assert re.findall(r"`([^`]+)`", params) == [f"{key}={value}" for key, value in known.items()], name
        assert default == ("on" if name in on else "off"), name


def test_the_page_lists_exactly_the_reasons_that_have_a_failing_case() -> None:
    shown = defaultdict(list)
    for name, _, _, reason in [*FAILING, *FAILING_SETS]:
        shown[name].append(reason)
    assert {name: re.findall(r"`(\w+)`", cells[0]) for name, cells in table().items()} == {
        name: shown[name] for name in table()
    }
    assert shown["grammar"] == list(FAULTS)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Gate(name="words", params={"least": -1}), "parameter `least` of the gate words"),
        (Gate(name="repetition", params={"least": 2}), "parameter `least` of the gate repetition"),
        (Gate(name="au_words", params={"bare": "maybe"}), "parameter `bare` of the gate au_words"),
        (Gate(name="near_duplicate", params={"most": 1}), "parameter `most` of the gate near_duplicate"),
        (Gate(name="opening", params={"lenght": 3}), "Found: lenght. Expected: only words, share, least"),
        (Gate(name="leak", params={"words": []}), "Found: words. Expected: no parameters"),
    ],
)
def test_a_wrong_parameter_of_a_recipe_is_named(spec: Gate, message: str) -> None:
    with pytest.raises(registry.UsageError, match=re.escape(message)):
        resolve(spec)


def test_a_gate_for_a_corpus_that_the_recipe_lacks_is_named() -> None:
    part = {"corpus": "disfa", "split": "train", "rows": 1}
    gates = [{"name": "grammar"}, {"name": "label", "corpora": ["disfa", "fer"]}]
    raw = {"name": "x", "corpora": {"disfa": None}, "select": {"parts": [part]}, "gates": gates}
    with pytest.raises(registry.UsageError, match=r"gates\.1\.corpora\.fer is `fer`"):
        load_recipe(raw)


def test_knowing_the_gates_loads_no_heavy_library() -> None:
    code = "import sys; from curation.gates.registry import gate_names; gate_names(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"py3langid", "datasketch", "scipy", "torch", "cv2"} & set(loaded)


def test_a_gate_for_some_corpora_is_not_asked_about_others() -> None:
    row = both("The cheeks are lifted (AU6).")
    exact, lenient = Gate(name="au_set", corpora=("mine",)), Gate(name="au_set", params={"mode": "subset"})
    assert rejection(judge(row, [exact])) is not None
    assert judge(row, [Gate(name="au_set", corpora=("other",)), lenient]) == judge(row, [lenient])
    admission = Admission(Panel([Gate(name="opening", params={"least": 1}, corpora=("other",))]), {"cell": 9})
    assert [admission.judge("cell", one) for one in rows(["A b c d.", "A b c d."])] == [[], []]
