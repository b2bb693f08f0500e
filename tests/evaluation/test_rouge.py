"""ROUGE against the two packages whose names it carries."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer

from facial_r1.errors import UsageError
from facial_r1.evaluation.rouge import IMPLEMENTATIONS, rouge

WORDS = st.sampled_from(
    [
        *("the", "The", "lips", "lip's", "lipped", "raising", "raises", "AU12", "(AU6)", "12", "ab", "abc", "cats"),
        *("café", "İstanbul", "K", "no.", "—", "\n", "."),
    ]
)
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)
CHARACTERS = st.text(st.characters(codec="utf-8"), max_size=60)


@given(TEXTS | CHARACTERS, TEXTS | CHARACTERS)
def test_rs_is_rouge_score_to_the_last_bit(text: str, reference: str) -> None:
    for package, stem in (("rs_stem", True), ("rs", False)):
        scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stem)
        expected = scorer.score(reference, text)
        for variant in ("rouge1", "rouge2", "rougeL"):
            assert rouge(f"{variant}_{package}", [text], [reference]) == [expected[variant].fmeasure]


@given(TEXTS, TEXTS)
def test_pltrdy_is_rouge_or_nothing_where_it_fails(text: str, reference: str) -> None:
    try:
        expected = Rouge().get_scores(text, reference)[0]
    except ValueError:
        expected = None
    for variant in "12L":
        (found,) = rouge(f"rouge{variant}_pltrdy", [text], [reference])
        assert found == (None if expected is None else expected[f"rouge-{variant.lower()}"]["f"])


def test_long_random_texts() -> None:
    dice = random.Random(0)
    words = [f"w{number}ing" for number in range(60)]
    texts = [" ".join(dice.choices(words, k=dice.randint(1, 120))) for _ in range(40)]
    references = [" ".join(dice.choices(words, k=dice.randint(1, 120))) for _ in range(40)]
    scorer = RougeScorer(["rouge2", "rougeL"], use_stemmer=True)
    pairs = list(zip(references, texts, strict=True))
    for variant in ("rouge2", "rougeL"):
        expected = [scorer.score(*pair)[variant].fmeasure for pair in pairs]
        assert rouge(f"{variant}_rs_stem", texts, references) == expected


def test_the_packages_disagree_about_one_pair() -> None:
    text, reference = "The raised cheeks. A smile, smiling", "raising of a cheek. Smiles"
    values = {name: rouge(name, [text], [reference])[0] for name in IMPLEMENTATIONS if name.startswith("rougeL")}
    assert len(set(values.values())) == 3


def test_an_empty_text_is_zero_for_one_package_and_nothing_for_the_other() -> None:
    assert rouge("rougeL_rs_stem", ["", "..."], ["a", "a"]) == [0.0, 0.0]
    assert rouge("rougeL_pltrdy", ["", "..."], ["a", "a"]) == [None, None]


def test_a_sentence_that_is_too_long_for_rouge_has_no_score() -> None:
    endless = " ".join(f"w{number}" for number in range(1500))
    assert rouge("rougeL_pltrdy", [endless], ["other words"]) == [None]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="rougeL_rs_stem"):
        rouge("rougeL", [], [])
