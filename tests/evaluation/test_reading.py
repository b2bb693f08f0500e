"""What each reader takes a text to claim."""

from __future__ import annotations

import pytest

from facial_r1.errors import UsageError
from facial_r1.evaluation.reading import READERS, read, untagged
from facial_r1.sample import TASKS

TAGGED = "<think>The brows are lowered (AU4), the lip corners drop (AU15).</think><answer>{}</answer>"


def test_tags_take_the_answer_of_the_task_au_and_the_reasoning_elsewhere() -> None:
    claim = read(TAGGED.format("AU4, AU12"), "au")
    assert (claim.aus, claim.labels, claim.faults) == (("AU4", "AU12"), (), ())
    claim = read(TAGGED.format("Sad."), "au+emotion")
    assert (claim.aus, claim.labels) == (("AU4", "AU15"), ("sadness",))
    assert read(TAGGED.format("none"), "au").aus == ()


def test_an_answer_without_a_place_for_action_units_is_none_and_not_empty() -> None:
    assert read("AU4", "au").aus is None
    assert read(TAGGED.format("sad"), "au").aus is None
    assert read("<answer>sad</answer>", "au+emotion").aus is None
    assert read("", "au+emotion").labels == ()


def test_think_is_the_convention_of_facial_r1() -> None:
    claim = read(TAGGED.format("sad"), "au", "think")
    assert (claim.aus, claim.labels) == (("AU4", "AU15"), ("sadness",))
    assert read(TAGGED.format("sad"), "au", "text").aus == ("AU4", "AU15")


def test_free_text_names_one_emotion_or_none() -> None:
    assert read("The person looks happy. There is no anger.", "emotion", "text").labels == ("happiness",)
    assert read("Happy, or sad.", "emotion", "text").labels == ()
    assert read("happiness", "emotion", "text").labels == ("happiness",)
    claim = read("AU6, AU12 and AU99, without AU4", "au", "text")
    assert (claim.aus, claim.invented) == (("AU6", "AU12"), 1)


def test_other_words_in_an_answer_make_it_another_answer() -> None:
    assert read(TAGGED.format("sad, bored"), "emotion").labels == ("sadness", "bored")
    assert read(TAGGED.format("bored"), "emotion", label_set=["bored"]).labels == ("bored",)


def test_texts_without_tags() -> None:
    assert untagged(TAGGED.format("sadness")).endswith("(AU15). sadness")
    assert untagged("a < b") == "a < b"


def test_unknown_readers_and_tasks_are_refused() -> None:
    with pytest.raises(UsageError, match="tags, think, text, faba"):
        read("", "au", "regex")
    with pytest.raises(UsageError, match="unknown task"):
        read("", "faces")
    for task in TASKS:
        for reader in READERS:
            read("<think></think> AU4 <answer>", task, reader)
