"""The template teacher: true to its facts, varied, free of doubt and denial; and the registry it stands in."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facial_r1.emotions import EMOTIONS
from facial_r1.errors import UsageError
from facial_r1.facs import PROTOTYPES, REGISTRY, sort_codes
from facial_r1.inference import phrases
from facial_r1.inference.backends import backend_names, create
from facial_r1.inference.backends.template import MODEL, write
from facial_r1.inference.protocol import Facts, Request
from facial_r1.response import negative_words, parse, uncertain_words

ROOT = Path(__file__).parents[2]
CODES = st.sets(st.sampled_from(sorted(REGISTRY)), max_size=9).map(lambda found: tuple(sort_codes(found)))
LABELS = st.lists(st.sampled_from(EMOTIONS), min_size=1, max_size=2, unique=True).map(tuple)


def seed(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


SEEDS = st.integers(0, 10**6).map(seed)


def think_of(text: str) -> str:
    think = parse(text).think
    assert think is not None
    return think


@settings(max_examples=300, deadline=None)
@given(aus=CODES, labels=LABELS, name=SEEDS)
def test_au_and_emotion_say_exactly_what_is_true(aus: tuple[str, ...], labels: tuple[str, ...], name: str) -> None:
    response = parse(write(Facts("au+emotion", aus, labels), name))
    assert response.well_formed
    assert response.claimed_aus == aus
    assert len(response.mentions) == len(aus)
    assert (response.answer_labels, response.answer_aus, response.answer_rest) == (labels, (), ())


@settings(max_examples=300, deadline=None)
@given(aus=CODES, name=SEEDS)
def test_au_rows_answer_with_the_canonical_list(aus: tuple[str, ...], name: str) -> None:
    response = parse(write(Facts("au", aus), name))
    assert response.well_formed
    assert response.claimed_aus == response.answer_aus == aus
    assert response.answer == (", ".join(aus) or "none")
    assert response.answers_aus
    words = set(re.findall("[a-z]+", think_of(response.text).lower()))
    assert not words & {*EMOTIONS, "smiling", "happy", "emotion"}


@settings(max_examples=200, deadline=None)
@given(labels=LABELS, name=SEEDS)
def test_emotion_rows_hold_no_number(labels: tuple[str, ...], name: str) -> None:
    response = parse(write(Facts("emotion", (), labels), name))
    assert response.well_formed
    assert response.mentions == ()
    assert not re.search(r"\d|AU", response.text)
    assert (response.answer_labels, response.answer_rest) == (labels, ())


@settings(max_examples=300, deadline=None)
@given(task=st.sampled_from(["au+emotion", "au", "emotion"]), aus=CODES, labels=LABELS, name=SEEDS)
def test_the_text_is_clean_prose(task: str, aus: tuple[str, ...], labels: tuple[str, ...], name: str) -> None:
    think = think_of(write(Facts(task, aus, labels), name))
    assert negative_words(think) == uncertain_words(think) == []
    assert not re.search(r"ground truth|required?|must|given|label|[{}]|  |\.\.| ,|;,", think, re.IGNORECASE)
    assert think.endswith(".")
    assert all(sentence[0].isupper() for sentence in think.split(". "))
    assert "\n" not in think


@pytest.mark.parametrize("code", REGISTRY)
def test_every_phrase_of_a_code_names_its_own_region(code: str) -> None:
    forms, signs = phrases.PHRASES[code], REGISTRY[code].signs
    assert len(forms.clauses) >= 2
    assert len(forms.nouns) >= 2
    for text in (*forms.clauses, *forms.nouns):
        assert any(sign in text for sign in signs), text
        assert negative_words(text) == uncertain_words(text) == []
        assert text == text.strip()
        assert not text.endswith((".", ",", ";"))


def test_each_number_stands_right_behind_a_phrase_of_its_own() -> None:
    for number in range(50):
        aus = tuple(sort_codes(random.Random(number).sample(sorted(REGISTRY), 6)))
        found = re.findall(r"(.*?) \((A[UD]\d+)\)", think_of(write(Facts("au", aus), seed(number))))
        assert sorted(code for _, code in found) == sorted(aus)
        for before, code in found:
            forms = phrases.PHRASES[code]
            assert before.lower().endswith(tuple(text.lower() for text in (*forms.clauses, *forms.nouns)))


def test_every_code_has_phrases_and_one_part_of_the_face() -> None:
    assert phrases.PHRASES.keys() == REGISTRY.keys()
    placed = [number for numbers in phrases.REGIONS.values() for number in numbers]
    assert sorted(placed) == sorted(unit.number for unit in REGISTRY.values())
    assert phrases.GLOSSES.keys() == set(EMOTIONS)


def test_action_units_come_before_what_they_mean() -> None:
    for number in range(100):
        think = think_of(write(Facts("au+emotion", ("AU1", "AU4", "AU15"), ("sadness",)), seed(number)))
        assert think.rindex("(AU") < think.index("sadness")


def test_emotion_features_come_from_a_prototype_of_the_emotion() -> None:
    """Every sentence of features can be traced to Action Units that are described for the emotion."""
    for number in range(100):
        think = think_of(write(Facts("emotion", (), ("disgust",)), seed(number))).lower()
        allowed = {au for prototype in PROTOTYPES["disgust"] for au in prototype}
        shown = {
            unit.number
            for unit in REGISTRY.values()
            for text in (*phrases.PHRASES[unit.code].clauses, *phrases.PHRASES[unit.code].nouns)
            if len(text) > 12 and text.lower() in think
        }
        assert shown & allowed
        assert not shown & {1, 2, 12, 26}


FREQUENT = [
    *([()] * 5 + [("AU25",)] * 4 + [("AU12", "AU25")] * 3 + [("AU6", "AU12")] * 3 + [("AU6", "AU12", "AU25")] * 3),
    *([("AU4",)] * 3 + [("AU12",)] * 2 + [("AU1", "AU2")] * 2 + [("AU25", "AU26")] * 2 + [("AU1", "AU4", "AU25")]),
]
"""Sets of a spontaneous corpus, as often as about there."""


@pytest.mark.parametrize("task", ["au", "au+emotion", "emotion"])
def test_texts_and_openings_differ_over_frequent_sets(task: str) -> None:
    dice = random.Random(1)
    labels = [emotion for emotion in EMOTIONS if emotion != "contempt"]
    texts = [
        write(Facts(task, dice.choice(FREQUENT), () if task == "au" else (dice.choice(labels),)), seed(number))
        for number in range(2000)
    ]
    assert len(set(texts)) / len(texts) >= 0.95
    openings = [" ".join(text.split()[:6]) for text in texts]
    assert len(set(openings)) >= 300
    assert max(map(openings.count, set(openings))) <= 60, "no opening on more than 3 % of the rows"


def test_the_text_follows_from_the_key_alone() -> None:
    facts = Facts("au+emotion", ("AU6", "AU12"), ("happiness",))
    code = (
        "from facial_r1.inference.backends.template import write; from facial_r1.inference.protocol import Facts\n"
        f"print(write({facts!r}, {seed(1)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == write(facts, seed(1)) != write(facts, seed(2))


def test_the_model_is_renamed_when_its_texts_change() -> None:
    """A change of any text must rise MODEL, or a journal would mix two teachers; then renew this hash."""
    aus = ("AU1", "AU4", "AU12", "AD19", "AU43")
    texts = [
        write(Facts(task, aus, ("fear",)), seed(n)) for task in ("au", "au+emotion", "emotion") for n in range(200)
    ]
    assert (MODEL, sha256("\n".join(texts).encode()).hexdigest()[:16]) == ("template-1", "88a9d3ebd8d8616c")


def test_a_further_attempt_says_it_differently() -> None:
    facts = Facts("au", ("AU6", "AU12"))
    first, second = (Request("r", "p", "h", facts, attempt=attempt) for attempt in (0, 1))
    answers = asyncio.run(create("template").answer([first, second]))
    assert answers[0].text != answers[1].text
    assert [answer.attempt for answer in answers] == [0, 1]
    assert [answer.key for answer in answers] == [first.key(MODEL), second.key(MODEL)]
    assert {(answer.outcome, answer.model) for answer in answers} == {("ok", MODEL)}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts("au+emotion", ("AU12",)), "cannot write from these facts"),
        (Facts("emotion"), "cannot write from these facts"),
        (Facts("colour", ("AU12",), ("anger",)), "colour"),
        (Facts("emotion", (), ("confusion",)), "knows no features of this emotion"),
    ],
)
def test_facts_that_do_not_suffice_are_a_clear_error(facts: Facts, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        write(facts, seed(0))


def test_a_label_beyond_the_eight_works_where_action_units_are_known() -> None:
    response = parse(write(Facts("au+emotion", ("AU4",), ("confusion",)), seed(0)), label_set=["confusion"])
    assert response.answer_labels == ("confusion",)


def test_a_blind_question_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match="can only say what it is told"):
        asyncio.run(create("template").answer([Request("r", "p", "h")]))


def test_backends_are_found_by_file_and_loaded_when_used() -> None:
    assert "template" in backend_names()
    code = (
        "import sys, facial_r1.inference.backends as backends; backends.backend_names()\n"
        "print([name for name in sys.modules if 'template' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_an_unknown_backend_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="template") as caught:
        create("gpt")
    assert caught.value.exit_code == 2


def test_an_unknown_option_of_a_backend_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"unknown option of the backend template.*temperature.*no options"):
        create("template", temperature=1.0)
    with pytest.raises(UsageError, match=r"unknown option of the backend template.*name"):
        create("template", **{"name": "gpt"})
