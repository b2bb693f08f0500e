"""The emotion vocabulary against a table typed by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.emotions import AMBIGUOUS, EMOTIONS, EMOTIONS_7, SOFT, SYNONYMS, canonical, try_canonical
from facial_r1.errors import InputError

ACCEPTED = {
    "anger": ["anger", "angry", "mad", "irritated", "annoyed", "furious", "rage"],
    "contempt": ["contempt", "contemptuous", "scorn", "disdain"],
    "disgust": ["disgust", "disgusted", "revulsion", "distaste"],
    "fear": ["fear", "fearful", "afraid", "scared", "frightened", "terror"],
    "happiness": ["happiness", "happy", "joy", "joyful", "cheerful"],
    "neutral": ["neutral", "neutrality", "no expression", "blank"],
    "sadness": ["sadness", "sad", "sorrow", "unhappy"],
    "surprise": ["surprise", "surprised", "astonished", "astonishment"],
}


def test_the_eight_and_the_seven() -> None:
    assert EMOTIONS == ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    assert EMOTIONS_7 == ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def test_every_synonym() -> None:
    assert {word: noun for noun, words in ACCEPTED.items() for word in words} == SYNONYMS


@pytest.mark.parametrize("word", ["Anger", "ANGRY", " angry ", "angry.", '"Angry!"', "angry,\n"])
def test_case_blanks_and_final_punctuation_are_ignored(word: str) -> None:
    assert try_canonical(word) == canonical(word) == "anger"


def test_inner_blanks_are_one() -> None:
    assert try_canonical("No \n expression") == "neutral"


@pytest.mark.parametrize(
    "word", ["shock", "shocked", "calm", "smile", "anxious", "none", "confusion", "", "happy sad", "awe"]
)
def test_what_is_refused(word: str) -> None:
    assert try_canonical(word) is None
    with pytest.raises(InputError, match=r"^unknown emotion label\. .*Expected: one of anger, contempt, .*surprise\.$"):
        canonical(word)


def test_soft_and_ambiguous_words_are_no_labels() -> None:
    assert not (SOFT.keys() | AMBIGUOUS) & SYNONYMS.keys()
    assert set(SOFT.values()) <= set(EMOTIONS)


@given(st.text())
def test_any_text_is_a_noun_or_none(text: str) -> None:
    assert try_canonical(text) in (None, *EMOTIONS)
