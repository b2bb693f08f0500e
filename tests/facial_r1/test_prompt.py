"""Prompts: what they show, what they must not show, and that their example obeys their own rules."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.emotions import EMOTIONS, EMOTIONS_7
from facial_r1.errors import InputError, UsageError
from facial_r1.facs import EXCLUSIVE, MAIN_CODES, PROTOTYPES, REGISTRY, number, sort_codes
from facial_r1.inference.protocol import Facts
from facial_r1.prompt import (
    MENDS,
    PROMPT_VERSION,
    Prompt,
    default_question,
    repair_prompt,
    student_prompt,
    teacher_prompt,
)
from facial_r1.response import negative_words, parse, uncertain_words
from facial_r1.sample import TASKS

DISFA = tuple(f"AU{n}" for n in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26))
AUS = st.sets(st.sampled_from(sorted(REGISTRY)), min_size=1).map(tuple)
LABELS = st.lists(st.sampled_from([*EMOTIONS, "confusion"]), min_size=1, unique=True).map(tuple)


def example(prompt: Prompt) -> str:
    return prompt.text.split("Example of the form, for another picture:\n")[1].split("\n\n---")[0]


def named(text: str) -> set[str]:
    return set(re.findall(r"\bA[UD]\d+\b", text))


@given(AUS, LABELS)
def test_the_example_is_right_for_every_corpus_with_both(aus: tuple[str, ...], labels: tuple[str, ...]) -> None:
    response = parse(example(student_prompt("au+emotion", "", aus, labels)), label_set=labels)
    assert response.well_formed
    assert set(response.claimed_aus) <= set(aus)
    assert not response.unknown_numbers
    assert response.answer_aus == response.answer_rest == ()
    assert len(response.answer_labels) == 1
    assert response.answer_labels[0] in labels
    assert negative_words(response.think or "") == uncertain_words(response.think or "") == []
    assert response.claimed_aus or response.answer_labels == ("neutral",)


@given(AUS)
def test_the_example_is_right_for_every_corpus_of_action_units(aus: tuple[str, ...]) -> None:
    prompt = student_prompt("au", "", aus, EMOTIONS)
    response = parse(example(prompt))
    assert response.well_formed
    assert response.answers_aus
    assert response.answer_aus == response.claimed_aus
    assert set(response.answer_aus) <= set(aus)
    assert negative_words(response.think or "") == uncertain_words(response.think or "") == []
    numbers = {number(au) for au in response.answer_aus}
    assert not any(pair <= numbers for pair in EXCLUSIVE)
    assert not any(emotion in prompt.text for emotion in EMOTIONS)


@given(LABELS)
def test_the_example_is_right_for_every_corpus_of_labels(labels: tuple[str, ...]) -> None:
    prompt = student_prompt("emotion", "", DISFA, labels)
    response = parse(example(prompt), label_set=labels)
    assert response.well_formed
    assert not response.mentions
    assert response.answer_labels[0] in labels
    assert negative_words(response.think or "") == uncertain_words(response.think or "") == []
    assert named(prompt.text) == set()
    assert "Action Unit" not in prompt.text
    assert not re.search(r"AU\s?\d", prompt.text)


def test_the_example_is_a_whole_prototype_where_one_fits() -> None:
    response = parse(example(student_prompt("au", "", DISFA, ())))
    numbers = tuple(number(au) for au in response.answer_aus)
    assert any(numbers in prototypes for prototypes in PROTOTYPES.values())
    assert len(numbers) >= 3


@given(AUS)
def test_only_what_the_corpus_can_contain_is_listed_in_order_of_number(aus: tuple[str, ...]) -> None:
    text = student_prompt("au+emotion", "", aus, EMOTIONS_7).text
    listed = re.findall(r"^- (A[UD]\d+), ([^:]+): (.+)$", text, re.MULTILINE)
    assert [code for code, _, _ in listed] == sort_codes(aus)
    assert all(REGISTRY[code].name == name and REGISTRY[code].description == about for code, name, about in listed)
    assert named(text) <= set(aus)


@given(AUS, LABELS, st.sampled_from(TASKS))
def test_no_python_shows_through(aus: tuple[str, ...], labels: tuple[str, ...], task: str) -> None:
    facts = Facts(task, aus[:2], labels[:2])
    for prompt in (student_prompt(task, "", aus, labels), teacher_prompt(task, "", aus, labels, facts)):
        assert not re.search(r"dict_keys|[\[\]{}]|None\b|\('|',|\"", prompt.text)


def test_the_label_list_is_exactly_the_corpus_set() -> None:
    text = student_prompt("emotion", "", (), EMOTIONS_7).text
    assert "from this list: anger, disgust, fear, happiness, neutral, sadness, surprise.\n" in text
    assert "contempt" not in text


def test_the_label_rule_is_told() -> None:
    assert "write one word from this list" in student_prompt("emotion", "", (), EMOTIONS).text
    assert "write every word that applies" in student_prompt("emotion", "", (), EMOTIONS, label_rule="set").text


def test_the_question_comes_first() -> None:
    assert student_prompt("emotion", "What does she feel?", (), EMOTIONS).text.startswith("What does she feel?\n\n")
    for task in TASKS:
        assert student_prompt(task, " ", DISFA, EMOTIONS).text.startswith(default_question(task) + "\n\n")


def test_no_emotion_is_asked_of_a_corpus_without() -> None:
    assert "emotion" not in student_prompt("au", "", DISFA, ()).text.lower()


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        (
            Facts("au+emotion", ("AU12", "AU6"), ("happiness",)),
            ["Active Action Units: AU6, AU12", "Emotion: happiness"],
        ),
        (Facts("au+emotion", (), ("neutral",)), ["Active Action Units: none", "Emotion: neutral"]),
        (Facts("au", ("AU4",), ()), ["Active Action Units: AU4"]),
        (Facts("au", (), ()), ["Active Action Units: none"]),
        (Facts("emotion", (), ("happiness", "surprise")), ["Emotion: happiness and surprise"]),
    ],
)
def test_the_teacher_is_told_what_is_known_and_no_more(facts: Facts, lines: list[str]) -> None:
    student = student_prompt(facts.task, "", DISFA, EMOTIONS)
    teacher = teacher_prompt(facts.task, "", DISFA, EMOTIONS, facts)
    shared, told = teacher.text.split("\n\n---\n")
    assert shared == student.text
    assert told.splitlines()[1:] == lines


def test_hash_and_version() -> None:
    prompt = student_prompt("au", "", DISFA, ())
    assert prompt.hash == hashlib.sha256(prompt.text.encode()).hexdigest()
    assert prompt.version == PROMPT_VERSION
    assert prompt == student_prompt("au", "", reversed(DISFA), ())
    assert prompt.hash != student_prompt("au", "", DISFA[1:], ()).hash


@pytest.mark.parametrize("task", TASKS)
def test_a_repair_without_faults_is_the_question_itself(task: str) -> None:
    facts = Facts(task, ("AU12",), ("happiness",))
    assert repair_prompt(task, "", DISFA, EMOTIONS, ()) == student_prompt(task, "", DISFA, EMOTIONS)
    assert repair_prompt(task, "", DISFA, EMOTIONS, (), facts) == teacher_prompt(task, "", DISFA, EMOTIONS, facts)


@pytest.mark.parametrize(
    ("task", "right"),
    [
        (
            "au+emotion",
            [
                "- the Action Units in the think block, exactly these: AU6, AU12",
                "- the answer block, word for word: happiness",
            ],
        ),
        (
            "au",
            [
                "- the Action Units in the think block, exactly these: AU6, AU12",
                "- the answer block, word for word: AU6, AU12",
            ],
        ),
        ("emotion", ["- the answer block, word for word: happiness"]),
    ],
)
def test_the_last_repair_spells_out_what_is_right(task: str, right: list[str]) -> None:
    facts = Facts(task, ("AU12", "AU6"), ("happiness",))
    text = repair_prompt(task, "", DISFA, EMOTIONS, ["wording", "charm (dull)"], facts, last=True).text
    teacher = teacher_prompt(task, "", DISFA, EMOTIONS, facts).text
    _, faults, told = text.removeprefix(teacher).split("\n\n---\n")
    assert faults.splitlines()[1:] == [f"- {MENDS['wording']}", "- It did not pass a further check: charm (dull)."]
    assert told.splitlines()[1:] == right


def test_a_last_repair_needs_the_facts() -> None:
    with pytest.raises(UsageError, match=r"a last repair tells the right answer\. Found: no facts"):
        repair_prompt("au", "", DISFA, EMOTIONS, (), last=True)


def test_a_change_of_wording_raises_the_version() -> None:
    """If this fails you changed a prompt: raise PROMPT_VERSION and pin the new hashes."""
    pinned = {
        "au+emotion": "9b92498dd28d71fe",
        "au": "3fdd1a8654edafa3",
        "emotion": "db66fbbdcbedaa74",
    }
    known = {task: Facts(task, ("AU6", "AU12"), ("happiness",)) for task in TASKS}
    found = {task: teacher_prompt(task, "", DISFA, EMOTIONS, known[task]).hash[:16] for task in TASKS}
    assert (PROMPT_VERSION, found) == ("2", pinned)
    repairs = {
        task: repair_prompt(task, "", DISFA, EMOTIONS, MENDS, known[task], last=True).hash[:16] for task in TASKS
    }
    assert repairs == {"au+emotion": "dbbee785a49d468f", "au": "6a65e3b65778c9c7", "emotion": "ce67f7c8f88cf40d"}


@pytest.mark.parametrize(
    ("task", "aus", "labels", "rule", "message"),
    [
        ("mood", DISFA, EMOTIONS, "any", "unknown task. Found: mood. Expected: one of au+emotion, au, emotion"),
        ("au", (), EMOTIONS, "any", "a prompt for the task au needs Action Units"),
        ("emotion", DISFA, (), "any", "a prompt for the task emotion needs labels"),
        ("au+emotion", (), EMOTIONS, "any", "a prompt for the task au+emotion needs Action Units"),
        ("au+emotion", DISFA, (), "any", "a prompt for the task au+emotion needs labels"),
        ("emotion", (), EMOTIONS, "all", "unknown label rule. Found: all. Expected: any or set"),
    ],
)
def test_a_prompt_that_cannot_be_asked(task: str, aus: tuple[str], labels: tuple[str], rule: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        student_prompt(task, "", aus, labels, label_rule=rule)


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(InputError, match=r"unknown Action Unit. Found: AU99. Expected: a canonical code"):
        student_prompt("au", "", ("AU99",), ())


def test_a_form_beyond_the_truth_tells_only_what_the_corpus_knows() -> None:
    """``unknown_truth: pseudo``: the form asks for both, the facts tell one."""
    aus = teacher_prompt("au+emotion", "", DISFA, EMOTIONS, Facts("au", ("AU6", "AU12")))
    assert "Active Action Units: AU6, AU12" in aus.text
    assert "Emotion:" not in aus.text
    word = teacher_prompt("au+emotion", "", MAIN_CODES, EMOTIONS_7, Facts("emotion", (), ("fear",)))
    assert word.text.endswith("Emotion: fear")
    assert "Active Action Units" not in word.text


def test_a_last_repair_beyond_the_truth_spells_out_only_the_truth() -> None:
    aus = repair_prompt("au+emotion", "", DISFA, EMOTIONS, ["action_units"], Facts("au", ("AU6",)), last=True)
    assert aus.text.endswith("exactly these: AU6")
    word = repair_prompt("au+emotion", "", DISFA, EMOTIONS, ["emotion"], Facts("emotion", (), ("fear",)), last=True)
    assert word.text.endswith("word for word: fear")
    assert "exactly these" not in word.text
