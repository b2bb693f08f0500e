"""The template teacher: reasoning text from what the corpus knows, on any machine, for nothing.

It looks at no picture. With Action Units it states each of them once, in words of its own region, and leads from them
to the emotion. With an emotion alone it describes one of the *prototypes* of that emotion
(:data:`facial_r1.facs.PROTOTYPES`): such a text is conditioned on the label and stereotyped by nature; it stands in for
a teacher that sees the face, and its features are no annotation.

The text is drawn from :mod:`facial_r1.inference.phrases` by the request's key, so the same request always gives the
same text, and a further attempt another one. Change :data:`MODEL` whenever the texts change: it enters the key.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from facial_r1.errors import UsageError
from facial_r1.facs import EXCLUSIVE, PROTOTYPES, sort_codes
from facial_r1.facs import code as canonical
from facial_r1.inference import phrases
from facial_r1.inference.protocol import Answer, Backend, Facts, Request
from facial_r1.response import canonical_answer
from facial_r1.sample import TASKS

__all__ = ["MODEL", "create", "write"]

MODEL = "template-1"

_T = TypeVar("_T")
_PART_OF = {canonical(au): part for part, numbers in phrases.REGIONS.items() for au in numbers}


def create() -> Backend:
    """The template teacher; it has no options."""
    return _Template()


class _Template:
    name = "template"
    model = MODEL
    batch = 256
    params: Mapping[str, Any] = {}
    endpoint: str | None = None

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Answer:
        if request.facts is None:
            do = "take a teacher that sees the picture"
            raise UsageError("the template teacher can only say what it is told", found=request.sample_id, do=do)
        key = request.key(self.model)
        return Answer(key, request.sample_id, "ok", write(request.facts, key), self.model, request.attempt)


def write(facts: Facts, seed: str) -> str:
    """The reasoning text for ``facts``: one ``<think>`` paragraph and one ``<answer>``.

    Args:
        facts: Action Units are stated for the tasks ``au+emotion`` and ``au``, the labels answer the other two tasks.
        seed: hexadecimal; chooses among the phrasings.

    Raises:
        UsageError: for facts that are too few for their task, or an emotion whose features are not known.
    """
    if facts.task not in TASKS or (facts.task != "au" and not facts.labels):
        found = f"task {facts.task!r} with labels {facts.labels!r}"
        expected = f"one of {', '.join(TASKS)}, and a label unless the task is au"
        raise UsageError("the template teacher cannot write from these facts", found=found, expected=expected)
    dice = _Dice(seed)
    codes = _prototype(dice, facts.labels) if facts.task == "emotion" else facts.aus
    sentences = _statements(dice, codes, numbered=facts.task != "emotion") if codes else _rest(dice)
    if facts.task == "au":
        sentences += [_closing(dice, codes)] if codes else []
        answer = canonical_answer(codes)
    else:
        sentences.append(_conclusion(dice, codes, facts.labels))
        answer = " and ".join(facts.labels)
    think = " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)
    return f"<think>{think}</think><answer>{answer}</answer>"


class _Dice:
    """Seeded choices made of ``random()`` alone, the one method whose sequence Python promises to keep."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(int(seed, 16)).random

    def pick(self, options: Sequence[_T]) -> _T:
        return options[int(self._random() * len(options))]

    def shuffled(self, items: Iterable[_T]) -> list[_T]:
        return sorted(items, key=lambda _: self._random())


def _prototype(dice: _Dice, labels: Sequence[str]) -> tuple[str, ...]:
    """Action Units that stand for ``labels``; of a pair that one face cannot show, the first label's stays."""
    chosen: list[int] = []
    for label in labels:
        if label not in PROTOTYPES:
            raise UsageError(
                "the template teacher knows no features of this emotion",
                found=label,
                expected=f"one of {', '.join(PROTOTYPES)}",
                do="take another teacher for corpora with such labels, or leave their rows out",
            )
        for au in dice.pick(PROTOTYPES[label]):
            if au not in chosen and not any(frozenset((au, other)) in EXCLUSIVE for other in chosen):
                chosen.append(au)
    return tuple(sort_codes(canonical(au) for au in chosen))


def _statements(dice: _Dice, codes: Sequence[str], *, numbered: bool) -> list[str]:
    """Sentences that state every code once, part of the face by part, a few codes to a sentence."""
    parts = list(phrases.REGIONS)
    parts = dice.pick((parts, parts, parts[::-1], dice.shuffled(parts)))
    ordered = [code for part in parts for code in dice.shuffled(codes) if _PART_OF[code] == part]
    sentences: list[str] = []
    while ordered:
        count = min(dice.pick((1, 2, 2, 3, 3)), len(ordered))
        group, ordered = ordered[:count], ordered[count:]
        if sentences:
            lead = dice.pick(phrases.LINKS)
        else:
            lead = dice.pick(phrases.OPENINGS + phrases.PART_OPENINGS).format(part=_PART_OF[group[0]])
        sentences.append(f"{lead}{_sentence(dice, group, numbered=numbered)}.")
    return sentences


def _sentence(dice: _Dice, codes: Sequence[str], *, numbered: bool) -> str:
    rest = iter(codes)

    def phrase(slot: re.Match[str]) -> str:
        code = next(rest)
        forms = phrases.PHRASES[code]
        words = dice.pick(forms.clauses if slot.group() == "{c}" else forms.nouns)
        return f"{words} ({code})" if numbered else words

    return re.sub(r"\{[cn]\}", phrase, dice.pick(phrases.FRAMES[len(codes)]))


def _rest(dice: _Dice) -> list[str]:
    """Sentences on a face at rest."""
    first, second, third = dice.shuffled(dice.pick(options) for options in phrases.REST)
    return [f"{dice.pick(phrases.OPENINGS)}{first}, {second}, and {third}.", dice.pick(phrases.REST_CLOSINGS)]


def _closing(dice: _Dice, codes: Sequence[str]) -> str:
    return f"{_subject(dice, codes)} {dice.pick(phrases.AU_PREDICATES)}."


def _conclusion(dice: _Dice, codes: Sequence[str], labels: Sequence[str]) -> str:
    """The sentence that leads from what was stated to the emotion."""
    gloss = " with ".join(dice.pick(phrases.GLOSSES.get(label, (f"a mood of {label}",))) for label in labels)
    emotion = " and ".join("a neutral expression" if label == "neutral" else label for label in labels)
    return f"{_subject(dice, codes)} {dice.pick(phrases.EMOTION_PREDICATES).format(gloss=gloss, emotion=emotion)}."


def _subject(dice: _Dice, codes: Sequence[str]) -> str:
    parts = [part for part in phrases.REGIONS if any(_PART_OF[code] == part for code in codes)] or ["whole face"]
    subjects = phrases.SINGLE_SUBJECTS if len(codes) == 1 else phrases.SUBJECTS
    return dice.pick(subjects).format(parts=" and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))))
