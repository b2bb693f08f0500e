"""The rewards: golden values for every pitfall of the reference, who must not win, and the three ways they are called.

Numbers in the names of tests are those of the pitfalls that the tests guard against.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.emotions import EMOTIONS
from facial_r1.errors import UsageError
from facial_r1.facs import REGISTRY
from facial_r1.response import parse
from facial_r1.scoring import au_f1 as row_f1
from training import elsewhere
from training.elsewhere import SWIFT, compute_score
from training.rewards import REWARDS, accuracy, au_f1, format, length, prose, resolve

SCORED = ["AU1", "AU4", "AU6", "AU12"]
BROKEN = ["", " ", "happiness", "<think></think><answer></answer>", "AU6 AU12", "<think>" * 40]


def say(think: str, answer: str = "happiness") -> str:
    return f"<think>{think}</think><answer>{answer}</answer>"


def aus(text: Any, true: Sequence[str], scored: Sequence[str] = SCORED, form: str = "au+emotion", **more: Any) -> Any:
    return au_f1([text], AUs=[true], au_annotated=[scored], form=[form], **more)[0]


def acc(text: Any, *labels: str, **more: Any) -> Any:
    return accuracy([text], labels=[labels], **more)[0]


GOLDEN = [
    ("all found", say("The cheeks rise (AU6) and the corners too (AU12)."), ["AU6", "AU12"], 1.0),
    ("half found", say("The cheeks rise (AU6)."), ["AU6", "AU12"], 2 / 3),
    ("one wrong", say("The cheeks rise (AU6), the brow is lowered (AU4)."), ["AU6"], 2 / 3),
    ("none right", say("The brow is lowered (AU4)."), ["AU6"], 0.0),
    ("repeated once counts", say("AU6, AU6, AU6 and AU6."), ["AU6", "AU12"], 2 / 3),
    ("16: denied is not claimed", say("There is no AU12; the brow is lowered (AU4)."), ["AU4"], 1.0),
    ("16: denying the truth wins nothing", say("There is no AU12."), ["AU12"], 0.0),
    ("28: a blank", say("The brow is lowered (AU 4)."), ["AU4"], 1.0),
    ("28: a list", say("AUs 6 and 12 are active."), ["AU6", "AU12"], 1.0),
    ("28: a sum", say("AU6+12 are active."), ["AU6", "AU12"], 1.0),
    ("28: zero padding", say("AU06 is active."), ["AU6"], 1.0),
    ("28: a side and an intensity", say("L12B is not seen, but AUL12B is."), ["AU12"], 1.0),
    ("28: an invented number", say("AU6 and AU123."), ["AU6"], 2 / 3),
    ("28: only an invented number", say("AU123."), [], 0.0),
    ("29: nothing active, nothing said", say("The face is at rest.", "neutral"), [], 1.0),
    ("29: nothing active, one claimed", say("The brow is lowered (AU4).", "neutral"), [], 0.0),
    ("outside the annotation: no harm", say("The cheeks rise (AU6), lips part (AU25)."), ["AU6"], 1.0),
    ("outside the annotation: no use", say("The lips part (AU25)."), ["AU6"], 0.0),
]


@pytest.mark.parametrize(("text", "true", "score"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_au_f1_golden(text: str, true: list[str], score: float) -> None:
    assert aus(text, true) == pytest.approx(score)
    assert aus(text, true, signed=True) == pytest.approx(2 * score - 1)


def test_19_a_unit_outside_the_table_raises_nothing() -> None:
    assert aus(say("The cheeks rise (AU6)."), ["AU33"], ["AU33"]) == 0.0


def test_17_a_row_without_annotation_has_no_score_and_raises_nothing() -> None:
    assert aus(say("The cheeks rise (AU6)."), [], [], form="emotion") is None
    assert aus(say("The cheeks rise (AU6)."), [], []) is None
    assert aus("", [], []) is None


def test_18_19_rewards_know_no_weight_of_a_row() -> None:
    """The score of a row does not depend on its batch, nor on how many units it has."""
    text, other = say("The cheeks rise (AU6)."), say("AU1 and AU4.")
    alone = aus(text, ["AU6"])
    both = au_f1([text, other], AUs=[["AU6"], SCORED], au_annotated=[SCORED] * 2, form=["au+emotion"] * 2)
    assert both[0] == alone == aus(other, ["AU1", "AU4"]) == 1.0


@pytest.mark.parametrize("label", sorted(EMOTIONS))
def test_24_25_case_and_punctuation_of_an_answer_do_not_matter(label: str) -> None:
    for written in (label, label.title(), f" {label}.", f"\n{label.upper()}\n"):
        assert acc(say("Some face.", written), label) == 1.0


def test_25_a_synonym_is_the_label_and_a_formula_is_none() -> None:
    assert acc(say("A smile.", "Happy"), "happiness") == 1.0
    assert acc(say("At rest.", "$1$"), "neutral") == 0.0


def test_24_words_made_of_the_letters_of_a_tag_are_read_whole() -> None:
    assert acc(say("Some face.", "awe"), "awe", label_set=["awe", "ease"]) == 1.0
    assert acc(say("Some face.", "ease"), "awe", label_set=["awe", "ease"]) == 0.0
    assert acc(say("Some face.", "awe"), "awe") == 0.0  # no label unless the recipe says so


def test_25_every_true_label_counts() -> None:
    assert acc(say("A blend.", "surprise"), "happiness", "surprise") == 1.0
    assert acc(say("A blend.", "surprise"), "happiness", "surprise", label_rule="set") == 0.0
    assert acc(say("A blend.", "surprise and happiness"), "happiness", "surprise", label_rule="set") == 1.0


def test_26_without_an_answer_tag_the_text_is_no_answer() -> None:
    assert acc("happiness", "happiness") == 0.0
    assert acc("<think>happiness</think>", "happiness") == 0.0
    assert acc("<think>A smile.</think><answer>happiness</answer><answer>happiness</answer>", "happiness") == 0.0


def test_32_no_label_is_none_and_not_a_constant() -> None:
    assert acc(say("Some face."), *[]) is None
    assert acc("", *[]) is None


FORMS = [
    ("as asked", say("A smile."), 1.0),
    ("27: a newline at the end", say("A smile.") + "\n", 1.0),
    ("27: a line between", "<think>A smile.</think>\n<answer>happiness</answer>", 1.0),
    ("27: empty blocks", "<think></think><answer></answer>", 0.0),
    ("27: blank blocks", "<think> </think><answer>\n</answer>", 0.0),
    ("27: text between", "<think>A smile.</think> so <answer>happiness</answer>", 0.0),
    ("27: text before", "Well. " + say("A smile."), 0.0),
    ("27: text behind", say("A smile.") + " Done.", 0.0),
    ("27: a second answer behind junk", say("A smile.") + " junk <answer>fear</answer>", 0.0),
    ("27: nested", "<think>A <think>smile.</think></think><answer>happiness</answer>", 0.0),
    ("27: the other order", "<answer>happiness</answer><think>A smile.</think>", 0.0),
    ("tag spam", say("A smile.") * 50, 0.0),
    ("cut short", "<think>A smile.</think><answer>happi", 0.0),
]


@pytest.mark.parametrize(("text", "score"), [case[1:] for case in FORMS], ids=[case[0] for case in FORMS])
def test_format_golden(text: str, score: float) -> None:
    assert format([text]) == [score]


def test_30_prose_ties_a_number_to_its_feature() -> None:
    own, other = say("The lip corners are pulled up (AU12)."), say("The nose is wrinkled (AU12).")
    assert prose([own, other, say("A smile.")], form=["au+emotion"] * 3) == [1.0, 0.0, 0.0]
    assert prose([own], form=["emotion"]) == [None]


def test_31_length_is_no_substitute_for_being_right_and_has_no_second_rise() -> None:
    scores = length([say(" ".join(["word"] * count)) for count in (1, 10, 20, 120, 180, 240, 1000)])
    assert scores == [0.05, 0.5, 1.0, 1.0, 0.5, 0.0, 0.0]
    assert length(["", "word " * 50]) == [0.0, 0.0]
    with pytest.raises(UsageError, match="0 < least ≤ most"):
        length(["x"], least=9, most=3)


GOOD = say("The cheeks rise (AU6), the lip corners are pulled up (AU12).")
CHEATS = {
    "empty": "",
    "empty blocks": say(" ", " "),
    "tag spam": GOOD * 3,
    "every unit": say(" ".join(REGISTRY)),
    "every emotion": GOOD.replace(">happiness<", ">anger, disgust, fear, happiness, sadness, surprise<"),
    "denied": say("There is no AU6 and no AU12."),
    "invented numbers": GOOD.replace("(AU12)", "(AU12, AU88, AU99)"),
    "truth outside the tags": f"AU6 AU12 happiness {say('A face.', 'sadness')}",
}


@pytest.mark.parametrize("text", CHEATS.values(), ids=list(CHEATS))
def test_a_cheat_never_earns_what_a_right_answer_does(text: str) -> None:
    def total(said: str) -> float:
        return float(aus(said, ["AU6", "AU12"]) + acc(said, "happiness") + format([said])[0])

    assert total(GOOD) == 3.0
    assert total(text) < 2.7


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("true", [[], ["AU6"], SCORED])
@pytest.mark.parametrize("form_", ["au+emotion", "au"])
def test_a_broken_answer_never_wins_not_even_where_nothing_is_active(text: str, true: list[str], form_: str) -> None:
    assert aus(text, true, form=form_) == 0.0
    assert acc(text, "happiness") == 0.0
    assert format([text]) == [0.0]


def test_a_text_cut_short_keeps_what_it_names_and_loses_the_rest() -> None:
    text = "<think>The cheeks rise (AU6).</think><answer>happi"
    assert (aus(text, ["AU6"]), acc(text, "happiness"), format([text])) == (1.0, 0.0, [0.0])


def test_a_broken_answer_that_spams_what_nobody_annotated_wins_nothing() -> None:
    assert aus("<think>The lips part (AU25).</think>", []) == 0.0
    assert aus("<think>The lips part (AU25).</think>", [], signed=True) == -1.0


def test_every_unit_at_once_is_worse_than_an_honest_half() -> None:
    every = say(", ".join(REGISTRY))
    honest = say("The cheeks rise (AU6).")
    scored = list(REGISTRY)
    assert aus(every, ["AU6", "AU12"], scored) < 0.15 < aus(honest, ["AU6", "AU12"], scored)
    assert aus(every, [], scored) == 0.0


def test_every_emotion_at_once_wins_nothing() -> None:
    every = say("Some face.", ", ".join(sorted(EMOTIONS)))
    for emotion in EMOTIONS:
        assert acc(every, emotion) == 0.0
    assert acc(every, *sorted(EMOTIONS)[:2]) == 0.0


def test_an_answer_with_anything_beside_the_label_is_wrong() -> None:
    for written in ("happiness or bored", "happiness AU12", "not happiness", "happiness, AU99"):
        assert acc(say("A smile.", written), "happiness") == 0.0


def test_the_task_au_is_read_from_the_answer() -> None:
    text = say("The brow is lowered (AU4).", "AU6, AU12")
    assert aus(text, ["AU6", "AU12"], form="au") == 1.0
    assert aus(text, ["AU4"], form="au+emotion") == 1.0
    assert aus(say("The face is at rest.", "none"), [], form="au") == 1.0
    assert aus(say("The face is at rest.", "happiness"), [], form="au") == 0.0
    assert aus(say("The face is at rest.", "AU99"), [], form="au") == 0.0


# The three signatures


def test_trl_hands_over_messages_columns_and_much_else() -> None:
    texts = [say("The cheeks rise (AU6), the lips part (AU25)."), say("A smile.", "fear")]
    logged: dict[str, float] = {}
    columns = {
        "prompts": [[{"role": "user", "content": "?"}]] * 2,
        "completions": [[{"role": "assistant", "content": text}] for text in texts],
        "completion_ids": [[1], [2]],
        "AUs": [["AU6"], []],
        "au_annotated": [SCORED, []],
        "labels": [[], ["happiness"]],
        "form": ["au+emotion", "emotion"],
        "id": ["a", "b"],
        "image": [object(), object()],
        "trainer_state": SimpleNamespace(global_step=1),
        "log_extra": lambda *_: None,
        "log_metric": logged.__setitem__,
    }
    assert {name: reward(**columns) for name, reward in REWARDS.items() if name in ("au_f1", "accuracy", "format")} == {
        "au_f1": [1.0, None],
        "accuracy": [None, 0.0],
        "format": [1.0, 1.0],
    }
    assert logged == {"claims_unscored": 0.5}


def test_swift_makes_an_object_and_takes_nan_for_what_does_not_apply() -> None:
    columns = {"AUs": [["AU6"], []], "au_annotated": [SCORED, []], "form": ["au+emotion", "emotion"]}
    found, missing = SWIFT["facial_r1_au_f1"]()([say("AU6."), say("A smile.")], **columns, solution=["", ""])
    assert found == 1.0
    assert math.isnan(missing)
    assert set(SWIFT) == {f"facial_r1_{name}" for name in REWARDS}
    assert SWIFT["facial_r1_format"](args=None)(["x"]) == [0.0]
    assert SWIFT["facial_r1_au_f1"].__name__ == "SwiftAuF1"


def test_verl_loads_the_file_by_its_path_and_reads_truth_from_arrays() -> None:
    spec = importlib.util.spec_from_file_location("custom_module", Path(elsewhere.__file__))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    truth = {"AUs": np.array(["AU6", "AU12"]), "au_annotated": np.array(SCORED), "labels": np.array(["fear"])}
    whole = module.compute_score("raf_au", GOOD, {**truth, "form": "au+emotion"}, {"index": 1})
    assert whole == {"score": 2.0, "au_f1": 1.0, "accuracy": 0.0, "format": 1.0}
    part = module.compute_score("disfa", GOOD, {**truth, "labels": np.array([]), "form": "au+emotion"})
    assert part.keys() == whole.keys(), "every row has the same keys"
    assert math.isnan(part["accuracy"])


def test_verl_gets_the_sum_and_its_parts() -> None:
    truth = {"AUs": ["AU6", "AU12"], "au_annotated": SCORED, "labels": ["happiness"], "form": "au+emotion"}
    found = compute_score(data_source="x", solution_str=say("AU6."), ground_truth=truth, extra_info=None)
    assert found == pytest.approx({"score": 2 + 2 / 3, "au_f1": 2 / 3, "accuracy": 1.0, "format": 1.0})
    emotion = compute_score("x", say("A smile."), {**truth, "au_annotated": [], "AUs": [], "form": "emotion"})
    assert math.isnan(emotion.pop("au_f1"))
    assert emotion == {"score": 2.0, "accuracy": 1.0, "format": 1.0}


def test_a_resolved_reward_keeps_its_name_and_its_parameters() -> None:
    bound = resolve("length", {"least": 1, "most": 2})
    assert (bound.__name__, bound([say("one two three")])) == ("length", [0.5])
    assert resolve("au_f1", {"signed": True})([""], AUs=[["AU6"]], au_annotated=[SCORED], form=["au"]) == [-1.0]


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(UsageError, match=r"unknown reward.*bleu.*au_f1, accuracy, format, length, prose"):
        resolve("bleu", {})
    with pytest.raises(UsageError, match=r"unknown parameter of the reward au_f1.*beta.*only signed"):
        resolve("au_f1", {"beta": 1})
    with pytest.raises(UsageError, match=r"unknown parameter of the reward format.*no parameters"):
        resolve("format", {"strict": True})


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("length", {"least": 0}, "`length` needs 0 < least"),
        ("length", {"least": "x"}, r"`least` of the reward length is of the wrong kind. Found: x. Expected: int"),
        ("length", {"most": True}, "`most` of the reward length is of the wrong kind"),
        ("au_f1", {"signed": 1}, r"`signed` of the reward au_f1 is of the wrong kind.*bool"),
        ("accuracy", {"label_rule": "first"}, "unknown label rule"),
        ("accuracy", {"label_set": "awe"}, r"`label_set` of the reward accuracy is of the wrong kind.*list"),
    ],
)
def test_a_wrong_value_is_refused_before_the_first_rollout(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(name, params)


# Properties

_codes = st.lists(st.sampled_from(sorted(REGISTRY)), max_size=6, unique=True)


@given(claimed=_codes, true=_codes, scored=_codes)
def test_au_f1_of_a_well_formed_text_is_that_of_scoring(claimed: list[str], true: list[str], scored: list[str]) -> None:
    text = say(" ".join(f"A feature ({code})." for code in claimed) or "Nothing moves.")
    assert set(parse(text).claimed_aus) == set(claimed)
    assert aus(text, true, scored) == row_f1(claimed, true, scored)


@given(
    text=st.text(alphabet=st.sampled_from("<>/thinkaswer AU612,.\nhappiness")) | st.text(), true=_codes, scored=_codes
)
def test_whatever_a_model_writes_every_reward_is_a_number_in_range(
    text: str, true: list[str], scored: list[str]
) -> None:
    columns: dict[str, Any] = {"AUs": [true], "au_annotated": [scored], "labels": [["fear"]], "form": ["au+emotion"]}
    for name, reward in REWARDS.items():
        score = reward([text], **columns)[0]
        assert score is None if name == "au_f1" and not scored else score is not None and 0.0 <= score <= 1.0
