"""The gates on a text alone: what they let pass, what they measure, and what they say."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_gates import SCORED, aus_only, both, candidate, label_only

from curation.gates.au_words import au_words
from curation.gates.judged import judge_score, reviews
from curation.gates.language import language
from curation.gates.leak import _LEAKED as LEAKED
from curation.gates.leak import PROMPT_WORDS, leak
from curation.gates.plausibility import plausibility
from curation.gates.refusal import _REFUSED as REFUSED
from curation.gates.refusal import refusal
from curation.gates.registry import Candidate, Panel, Ruling, rejection
from curation.gates.repetition import repetition
from curation.gates.text import vocabulary
from curation.gates.words import words
from facial_r1.emotions import EMOTIONS
from facial_r1.errors import UsageError
from facial_r1.facs import sort_codes
from facial_r1.inference.backends.template import write
from facial_r1.inference.protocol import Facts
from facial_r1.recipe import DEFAULT_GATES
from facial_r1.response import negative_words, parse, uncertain_words
from facial_r1.reviews import Review, text_hash
from facial_r1.sample import Meta, Sample
from facial_r1.wording import words_of

GERMAN = "Die Mundwinkel sind nach oben gezogen und die Wangen heben sich, was zusammen eine große Freude zeigt."
CHINESE = (
    "嘴角明显上扬,脸颊抬高,眼睛周围出现细小的皱纹,眉毛保持放松,嘴唇微微张开,"
    "露出上排牙齿,整体表情显得自然而愉快,这些特征共同表明这个人感到高兴和放松。"
)


def told(think: str) -> Candidate:
    return label_only(think, "happiness")


def test_no_text_of_the_template_teacher_trips_a_default_gate() -> None:
    panel = Panel(DEFAULT_GATES)
    for number in range(1_500):
        dice = random.Random(number)
        task = ("au", "au+emotion", "emotion")[number % 3]
        aus = sort_codes(dice.sample(SCORED, dice.randint(0, 6))) if task != "emotion" else []
        labels = [dice.choice(EMOTIONS)] if task != "au" else []
        text = write(Facts(task, tuple(aus), tuple(labels)), sha256(str(number).encode()).hexdigest())
        meta = Meta(au_annotated=SCORED if task != "emotion" else [], label_set=list(EMOTIONS) if labels else [])
        sample = Sample("x", "mine", AUs=aus, labels=labels, meta_info=meta)
        assert rejection(panel.judge(Candidate(sample, "ok", parse(text)))) is None, text


def test_au_words_measures_the_share_that_fits_and_names_what_does_not() -> None:
    ruling = au_words(both("The cheeks are lifted (AU6), the lips are parted (AU12), AU25 too, brows up (AU4)."))
    assert (ruling.ok, ruling.reason, ruling.value) == (False, "words_of_another_au", pytest.approx(1 / 3))
    assert ruling.detail == "AU12 beside 'the lips are parted'; AU4 beside 'too, brows up'"


def test_au_words_does_not_apply_without_numbers_or_words() -> None:
    assert au_words(told("A smile.")) == au_words(both("AU6 and AU12.")) == Ruling(None)
    assert au_words(both("AU6 and AU12."), bare="reject").reason == "au_without_words"


def test_words_counts_an_action_unit_as_one() -> None:
    assert words_of("Crow's feet (AU6): a half-smile.") == ("crow's", "feet", "au6", "a", "half", "smile")
    assert words(told("The lips part, and so on."), least=6) == Ruling(True, value=6)
    assert words(told("The lips part, and so on."), least=7).detail == "6 of at least 7 words"
    assert words(told("The lips part, and so on."), most=5) == Ruling(False, "too_long", "6 of at most 5 words", 6)


def test_a_text_without_a_think_block_is_measured_all_the_same() -> None:
    broken = replace(told(""), response=parse("The lips part, as required."))
    assert words(broken).value == 5
    assert leak(broken).detail == "as required"


@pytest.mark.parametrize("phrase", PROMPT_WORDS)
def test_every_phrase_of_the_prompt_is_found(phrase: str) -> None:
    ruling = leak(told(f"The lips part, {phrase.upper()} here."))
    assert (ruling.ok, ruling.reason) == (False, "prompt_leaked")
    assert phrase in ruling.detail or ruling.detail in phrase
    assert leak(told(f"The lips part, {phrase}\n".replace(" ", "\n  "))) == ruling


@pytest.mark.parametrize(
    "text",
    [
        "The muscle tightens, the mustache is still.",
        "One can see the right answering smile.",
        "Given the raised cheeks, the smile is warm.",
        "The required tension of the lids is promptly seen.",
    ],
)
def test_words_that_only_look_like_a_leak_pass(text: str) -> None:
    assert leak(told(text)) == Ruling(True, None, "", 0)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I am unable to judge this face.",
        "As an AI, I look at pixels.",
        "As a language model, this is a guess.",
        "We cannot identify people in pictures.",
        "This goes against our content policy.",
        "No face is visible.",
        "I don’t know who this is.",
        "Sorry, can’t assist.",
        "The picture? Can't identify anybody in it.",
    ],
)
def test_refusals_are_found(text: str) -> None:
    assert refusal(told(text)).reason == "refusal_in_text"


def test_what_only_sounds_like_a_refusal_passes() -> None:
    for text in ("One can see the lips part.", "The lids are unable to close.", "As a first cue, the brows rise."):
        assert refusal(told(text)).ok, text


def test_repetition_quotes_what_comes_most_often() -> None:
    ruling = repetition(told("The lips part. " * 5))
    assert (ruling.reason, ruling.detail) == ("repeats_itself", "“the lips part” 5 times")
    assert ruling.value == pytest.approx(3 / 13)
    assert repetition(told("The lips part.")) == Ruling(None)
    assert repetition(told("The lips part. " * 5), least=0.2).ok


@given(st.lists(st.sampled_from(["brow", "lip", "cheek", "rises"]), max_size=30), st.integers(1, 4))
def test_the_share_of_different_n_grams_lies_between_0_and_1(text: list[str], n: int) -> None:
    value = repetition(told(" ".join(text)), n=n, least=0).value
    assert value is None or 0 < value <= 1
    assert (value is None) == (len(text) < 2 * n)


def test_another_language_is_found_and_named() -> None:
    ruling = language(told(GERMAN))
    assert (ruling.ok, ruling.reason) == (False, "other_language")
    assert ruling.detail.startswith("de ")
    assert ruling.value is not None
    assert ruling.value < 0.05
    assert language(told(GERMAN), code="de").ok
    assert language(told(CHINESE)).reason == "other_language"


def test_a_short_text_has_no_language() -> None:
    assert language(told("Die Lippen sind leicht offen.")) == Ruling(None)
    assert language(told("微笑。")) == Ruling(None)


def test_an_unknown_language_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"does not know this language\. Found: xx"):
        language(told(GERMAN), code="xx")


@pytest.mark.parametrize(
    ("row", "value", "detail"),
    [
        (both("Cheeks up (AU6), corners up (AU12)."), 1.0, ""),
        (both("Cheeks up (AU6), corners up (AU12).", "anger"), 0.0, "nearest AU4+AU7+AU24"),
        (both("Corners up (AU12).", aus=["AU12"]), 2 / 3, "nearest AU12+AU25"),
        (both("A face.", "neutral", aus=[]), 1.0, ""),
        (both("Cheeks up (AU6).", "neutral"), 0.0, "nearest none"),
        (aus_only("The face.", "AU6, AU12"), 1.0, ""),
        (aus_only("The face.", "AU12, AU15"), 0.75, "antagonists AU12+AU15"),
        (aus_only("The face.", "AU24, AU25"), 0.0, "impossible AU24+AU25"),
    ],
)
def test_plausibility_is_a_soft_score(row: Candidate, value: float, detail: str) -> None:
    scored = ["AU1", "AU2", "AU4", "AU6", "AU7", "AU12", "AU15", "AU17", "AU23", "AU24", "AU25", "AU26"]
    row.sample.meta_info.au_annotated = scored
    ruling = plausibility(row)
    assert (ruling.ok, ruling.reason) == (True, None)
    assert ruling.value == pytest.approx(value)
    assert ruling.detail == detail


def test_plausibility_cuts_prototypes_to_what_was_annotated() -> None:
    smile = both("Cheeks up (AU6).", aus=["AU6"], scored=["AU6", "AU4"])
    assert plausibility(smile).value == 1.0  # nobody scored AU12, so its absence says nothing
    nothing_known = both("Brows down (AU4).", "contempt", scored=["AU4"])
    assert plausibility(nothing_known) == Ruling(None)
    assert plausibility(candidate("A smile.", "happiness", labels=["happiness"])) == Ruling(None)


@given(st.lists(st.sampled_from(SCORED), unique=True), st.sampled_from(EMOTIONS))
def test_plausibility_never_rejects(claimed: list[str], emotion: str) -> None:
    ruling = plausibility(both(" ".join(claimed), emotion))
    assert ruling.ok is not False
    assert ruling.value is None or 0 <= ruling.value <= 1


def test_a_missing_score_is_no_zero() -> None:
    row = told("A smile.")
    assert judge_score(row) == Ruling(None)
    assert judge_score(replace(row, judge=6.0)) == Ruling(True, value=6.0)
    assert judge_score(replace(row, judge=5.75)) == Ruling(False, "low_score", "5.75 of at least 6", 5.75)


def test_the_reviewers_own_words_are_the_detail() -> None:
    row = told("A smile.")
    review = Review("x", "mia", "2026-01-31T12:00:00Z", "reject", text_hash("x"), reason="AU4 is wrong")
    assert reviews(row) == Ruling(None)
    assert reviews(replace(row, review=review)) == Ruling(False, "reviewer_rejected", "mia: AU4 is wrong")
    assert reviews(replace(row, review=replace(review, decision="accept", reason=""))) == Ruling(True, detail="mia")


@given(st.text(st.sampled_from("ab_1 .,;-()'’é–\t\x1f\n"), max_size=30))
def test_words_are_runs_of_word_characters_with_apostrophes_inside(text: str) -> None:
    assert words_of(text) == tuple(re.findall(r"\w+(?:['’]\w+)*", text.lower()))


@given(st.lists(st.sampled_from(["no", "isn't", "free of", "maybe", "nose", "brow", "crow's", "i think", "not-so"])))
def test_the_short_cut_of_the_vocabulary_finds_every_word(parts: list[str]) -> None:
    think = ", ".join(parts) or "A face"
    ruling = vocabulary(told(think))
    assert ruling.value == len(negative_words(think)) + len(uncertain_words(think))


@given(st.lists(st.sampled_from([*PROMPT_WORDS, "lips", "must-have", "prompt's", "i'm sorry", "as an ai", "a"])))
def test_the_short_cuts_of_leak_and_refusal_find_every_phrase(parts: list[str]) -> None:
    text = ", ".join(parts) or "A face"
    assert leak(told(text)).value == len(LEAKED.findall(text))
    assert (refusal(told(text)).ok is False) == bool(REFUSED.search(text))
