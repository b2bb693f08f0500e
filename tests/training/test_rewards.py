"""Rewards: their values by hand, every trap of the reference implementation, and who must not win."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.errors import UsageError
from facial_r1.facs import REGISTRY
from training import elsewhere
from training.rewards import REWARDS, Scores, accuracy, au_f1, format, length, prose, resolve

SCORED = ["AU1", "AU4", "AU6", "AU12", "AU25"]
GOOD = "<think>The cheeks are raised (AU6), the lip corners pulled up (AU12).</think><answer>happiness</answer>"


def truth(text: str, **changes: Any) -> dict[str, Any]:
    """The columns of one row, and a completion."""
    plain = {"AUs": ["AU6", "AU12"], "au_annotated": SCORED, "labels": ["happiness"], "form": "au+emotion", **changes}
    return {"completions": [text], **{name: [value] for name, value in plain.items()}}


def scores(text: str, **changes: Any) -> tuple[float | None, float | None, float | None]:
    columns = truth(text, **changes)
    return au_f1(**columns)[0], accuracy(**columns)[0], format(**columns)[0]


def total(text: str, **changes: Any) -> float:
    return sum(score for score in scores(text, **changes) if score is not None)


def test_a_right_answer_earns_everything() -> None:
    assert scores(GOOD) == (1, 1, 1)
    assert scores("<think>At rest.</think><answer>neutral</answer>", AUs=[], labels=["neutral"]) == (1, 1, 1)
    assert scores("<think>The cheeks (AU6).</think><answer>AU6, AU12</answer>", form="au", labels=[]) == (1, None, 1)
    assert scores("<think>At rest.</think><answer>none</answer>", form="au", labels=[], AUs=[]) == (1, None, 1)


def test_r_au_is_the_f1_of_the_row() -> None:
    one_right_one_wrong = GOOD.replace("AU12", "AU4")
    assert scores(one_right_one_wrong)[0] == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert au_f1(**truth(one_right_one_wrong), signed=True) == [0.0]
    assert au_f1(**truth(GOOD.replace("AU6", "").replace("AU12", "")), signed=True) == [-1.0]


def test_many_rows_come_back_in_their_order() -> None:
    rows = [truth(GOOD), truth("nothing"), truth(GOOD, au_annotated=[], labels=[])]
    columns = {name: [one[name][0] for one in rows] for name in rows[0]}
    assert au_f1(**columns) == [1, 0, None]
    assert accuracy(**columns) == [1, 0, None]
    assert format(**columns) == [1, 0, 1]


def test_completions_may_be_messages_as_trl_gives_them() -> None:
    columns = {**truth(GOOD), "completions": [[{"role": "assistant", "content": GOOD}]]}
    assert (au_f1(**columns), accuracy(**columns), format(**columns)) == ([1], [1], [1])


# The traps, by their numbers in the list of what the reference implementation does.
TRAPS: list[tuple[str, Any, Any]] = [
    ("16: a denied unit is no claim", scores(GOOD.replace(").<", "); no AU4.<"))[0], 1),
    ("17: a row without AUs is no crash", scores(GOOD, AUs=[], au_annotated=[]), (None, 1, 1)),
    ("19: a unit outside the table is no crash", scores(GOOD, AUs=["AU33"], au_annotated=["AU33"])[0], 0),
    ("24: a label made of the tag's letters", scores(GOOD.replace("happiness", "ease"))[1], 0),
    ("24: awe is no half reward", scores(GOOD.replace("happiness", "awe"))[1], 0),
    ("25: case and full stop", scores(GOOD.replace(">happiness<", ">Happiness.<"))[1], 1),
    ("25: a synonym", scores(GOOD.replace(">happiness<", ">Happy<"))[1], 1),
    ("25: the second of two true labels", scores(GOOD, labels=["surprise", "happiness"])[1], 1),
    ("25: a formula is no label", scores(GOOD.replace(">happiness<", ">$1$<"), labels=["neutral"])[1], 0),
    ("26: no answer tag, nothing to compare", scores("happiness"), (0, 0, 0)),
    ("27: a final newline is no fault", scores(f"\n{GOOD}\n")[2], 1),
    ("27: empty blocks", scores("<think></think><answer></answer>"), (0, 0, 0)),
    ("27: text between the blocks", scores(GOOD.replace("><a", "> so <a"))[2], 0),
    ("27: nested tags", scores(f"<think>{GOOD}</think><answer>happiness</answer>")[2], 0),
    ("27: a second answer behind it", scores(f"{GOOD}<answer>sadness</answer>")[2], 0),
    ("28: AU 6 and AUs 6 and 12", scores(GOOD.replace("(AU6)", "").replace("(AU12)", "(AUs 6 and 12)"))[0], 1),
    ("28: AU6+12", scores(GOOD.replace("(AU6)", "").replace("(AU12)", "(AU6+12)"))[0], 1),
    ("28: AU06 is AU6", scores(GOOD.replace("AU6", "AU06"))[0], 1),
    ("28: AU123 is not AU12", scores(GOOD.replace("AU12", "AU123"))[0], 0.5),
    ("28: sides and intensities", scores(GOOD.replace("AU6", "AU6C").replace("AU12", "AUL12"))[0], 1),
    ("29: a claim about a face at rest costs", scores(GOOD, AUs=[])[0], 0),
    ("30: a number beside another feature", prose(**truth(GOOD.replace("AU12", "AU4"))), [0.5]),
    ("31: the length does not overwrite correctness", scores(GOOD)[1] == 1 and length([GOOD])[0], 11 / 20),
    ("32: an AU-only row has no accuracy", scores(GOOD, labels=[])[1], None),
]


@pytest.mark.parametrize(("found", "wanted"), [one[1:] for one in TRAPS], ids=[one[0] for one in TRAPS])
def test_a_trap_of_the_reference_is_none_here(found: Any, wanted: Any) -> None:
    assert found == pytest.approx(wanted) if isinstance(wanted, float) else found == wanted


CHEATS = {
    "empty": "",
    "empty blocks": "<think> </think><answer> </answer>",
    "tag spam": GOOD * 3,
    "every unit": f"<think>{' '.join(REGISTRY)}</think><answer>happiness</answer>",
    "every emotion": GOOD.replace(">happiness<", ">anger, disgust, fear, happiness, sadness, surprise<"),
    "denied": "<think>There is no AU6 and no AU12.</think><answer>happiness</answer>",
    "invented numbers": GOOD.replace("(AU12)", "(AU12, AU88, AU99)"),
    "truth outside the tags": "AU6 AU12 happiness <think>A face.</think><answer>sadness</answer>",
}


@pytest.mark.parametrize("text", CHEATS.values(), ids=list(CHEATS))
def test_a_cheat_never_earns_what_a_right_answer_does(text: str) -> None:
    assert total(text) < total(GOOD) - 0.3


@pytest.mark.parametrize("form", ["au+emotion", "au", "emotion"])
def test_silence_earns_nothing_where_nothing_is_active(form: str) -> None:
    labels = [] if form == "au" else ["neutral"]
    for text in ("", "<think></think><answer></answer>", "<think>At rest.</think>"):
        assert total(text, AUs=[], labels=labels, form=form) == 0


def test_denial_pays_less_than_a_claim_and_all_units_less_than_a_guess() -> None:
    assert scores(CHEATS["denied"])[0] == 0
    every = scores(CHEATS["every unit"])[0]
    assert every == pytest.approx(2 * 2 / (2 * 2 + 3))
    guess = scores(GOOD.replace("(AU12)", ""))[0]
    assert guess == pytest.approx(2 / 3)
    assert guess > every


def test_claims_that_nobody_annotated_count_neither_way_but_are_told() -> None:
    told: list[tuple[str, float]] = []
    spam = GOOD.replace("(AU6)", "(AU6, AU9, AU10, AU17)")
    assert au_f1(**truth(spam), log_metric=lambda name, value: told.append((name, value))) == [1]
    assert told == [("claims_unscored", 3)]


def test_the_rule_and_the_words_of_the_recipe_count() -> None:
    both = truth(GOOD.replace(">happiness<", ">happiness and surprise<"), labels=["happiness", "surprise"])
    assert accuracy(**both) == accuracy(**both, label_rule="set") == [1]
    assert accuracy(**truth(GOOD, labels=["happiness", "surprise"]), label_rule="set") == [0]
    odd = truth(GOOD.replace(">happiness<", ">Confusion<"), labels=["confusion"])
    assert accuracy(**odd) == [0]
    assert accuracy(**odd, label_set=["confusion"]) == [1]


def test_length_rises_to_the_least_and_falls_behind_the_most() -> None:
    def words(count: int) -> Scores:
        return length([f"<think>{'a ' * count}</think><answer>fear</answer>"], least=10, most=20)

    assert [words(count)[0] for count in (0, 5, 10, 20, 30, 40, 80)] == [0, 0.5, 1, 1, 0.5, 0, 0]


@given(st.text(alphabet="<think>/answer AU0123456789happiness\n()", max_size=120))
def test_any_text_has_scores_in_their_range(text: str) -> None:
    columns = truth(text)
    for name in REWARDS:
        (score,) = REWARDS[name](**columns)
        assert score is not None
        assert 0 <= score <= 1


def test_an_unknown_reward_or_parameter_says_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"unknown reward.*'?iou'?.*one of au_f1, accuracy, format, length, prose"):
        resolve("iou", {})
    with pytest.raises(UsageError, match=r"unknown parameter of the reward au_f1.*beta.*only signed"):
        resolve("au_f1", {"beta": 2})
    with pytest.raises(UsageError, match=r"`length` needs 0 < least"):
        resolve("length", {"least": 0})
    with pytest.raises(UsageError, match=r"unknown label rule"):
        resolve("accuracy", {"label_rule": "first"})(**truth(GOOD))
    assert resolve("au_f1", {"signed": True}).__name__ == "au_f1"


def test_ms_swift_calls_objects_and_gets_nan_where_nothing_applies() -> None:
    columns = truth(GOOD, labels=[])
    texts = columns.pop("completions")
    made = {name: kind(None, model="any") for name, kind in elsewhere.SWIFT.items()}
    assert made["facial_r1_au_f1"](texts, **columns, messages=[[]]) == [1]
    assert math.isnan(made["facial_r1_accuracy"](texts, **columns)[0])
    assert {type(one).__name__ for one in made.values()} >= {"SwiftAuF1", "SwiftFormat"}


def test_verl_loads_the_file_and_gets_the_same_keys_for_every_row() -> None:
    path = Path(elsewhere.__file__)
    spec = importlib.util.spec_from_file_location("custom_module", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    truth_of_row = {"AUs": np.array(["AU6", "AU12"]), "au_annotated": np.array(SCORED), "labels": np.array(["fear"])}
    whole = module.compute_score("raf_au", GOOD, {**truth_of_row, "form": "au+emotion"}, {"index": 1})
    assert whole == {"score": 2.0, "au_f1": 1.0, "accuracy": 0.0, "format": 1.0}
    part = module.compute_score("disfa", GOOD, {**truth_of_row, "labels": np.array([]), "form": "au+emotion"})
    assert part.keys() == whole.keys()
    assert math.isnan(part["accuracy"])
    assert part["score"] == 2.0
