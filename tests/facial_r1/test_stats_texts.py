"""Texts as numbers: lengths, openings, diversity (against a naive count), and the Action Units they name."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.sample import Meta, Sample
from facial_r1.stats import texts as module
from facial_r1.stats.texts import Texts, diversity, reasoning

small = st.lists(st.lists(st.sampled_from("abc"), max_size=12), max_size=8)


def grams(text: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(text[i : i + size]) for i in range(len(text) - size + 1)]


@given(small)
def test_diversity_agrees_with_counting_by_hand(texts: list[list[str]]) -> None:
    found = diversity(texts)
    for size, share in found.distinct.items():
        every = [gram for text in texts for gram in grams(text, size)]
        assert (len(set(every)) / len(every) if every else math.nan) == pytest.approx(share, nan_ok=True)
    owners = Counter(gram for text in texts for gram in set(grams(text, 4)))
    every = [gram for text in texts for gram in grams(text, 4)]
    shared = sum(owners[gram] > 1 for gram in every)
    assert (shared / len(every) if every else math.nan) == pytest.approx(found.repeated, nan_ok=True)


def test_a_phrase_that_one_text_says_twice_is_not_shared() -> None:
    assert diversity([["a", "b", "c", "d", "a", "b", "c", "d"], ["x", "y", "z", "w"]]).repeated == 0.0


def sample(name: str, text: str, aus: list[str] | None = None, annotated: list[str] | None = None) -> Sample:
    return Sample(name, "x", AUs=aus or [], description=text, meta_info=Meta(au_annotated=annotated or []))


def read(*samples: Sample) -> Texts:
    texts = Texts()
    for one in samples:
        texts.add(one)
    return texts


def test_rows_without_a_text_are_no_short_texts() -> None:
    texts = read(sample("a", ""), sample("b", "  "), sample("c", "one two"))
    assert texts.rows == 1
    assert texts.lengths().tolist() == [2]


def test_words_are_those_of_the_reasoning_or_of_all_of_a_free_text() -> None:
    assert reasoning("<think>a b</think><answer>fear</answer>") == "a b"
    assert reasoning("free text about a face") == "free text about a face"


def test_an_au_is_held_against_what_the_row_knows() -> None:
    text = "<think>AU1, AU2 and AU4 are seen; no AU12.</think><answer>fear</answer>"
    named = read(sample("a", text, ["AU1"], ["AU1", "AU2"])).named_aus()
    assert list(named) == ["AU1", "AU2", "AU4", "AU12"]
    assert (named["AU1"].present, named["AU2"].absent, named["AU4"].unknown, named["AU12"].denied) == (1, 1, 1, 1)


def test_an_au_counts_once_a_row_however_often_it_is_named() -> None:
    text = "<think>AU1, again AU1, and AU1 is not absent.</think><answer>fear</answer>"
    assert read(sample("a", text, ["AU1"], ["AU1"])).named_aus()["AU1"].present == 1


def test_openings_are_first_words_in_lower_case() -> None:
    texts = read(sample("a", "At first sight, x"), sample("b", "at FIRST sight y"), sample("c", "No"))
    assert texts.openings == {"at first sight": 2, "no": 1}


@given(st.permutations(range(12)))
def test_diversity_is_measured_on_the_same_texts_whatever_their_order(order: list[int]) -> None:
    rows = [sample(f"row {n}", f"text {n} has words {n * n}") for n in range(12)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SAMPLE", 5)
        straight, mixed = read(*rows), read(*(rows[n] for n in order))
    assert straight.diversity(5) == mixed.diversity(5)
    assert straight.diversity(5).texts == 5
    assert straight.diversity(3) == mixed.diversity(3)
    assert straight.rows == 12
