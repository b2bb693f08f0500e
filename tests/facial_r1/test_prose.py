"""Words beside numbers: the registry's texts and a teacher's prose pass, another unit's words and opposites do not."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facial_r1.facs import MOVES, REGISTRY, ActionUnit, sort_codes
from facial_r1.inference.backends.template import write
from facial_r1.inference.phrases import PHRASES
from facial_r1.inference.protocol import Facts
from facial_r1.mentions import find_mentions
from facial_r1.prose import Described, described
from facial_r1.response import parse


def fits(text: str) -> list[tuple[str, str]]:
    return [(one.code, one.fit) for one in described(text, find_mentions(text))]


@pytest.mark.parametrize("unit", REGISTRY.values(), ids=lambda unit: unit.code)
def test_everything_the_registry_says_of_a_unit_describes_it(unit: ActionUnit) -> None:
    own = [(unit.code, "own")]
    assert fits(f"{unit.description} ({unit.code}).") == own
    assert fits(f"{unit.name} ({unit.code})") == fits(f"({unit.code}, {unit.name})") == own
    assert fits(f"{unit.code} ({unit.name}) is seen") == own


@pytest.mark.parametrize("code", PHRASES)
def test_every_phrase_of_the_template_teacher_describes_its_unit(code: str) -> None:
    for phrase in (*PHRASES[code].clauses, *PHRASES[code].nouns):
        for text in (f"{phrase} ({code}).", f"The viewer sees {phrase} ({code})", f"{phrase}, {code}"):
            assert fits(text) == [(code, "own")], text


def test_no_text_of_the_template_teacher_has_a_number_beside_other_words() -> None:
    for number in range(600):
        dice = random.Random(number)
        aus = tuple(sort_codes(dice.sample(sorted(REGISTRY), dice.randint(1, 8))))
        text = write(Facts("au+emotion", aus, ("fear",)), sha256(str(number).encode()).hexdigest())
        think = parse(text).think
        assert think is not None
        assert {fit for _, fit in fits(think)} == {"own"}, think


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The lips are parted (AU12).", ["other"]),
        ("The lip corners are pulled up (AU12).", ["own"]),
        ("The lip corners are pulled down (AU12).", ["contrary"]),
        ("A smile (AU15).", ["other"]),
        ("Mouth corners turned up (AU15).", ["contrary"]),
        ("Eyebrows raised high (AU5).", ["other"]),
        ("Raised inner eyebrows (AU4).", ["contrary"]),
        ("The upper eyelids droop (AU5).", ["contrary"]),
        ("The lips are pressed together (AU25).", ["other"]),
        ("The lips are parted (AU24).", ["contrary"]),
        ("The eyes are wide open (AU43).", ["contrary"]),
        ("A clenched jaw (AU26).", ["contrary"]),
        ("Cheeks puffed out (AU6).", ["contrary"]),
        ("The viewer sees this (AU12).", ["bare"]),
        ("AU12 is active.", ["bare"]),
        ("AU12 (lips parted).", ["other"]),
        ("Raised cheeks show AU12.", ["other"]),
    ],
)
def test_a_single_number(text: str, expected: list[str]) -> None:
    assert [fit for _, fit in fits(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "The inner and outer brows are raised (AU1, AU2), the upper eyelids are lifted, exposing more of the sclera "
        "(AU5), while the mouth hangs open with the jaw dropped (AU26) and lips parted (AU25).",
        "AU4 is evident in the furrowed brow, and AU7 tightens the eyelids; AU23 presses the lips into a thin line.",
        "His cheeks are raised, narrowing the eyes (AU6), and the corners of his mouth are pulled upward into a broad "
        "smile (AU12). The lips are apart, revealing the upper teeth (AU25).",
        "The nose is wrinkled (AU9), the upper lip is raised (AU10), the lip corners are pulled downward (AU15) and "
        "the chin boss is raised (AU17).",
        "Cheek raiser (AU6) combined with lip corner puller (AU12) form a Duchenne smile.",
        "The combination of AU6 and AU12 shows a genuine smile with raised cheeks.",
        "AU1+AU4 pull the inner brows up and together.",
        "A slight frown (AU4) with eyes squinting (AU6+AU7).",
        "The forehead is wrinkled from brows pulled up (AU1 + AU2).",
        "The lip corners are slightly asymmetrical, suggesting a smirk (L14).",
        "The lip corners, drawn down by the depressor anguli oris (AU15), sink.",
        "The brows are drawn down and the lip corners tilt (AU12).",
    ],
)
def test_prose_as_a_model_writes_it_passes(text: str) -> None:
    found = fits(text)
    assert found
    assert {fit for _, fit in found} == {"own"}


def test_numbers_listed_together_share_their_words_and_each_needs_its_own() -> None:
    assert fits("Cheeks lifted, lip corners up (AU6 and AU12).") == [("AU6", "own"), ("AU12", "own")]
    assert fits("Lips parted, brows raised (AU25, AU1, AU12).") == [("AU25", "own"), ("AU1", "own"), ("AU12", "other")]


def test_words_of_an_earlier_number_or_sentence_are_not_borrowed() -> None:
    assert fits("The lip corners rise (AU12), the lips part (AU15).") == [("AU12", "own"), ("AU15", "other")]
    assert fits("A smile is seen. The lips part (AU12).") == [("AU12", "other")]


def test_what_is_denied_or_unknown_is_not_looked_at() -> None:
    assert fits("There is no AU4, and the lips part (AU25); AU99.") == [("AU25", "own")]


def test_what_was_looked_at_is_told() -> None:
    text = "Seen closely, the Lips are parted (AU12)."
    assert list(described(text, find_mentions(text))) == [
        Described("AU12", "other", "seen closely, the lips are parted")
    ]


def test_movements_are_of_registered_units_and_no_word_is_its_own_opposite() -> None:
    numbers = {unit.number for unit in REGISTRY.values()}
    assert set(MOVES) <= numbers
    for own, contrary in MOVES.values():
        assert not set(own) & set(contrary)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("AU12 AU6()[],.;: lips corner up down open eyebrow\nİ")), st.integers(0, 3))
def test_any_text_is_read_without_an_error(text: str, times: int) -> None:
    text = f"{text} (AU12) " * times + text
    mentions = find_mentions(text)
    found = list(described(text, mentions))
    assert [one.code for one in found] == [one.code for one in mentions if one.code and not one.negated]
