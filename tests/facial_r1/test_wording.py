"""The words that deny and doubt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.facs import REGISTRY
from facial_r1.wording import NEGATIVE_WORDS, UNCERTAIN_WORDS, lowered, negative_words, uncertain_words


@pytest.mark.parametrize("word", NEGATIVE_WORDS)
def test_every_negative_word_is_found(word: str) -> None:
    assert negative_words(f"The face {word.upper()} moves.") == [word]
    assert uncertain_words(word) == []


@pytest.mark.parametrize("word", UNCERTAIN_WORDS)
def test_every_uncertain_word_is_found(word: str) -> None:
    assert uncertain_words(f"({word.capitalize()})") == [word]
    assert negative_words(word) == []


@pytest.mark.parametrize(
    "text",
    ["nose", "notice", "another", "knot", "denote", "nonchalant", "lackey", "mayor", "mighty", "freedom", "seemly", ""],
)
def test_parts_of_words_mean_nothing(text: str) -> None:
    assert negative_words(text) == uncertain_words(text) == []


def test_the_vocabularies_are_lower_case_and_apart() -> None:
    words = [*NEGATIVE_WORDS, *UNCERTAIN_WORDS]
    assert words == [word.lower() for word in words]
    assert len(words) == len(set(words))


def test_inference_is_no_doubt() -> None:
    text = "The raised cheeks suggest warmth, which indicates and conveys happiness, typical of a smile."
    assert negative_words(text) == uncertain_words(text) == []


def test_order_repetition_and_apostrophes() -> None:
    assert negative_words("No, it isn’t; no.") == ["no", "isn't", "no"]
    assert negative_words("rather\nthan") == ["rather than"]


def test_the_registry_speaks_plainly() -> None:
    for unit in REGISTRY.values():
        assert negative_words(unit.description) == uncertain_words(unit.description) == []


@given(st.text())
def test_lowered_keeps_the_length(text: str) -> None:
    assert len(lowered(text)) == len(text)
    if len(text.lower()) == len(text):
        assert lowered(text) == text.lower()
