"""The one strict parser: its grammar, its answers, its speed, and that nothing makes it raise."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.emotions import EMOTIONS
from facial_r1.errors import UsageError
from facial_r1.facs import REGISTRY, sort_codes
from facial_r1.response import EMPTY, FAULTS, Response, canonical_answer, parse, predicted_aus, predicted_unknown

GOOD = "<think>The lip corners rise (AU12).</think><answer>happiness</answer>"


def answered(answer: str, **options: tuple[str, ...]) -> Response:
    return parse(f"<think>x</think><answer>{answer}</answer>", **options)


@pytest.mark.parametrize(
    "text", [GOOD, f"\n {GOOD}\n", GOOD.replace("><", ">\n\n<"), "<think>\na < b\n</think>\t<answer> x </answer>"]
)
def test_well_formed(text: str) -> None:
    response = parse(text)
    assert response.well_formed
    assert response.faults == ()
    assert response.text == text


@pytest.mark.parametrize(
    ("text", "faults", "think", "answer"),
    [
        ("", ["no_think", "no_answer"], None, None),
        ("plain words", ["no_think", "no_answer", "text_outside"], None, None),
        ("<answer>joy</answer>", ["no_think"], None, "joy"),
        ("<think>a</think>", ["no_answer"], "a", None),
        ("<think>a</think><think>b</think><answer>joy</answer>", ["two_thinks"], None, "joy"),
        ("<think>a</think><answer>joy</answer><answer>fear</answer>", ["two_answers"], "a", None),
        ("<think>a</think><answer>joy</answer></answer>", ["two_answers", "unopened_tag"], "a", None),
        ("<answer>joy</answer><think>a</think>", ["wrong_order"], "a", "joy"),
        ("</think>a<think><answer>joy</answer>", ["wrong_order", "nested_tags", "text_outside"], None, "joy"),
        ("<think></think><answer>joy</answer>", ["empty_think"], "", "joy"),
        ("<think>a</think><answer> \n</answer>", ["empty_answer"], "a", ""),
        ("so: <think>a</think><answer>joy</answer>", ["text_outside"], "a", "joy"),
        ("<think>a</think>so<answer>joy</answer>", ["text_outside"], "a", "joy"),
        ("<think>a</think><answer>joy</answer>.", ["text_outside"], "a", "joy"),
        ("<think>a<answer>joy</answer></think>", ["nested_tags"], "a", "joy"),
        ("<think>a<think>b</think></think><answer>joy</answer>", ["two_thinks", "nested_tags"], None, "joy"),
        ("<think>a<answer>joy</answer>", ["unclosed_tag"], "a", "joy"),
        ("<think>a</think><answer>joy", ["unclosed_tag"], "a", "joy"),
        ("<think>cut off in the mid", ["no_answer", "unclosed_tag"], "cut off in the mid", None),
        ("a</think><answer>joy</answer>", ["unopened_tag"], "a", "joy"),
        ("<Think>a</Think><answer>joy</answer>", ["no_think", "text_outside"], None, "joy"),
        ("<think >a</think><answer>joy</answer>", ["unopened_tag"], "<think >a", "joy"),
    ],
)
def test_faults_and_what_can_still_be_read(text: str, faults: list[str], think: str | None, answer: str | None) -> None:
    response = parse(text)
    assert list(response.faults) == faults
    assert (response.think, response.answer) == (think, answer)
    assert not response.well_formed


def test_every_fault_is_documented_and_seen_above() -> None:
    cases = next(mark for mark in test_faults_and_what_can_still_be_read.pytestmark).args[1]
    assert {fault for case in cases for fault in case[1]} == set(FAULTS)


@pytest.mark.parametrize(
    ("answer", "labels", "rest"),
    [
        ("happiness", ["happiness"], []),
        ("Happy.", ["happiness"], []),
        (" ANGRY! ", ["anger"], []),
        ("'sad'", ["sadness"], []),
        ("happiness and surprise", ["happiness", "surprise"], []),
        ("happy, surprised", ["happiness", "surprise"], []),
        ("happy surprise", ["happiness", "surprise"], []),
        ("surprise/fear", ["surprise", "fear"], []),
        ("happy, joy, happiness", ["happiness"], []),
        ("no expression", ["neutral"], []),
        ("bored", [], ["bored"]),
        ("bored and happy", ["happiness"], ["bored"]),
        ("The emotion is happiness", [], ["the emotion is happiness"]),
        ("shocked", [], ["shocked"]),
        ("AU12 happiness", ["happiness"], []),
        ("42", [], ["42"]),
        (".", [], []),
    ],
)
def test_emotion_answers(answer: str, labels: list[str], rest: list[str]) -> None:
    response = answered(answer)
    assert list(response.answer_labels) == labels
    assert list(response.answer_rest) == rest


def test_a_label_set_adds_words() -> None:
    assert answered("Confusion").answer_labels == ()
    response = answered("Confusion, mixed feelings", label_set=("confusion", "Mixed feelings"))
    assert response.answer_labels == ("confusion", "mixed feelings")
    assert response.answer_rest == ()


@pytest.mark.parametrize(
    ("answer", "aus", "rest", "is_list"),
    [
        ("AU6, AU12", ["AU6", "AU12"], [], True),
        ("AU12, AU06", ["AU6", "AU12"], [], True),
        ("AUs 6, 12 and 25.", ["AU6", "AU12", "AU25"], [], True),
        ("AU6+12; AD19", ["AU6", "AU12", "AD19"], [], True),
        ("AU6\nAU12", ["AU6", "AU12"], [], True),
        ("none", [], [], True),
        ("None.", [], [], True),
        ("AU6, AU99", ["AU6"], ["AU99"], False),
        ("AU6, no AU4", ["AU6"], ["AU4", "no"], False),
        ("AU6 and happiness", ["AU6"], [], False),
        ("6, 12", [], ["6", "12"], False),
        ("nothing", [], ["nothing"], False),
    ],
)
def test_action_unit_answers(answer: str, aus: list[str], rest: list[str], is_list: bool) -> None:
    response = answered(answer)
    assert list(response.answer_aus) == aus
    assert list(response.answer_rest) == rest
    assert response.answers_aus is is_list


def test_silence_claims_no_list() -> None:
    assert not EMPTY.answers_aus
    assert not parse("<think>a</think><answer></answer>").answers_aus
    assert parse("") == EMPTY


def test_claims() -> None:
    response = parse(
        "<think>AU12, AU2, AU12, no AU4; AU99, without AU98, perhaps AU1; AU19</think><answer>joy</answer>"
    )
    assert response.claimed_aus == ("AU1", "AU2", "AU12", "AD19")
    assert response.unknown_numbers == (99,)
    assert len(response.mentions) == 8


def test_offsets_count_from_the_stripped_reasoning() -> None:
    response = parse("<think>\n  Brows down (AU4).\n</think><answer>anger</answer>")
    (mention,) = response.mentions
    assert response.think is not None
    assert response.think[mention.start : mention.end] == "AU4"


def test_predicted_aus_follow_the_task() -> None:
    response = parse("<think>AU4 and AU7</think><answer>AU7</answer>")
    assert predicted_aus(response, "au") == ("AU7",)
    assert predicted_aus(response, "au+emotion") == ("AU4", "AU7")
    assert predicted_aus(response, "emotion") == ()


def test_predicted_unknown_numbers_follow_the_task() -> None:
    response = parse("<think>AU4, AU98 and AU98; no AU97</think><answer>AU4, AU99</answer>")
    assert predicted_unknown(response, "au") == (99,)
    assert predicted_unknown(response, "au+emotion") == (98,)
    assert predicted_unknown(response, "emotion") == ()


@pytest.mark.parametrize("predicted", [predicted_aus, predicted_unknown])
def test_an_unknown_task_is_an_error(predicted: Callable[[Response, str], object]) -> None:
    with pytest.raises(UsageError, match=r"unknown task. Found: aus. Expected: one of au\+emotion, au, emotion"):
        predicted(EMPTY, "aus")


def test_text_without_tags_claims_nothing() -> None:
    assert parse("AU12, so happiness").claimed_aus == ()


TAGS = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<",
    ">",
    "AU6",
    " no ",
    "AU",
    "12",
    "happy",
    " and ",
    ", ",
    "none",
]


@given(st.text() | st.lists(st.sampled_from(TAGS), max_size=30).map("".join))
def test_any_text_is_parsed(text: str) -> None:
    response = parse(text)
    assert set(response.faults) <= FAULTS.keys()
    assert list(response.faults) == [code for code in FAULTS if code in response.faults]
    assert response.well_formed == (
        response.think not in (None, "")
        and response.answer not in (None, "")
        and [text.count(tag) for tag in TAGS[:4]] == [1, 1, 1, 1]
        and text.strip().startswith("<think>")
        and text.strip().endswith("</answer>")
        and text[text.index("</think>") + 8 : text.index("<answer>")].strip() == ""
        and text.index("<answer>") > text.index("</think>") > text.index("<think>")
    )
    for mention in response.mentions:
        assert response.think is not None
        assert response.think[mention.start : mention.end].strip()


AUS = st.sets(st.sampled_from(sorted(REGISTRY)), max_size=8)


@given(AUS, st.sampled_from(EMOTIONS))
def test_what_is_written_is_read(aus: set[str], emotion: str) -> None:
    sentences = " ".join(f"{REGISTRY[au].description} ({au})." for au in sorted(aus)) or "At rest."
    response = parse(f"<think>{sentences}</think><answer>{emotion}</answer>")
    assert response.claimed_aus == tuple(sort_codes(aus))
    assert response.answer_labels == (emotion,)
    listed = answered(canonical_answer(aus))
    assert listed.answer_aus == tuple(sort_codes(aus))
    assert listed.answers_aus


HOSTILE = {
    "tags": "<think>" * 43_000,
    "pairs": "<think>a</think><answer>b</answer>" * 9_000,
    "brackets": "<" * 300_000,
    "denials": "<think>AU1 " + "no " * 100_000,
    "denied": "<think>" + "no AU1, " * 37_000,
    "carried": "<think>AU1 " + "no ," * 75_000,
    "predicates": "<think>" + "AU1 is absent " * 21_000,
    "heads": "<think>" + "AU " * 100_000,
    "glued": "<think>" + "AU1" * 100_000,
    "plural": "<think>AUs 1" + ", 1" * 100_000 + " people",
    "singular": "<think>" + "AU1, 2, " * 37_000 + "people",
    "blanks": "<think>AU" + " " * 300_000,
    "lines": "<think>no AU1" + "\n" * 300_000,
    "digits": "<think>AU" + "1" * 300_000,
    "zeros": "<think>AU" + "0" * 300_000,
    "parentheses": "<think>AU1 no" + " (" * 150_000,
    "glosses": "<think>AUs 1" + " (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 6_000,
    "sentences": "<think>" + "no AU1. maybe AU2! " * 16_000,
    "one sentence": "<think>" + "no AU1 or AU2 and " * 17_000,
    "doubts": "<think>" + "maybe AU1, " * 27_000,
    "stops": "<think>no AU1" + "." * 300_000,
    "idioms": "<think>AU1 " + "not only " * 33_000,
    "apart": "<think>AU1 no " + "free   " * 43_000,
    "commas": "<think>no AU1" + "," * 300_000,
    "ranges": "<think>AU1" + "-2-4" * 75_000,
    "letters": "<think>no " + "AURLM" * 60_000,
    "growing": "<think>no AU1 " + "İ" * 300_000,
    "answers": "<answer>" + "happy and " * 30_000,
    "lists": "<answer>" + "AU1, " * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_linear_time(name: str) -> None:
    text = HOSTILE[name]
    started = time.process_time()
    parse(text)
    assert time.process_time() - started < 4  # about 0.5 s alone; a quadratic pattern takes minutes


def test_speed() -> None:
    sentence = "The brows are pulled together above narrowed lids and the lips are pressed hard (AU24). "
    texts = [f"<think>{n}: {sentence * 6}</think><answer>anger</answer>" for n in range(1000)]
    started = time.process_time()
    for text in texts:
        parse(text)
    rate = len(texts) / (time.process_time() - started)
    assert rate > 5_000, f"{rate:.0f} texts/s; about 20,000 on an idle core"


ANGER = """<think>
The brows are pulled down and together, cutting a furrow between them (AU4), and the upper lids are raised so that more
white shows (AU5); the lower lids are tense (AU 7). Below, the lips are pressed into a line (Action Unit 24). There is
no smile (AU12) and the nose stays smooth. Lowered brows with a fixed stare and a hard mouth lead to anger.
</think>
<answer>Anger</answer>
"""
DISFA_LIKE = (
    "<think>Lifted cheeks and lip corners (AUs 6 and 12), parted lips (AU25).</think><answer>AU6, AU12, AU25</answer>"
)
RESTING = "<think>Brows, lids and lips rest in their relaxed positions.</think><answer>none</answer>"
REFUSAL = "I'm sorry, but I can't judge a person's emotion from a picture."
CUT_OFF = "<think>The brows are pulled down (AU4), the lids are tense (AU7) and the lips"
CHATTY = f"Sure! Here is my analysis:\n{DISFA_LIKE}\nLet me know if you need more."


def test_replies_as_models_write_them() -> None:
    anger = parse(ANGER)
    assert anger.well_formed
    assert anger.claimed_aus == ("AU4", "AU5", "AU7", "AU24")
    assert [m.code for m in anger.mentions if m.negated] == ["AU12"]
    assert anger.answer_labels == ("anger",)

    smile = parse(DISFA_LIKE)
    assert smile.well_formed
    assert smile.claimed_aus == smile.answer_aus == ("AU6", "AU12", "AU25")

    resting = parse(RESTING)
    assert resting.well_formed
    assert resting.answers_aus
    assert resting.claimed_aus == resting.answer_aus == ()


def test_replies_that_go_wrong_say_why() -> None:
    assert parse(REFUSAL).faults == ("no_think", "no_answer", "text_outside")
    cut_off = parse(CUT_OFF)
    assert cut_off.faults == ("no_answer", "unclosed_tag")
    assert cut_off.claimed_aus == ("AU4", "AU7")
    chatty = parse(CHATTY)
    assert chatty.faults == ("text_outside",)
    assert chatty.answer_aus == ("AU6", "AU12", "AU25")
