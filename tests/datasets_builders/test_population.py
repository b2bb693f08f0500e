"""Expressions: plausible, noisy, reproducible; labels of the corpora become expressions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_builders.synthetic.face import RENDERED, identity, render
from datasets_builders.synthetic.population import COMPANIONS, Expression, express, expression
from facial_r1.emotions import EMOTIONS
from facial_r1.errors import InputError
from facial_r1.facs import ANTAGONISTS, EXCLUSIVE, PROTOTYPES

EMOTION = st.sampled_from([None, *EMOTIONS])


def draw(seed: int, count: int, emotion: str | None, **options: object) -> list[Expression]:
    rng = np.random.default_rng(seed)
    return [expression(rng, emotion=emotion, **options) for _ in range(count)]  # type: ignore[arg-type]


@given(st.integers(0, 2**32), EMOTION)
def test_no_impossible_or_cancelling_pair(seed: int, emotion: str | None) -> None:
    for shown in draw(seed, 5, emotion):
        pairs = {frozenset((a, b)) for a in shown.intensities for b in shown.intensities if a != b}
        assert not pairs & (EXCLUSIVE | ANTAGONISTS)


@given(st.integers(0, 2**32), EMOTION, st.sets(st.sampled_from(RENDERED)))
def test_only_allowed_aus_in_the_given_range(seed: int, emotion: str | None, allowed: set[int]) -> None:
    for shown in draw(seed, 5, emotion, allowed=sorted(allowed), intensity=(1.5, 3.0)):
        assert set(shown.intensities) <= allowed
        assert all(1.5 <= value <= 3.0 for value in shown.intensities.values())
        assert set(shown.sides) <= set(shown.intensities)
        assert shown.emotion == emotion


@pytest.mark.parametrize("emotion", [emotion for emotion in EMOTIONS if emotion != "neutral"])
def test_prototypes_prevail_with_noise(emotion: str) -> None:
    drawn = [frozenset(shown.intensities) for shown in draw(0, 400, emotion)]
    possible = {au for prototype in PROTOTYPES[emotion] for au in prototype} | set(COMPANIONS[emotion])
    assert all(aus and aus <= possible for aus in drawn)
    whole = [aus for aus in drawn if any(set(prototype) <= aus for prototype in PROTOTYPES[emotion])]
    assert len(whole) > 0.5 * len(drawn)
    assert len(set(drawn)) >= 4, "not one stencil"


def test_rich_prototypes_lose_an_au_now_and_then() -> None:
    drawn = [frozenset(shown.intensities) for shown in draw(0, 400, "fear")]
    incomplete = [aus for aus in drawn if not any(set(prototype) <= aus for prototype in PROTOTYPES["fear"])]
    assert 20 < len(incomplete) < 200


def test_neutral_is_empty() -> None:
    assert all(not shown.intensities and not shown.aus() for shown in draw(0, 50, "neutral"))


def test_contempt_is_one_sided() -> None:
    sides = Counter(shown.sides[14] for shown in draw(0, 200, "contempt"))
    assert set(sides) == {"L", "R"}
    assert min(sides.values()) > 70
    assert not any(shown.sides for emotion in EMOTIONS if emotion != "contempt" for shown in draw(0, 50, emotion))


def test_expressions_without_emotion_combine_freely() -> None:
    drawn = draw(1, 500, None)
    counts = Counter(au for shown in drawn for au in shown.intensities)
    assert set(Counter(len(shown.intensities) for shown in drawn)) == {1, 2, 3, 4, 5}
    assert set(counts) == {1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 22, 23, 24, 25, 26, 27}
    assert min(counts.values()) > 25
    assert all(shown.emotion is None for shown in drawn)


def test_synonyms_are_read_and_nonsense_is_named() -> None:
    assert draw(0, 1, "Angry")[0].emotion == "anger"
    with pytest.raises(InputError, match=r"unknown emotion label\. Found: shocked"):
        draw(0, 1, "shocked")


def test_same_seed_same_expression() -> None:
    assert draw(3, 20, "fear") == draw(3, 20, "fear")
    assert draw(3, 20, "fear") != draw(4, 20, "fear")


def test_threshold_decides_what_counts() -> None:
    shown = Expression({12: 0.5, 6: 1.0, 4: 2.0, 19: 3.0})
    assert shown.aus() == ("AU4", "AU6", "AD19")
    assert shown.aus(2.0) == ("AU4", "AD19")
    assert shown.aus(0.0) == ("AU4", "AU6", "AU12", "AD19")


def test_labels_of_the_corpora() -> None:
    shown = express(["AU04", "L10", 25, "25", "RB18", "AD19"], np.random.default_rng(0), intensity=(3, 4))
    assert sorted(shown.intensities) == [4, 10, 18, 19, 25]
    assert shown.sides == {10: "L", 18: "RB"}
    assert all(3 <= value <= 4 for value in shown.intensities.values())
    assert shown.emotion is None


@pytest.mark.parametrize("labels", [["L10", "R10"], ["10", "L10"], ["R10", "10", "L10"]])
def test_both_sides_named_is_both_sides(labels: list[str]) -> None:
    assert express(labels, np.random.default_rng(0)).sides == {}


@pytest.mark.parametrize("label", ["smile", "", "99", 0, "AU12+25"])
def test_unknown_label_is_named(label: str | int) -> None:
    with pytest.raises(InputError, match=f"unknown Action Unit. Found: {label}".replace("+", r"\+")):
        express([label], np.random.default_rng(0))


@given(st.integers(0, 2**32), EMOTION)
def test_the_order_of_labels_does_not_matter(seed: int, emotion: str | None) -> None:
    codes = draw(seed, 1, emotion)[0].aus()
    once, again = (express(order, np.random.default_rng(seed)) for order in (codes, codes[::-1]))
    assert once == again
    assert once.aus() == codes


def test_faces_do_not_echo_the_expression_drawn_from_the_same_numbers() -> None:
    """A writer may seed a person's expression with the numbers that name the person: they must stay independent."""
    tones, first = [], []
    for index in range(400):
        tones.append(sum(identity(6, index).skin))
        first.append(float(np.random.default_rng([6, index]).random()))
    assert abs(np.corrcoef(tones, first)[0, 1]) < 0.15


def test_an_expression_is_drawn_with_its_sides() -> None:
    shown = draw(0, 1, "contempt")[0]
    who = identity(0, 0)
    assert not np.array_equal(render(who, shown.intensities, 96, sides=shown.sides), render(who, shown.intensities, 96))
