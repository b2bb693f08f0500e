"""The words that deny and doubt."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.facs import REGISTRY
from facial_r1.wording import (
    NEGATIVE_WORDS,
    UNCERTAIN_WORDS,
    any_of,
    cues,
    lowered,
    negative_words,
    plain,
    uncertain_words,
)


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


def one_after_another(words: tuple[str, ...]) -> re.Pattern[str]:
    """What :func:`any_of` promises, as one would write it down: the words side by side, longer ones first."""
    choices = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"\b(?:{choices})\b".replace(r"\ ", r"\s{1,3}").replace("'", "['’]"))


PIECES = st.sampled_from(
    [
        *(*NEGATIVE_WORDS, *UNCERTAIN_WORDS, "free", "of", "n’t", "’", "s", "no", "i", "é", "_", "1"),
        *(" ", "  ", "\n\n", "    ", ",", ".", "-", "\u2003"),
    ]
)
SPOKEN = st.lists(PIECES, max_size=30).map("".join) | st.lists(PIECES, max_size=30).map(" ".join) | st.text()


@given(SPOKEN, st.sets(st.sampled_from(NEGATIVE_WORDS + UNCERTAIN_WORDS), min_size=1).map(tuple))
def test_words_that_share_their_beginning_are_found_as_if_they_did_not(text: str, words: tuple[str, ...]) -> None:
    shared = [match.span() for match in re.finditer(any_of(words), lowered(text))]
    assert shared == [match.span() for match in one_after_another(words).finditer(lowered(text))]


@given(SPOKEN)
def test_one_scan_finds_what_two_would(text: str) -> None:
    for words, found in ((NEGATIVE_WORDS, negative_words(text)), (UNCERTAIN_WORDS, uncertain_words(text))):
        assert found == [plain(match.group()) for match in one_after_another(words).finditer(lowered(text))]


@given(SPOKEN)
def test_cues_stand_where_they_say(text: str) -> None:
    found = cues(text)
    assert [cue.start for cue in found] == sorted({cue.start for cue in found})
    for cue in found:
        assert lowered(text)[cue.start] == cue.word[0]
        assert cue.word in (NEGATIVE_WORDS if cue.denies else UNCERTAIN_WORDS)
