"""What a repair names: every reason of every gate has its words, and the truth in a verdict's detail stays there."""

from __future__ import annotations

import inspect
import re

import pytest
from lessons import sample_of

from curation.asking import Told
from curation.gates import Candidate, judge, text
from curation.gates.registry import Verdict
from curation.repair import failed_items, nearest
from facial_r1.inference.protocol import Answer, Request
from facial_r1.prompt import MENDS
from facial_r1.recipe import DEFAULT_GATES
from facial_r1.response import parse


def told(reply: str | None, attempt: int = 0, outcome: str = "ok") -> Told:
    sample = sample_of("both", 0)
    sample.AUs, sample.labels = ["AU1", "AU4"], ["fear"]
    response = parse(reply or "")
    candidate = Candidate(sample, outcome, response)
    verdicts = judge(candidate, DEFAULT_GATES)
    request = Request(sample.id, "", "", attempt=attempt)
    return Told(request, Answer("k", sample.id, outcome, reply, "m", attempt), candidate, verdicts)


def reply(think: str = "Brows up (AU1), brows down (AU4).", answer: str = "fear") -> str:
    return f"<think>{think}</think><answer>{answer}</answer>"


@pytest.mark.parametrize(
    ("written", "items"),
    [
        (reply(), ()),
        (reply() + " Done.", ("form",)),
        (reply("Brows up (AU1)."), ("action_units",)),
        (reply("Brows up (AU1), brows down (AU4), lids tight (AU7)."), ("unlisted_units",)),
        (reply(answer="anger"), ("emotion",)),
        (reply(answer="contempt"), ("emotion", "unlisted_emotion")),
        (reply(answer="fear and anger"), ("answer", "emotion")),
        (reply("Brows up (AU1), perhaps down (AU4), not calm."), ("wording",)),
        (reply("Brows up (AU1).", "anger") + "!", ("form", "action_units", "emotion")),
    ],
)
def test_the_items_of_a_reply(written: str, items: tuple[str, ...]) -> None:
    assert failed_items(told(written).verdicts) == items
    assert set(items) <= MENDS.keys()


@pytest.mark.parametrize(
    ("outcome", "items"), [("cut_off", ("length",)), ("refusal", ()), ("filtered", ()), ("failed", ())]
)
def test_the_items_of_what_is_no_reply(outcome: str, items: tuple[str, ...]) -> None:
    assert failed_items(told(None, outcome=outcome).verdicts) == items


def test_a_gate_of_ones_own_is_named_without_its_detail() -> None:
    verdicts = [Verdict("charm", False, "dull", "it should say AU4"), Verdict("label", None), Verdict("grammar", True)]
    assert failed_items(verdicts) == ("charm (dull)",)


def test_every_reason_of_the_gates_on_text_has_its_words() -> None:
    """A new reason without an item would be shown to the model as its bare code."""
    source = inspect.getsource(text)
    reasons = {*re.findall(r'Ruling\(False, "(\w+)"', source), "negative_word", "uncertain_word", "label_outside_set"}
    assert len(reasons) >= 13
    for reason in reasons - {"no_truth"}:  # a row without truth is no fault of the reply
        assert set(failed_items([Verdict("a gate", False, reason)])) <= MENDS.keys(), reason


def test_the_nearest_answer_has_the_fewest_items_then_the_highest_f1() -> None:
    sample = sample_of("both", 0)
    sample.AUs, sample.labels = ["AU1", "AU4"], ["fear"]
    refusal = told(None, 0, "refusal")
    twofold = told(reply("Brows up (AU1).", "anger"), 1)
    far = told(reply("Nose up (AU9), lips apart (AU25)."), 2)
    near = told(reply("Brows up (AU1)."), 3)
    again = told(reply("Brows up (AU1)."), 4)
    assert nearest(sample, [refusal, twofold, far, again, near]) is near
    assert nearest(sample, [refusal, twofold]) is twofold
    assert nearest(sample, [refusal]) is refusal
