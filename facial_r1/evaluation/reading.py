"""How an answer is read: which Action Units and which emotion a model's text claims.

Models that were trained elsewhere do not write our tags, and a number depends on how their text is read; so the reader
has a name, which every result carries:

* ``tags``: our grammar, by the one strict parser. For the task ``au`` the answer block lists the Action Units, else the
  reasoning names them; the answer block holds the emotion. What is missing there is missing.
* ``think``: the convention of Facial-R1: Action Units are those of the reasoning for every task.
* ``text``: for texts without tags (with tags it is ``think``): Action Units that are affirmed anywhere, and the one
  emotion that the sentences without a denial name; several are none.
* ``faba``: as EmoLA's own evaluation reads free text, its oddities included (:mod:`facial_r1.evaluation.rege`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from facial_r1.emotions import SYNONYMS
from facial_r1.errors import UsageError
from facial_r1.evaluation.rege import faba_aus, faba_emotion
from facial_r1.facs import sort_codes
from facial_r1.mentions import Mention, find_mentions
from facial_r1.response import Response, parse, predicted_aus, predicted_unknown
from facial_r1.sample import TASKS
from facial_r1.wording import any_of, lowered, negative_words

__all__ = ["READERS", "Claim", "emotions_in", "read", "untagged"]

READERS: tuple[str, ...] = ("tags", "think", "text", "faba")

_TAGS = re.compile(r"</?(?:think|answer)>")
_EMOTION = re.compile(any_of(SYNONYMS))
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a text claims.

    Attributes:
        aus: canonical codes by number; None when the text has no place where they could stand.
        labels: answered labels in order, then whatever else stands in the answer; empty when there is none.
        invented: how many numbers were claimed that FACS does not have.
        faults: what breaks the grammar, empty for readers that ask for none.
        response: the text as the strict parser reads it.
    """

    aus: tuple[str, ...] | None
    labels: tuple[str, ...]
    invented: int
    faults: tuple[str, ...]
    response: Response


def untagged(text: str) -> str:
    """The text without the four tags, all else kept.

    >>> untagged("<think>A smile.</think><answer>happiness</answer>")
    'A smile. happiness'
    """
    return " ".join(part for piece in _TAGS.split(text) if (part := piece.strip()))


def read(text: str, task: str, reader: str = "tags", *, label_set: Iterable[str] = ()) -> Claim:
    """Read a text.

    Args:
        text: what the model wrote.
        task: the form that was asked for: ``au+emotion``, ``au`` or ``emotion``.
        reader: one of :data:`READERS`.
        label_set: labels beyond the eight.

    >>> read("<think>The lip corners rise (AU12).</think><answer>Happy</answer>", "au+emotion").labels
    ('happiness',)
    >>> claim = read("AU4 and AU 15. The person looks sad, with no joy. There is no anger.", "au+emotion", "text")
    >>> claim.aus, claim.labels
    (('AU4', 'AU15'), ())

    Raises:
        UsageError: for an unknown task or reader.
    """
    if reader not in READERS:
        raise UsageError("unknown reader", found=reader, expected=f"one of {', '.join(READERS)}")
    if task not in TASKS:
        raise UsageError("unknown task", found=task, expected=f"one of {', '.join(TASKS)}")
    response = parse(text, label_set=label_set)
    if reader == "faba":
        codes, invented = faba_aus(untagged(text))
        emotion = faba_emotion(untagged(text))
        return Claim(codes, () if emotion is None else (emotion,), invented, (), response)
    if reader == "text" and not _TAGS.search(text):
        return _plain(text, response)
    labels = response.answer_labels + response.answer_rest
    if reader == "tags" and task == "au":
        aus = predicted_aus(response, task) if response.answers_aus or response.answer_aus else None
        return Claim(aus, (), len(predicted_unknown(response, task)), response.faults, response)
    aus = None if response.think is None else response.claimed_aus
    return Claim(aus, labels, len(response.unknown_numbers), response.faults, response)


def _plain(text: str, response: Response) -> Claim:
    affirmed = [mention for mention in find_mentions(text) if not mention.negated]
    return Claim(_codes(affirmed), _affirmed(text), len({m.number for m in affirmed if not m.code}), (), response)


def _codes(mentions: Iterable[Mention]) -> tuple[str, ...]:
    return tuple(sort_codes(mention.code for mention in mentions if mention.code))


def emotions_in(text: str) -> set[str]:
    """The emotions that words of ``text`` name, affirmed or not.

    >>> sorted(emotions_in("Scared, or with no expression; not angry."))
    ['anger', 'fear', 'neutral']
    """
    return {SYNONYMS[" ".join(word.group().split())] for word in _EMOTION.finditer(lowered(text))}


def _affirmed(text: str) -> tuple[str, ...]:
    """The emotion that the sentences without a denial name, when it is one."""
    sentences = [sentence for sentence in _SENTENCE_END.split(text) if not negative_words(sentence)]
    named = set().union(*map(emotions_in, sentences))
    return tuple(named) if len(named) == 1 else ()
