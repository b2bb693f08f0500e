"""The one strict parser of answers, used by gates, rewards, synthesis, evaluation and viewer alike.

What breaks the grammar of :mod:`facial_r1.grammar` is named by reason codes; where a block is unambiguous its text is
still extracted, so that a report can show it.

The answer is one emotion word (several for blends and compounds: ``happiness and surprise``), or, for the task
``au``, the canonical list ``AU6, AU12`` or ``none``. How Action Units are read is told in :mod:`facial_r1.mentions`.
Nothing a model writes makes the parser raise, and its time grows linearly with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from facial_r1.emotions import try_canonical
from facial_r1.errors import UsageError
from facial_r1.facs import sort_codes
from facial_r1.grammar import FAULTS, read_blocks
from facial_r1.mentions import Mention, find_mentions
from facial_r1.sample import TASKS
from facial_r1.wording import negative_words, uncertain_words

__all__ = [
    "EMPTY",
    "FAULTS",
    "NO_AUS",
    "Mention",
    "Response",
    "canonical_answer",
    "negative_words",
    "parse",
    "predicted_aus",
    "predicted_unknown",
    "uncertain_words",
]

NO_AUS = "none"
"""The answer of the task ``au`` when no Action Unit is active."""


@dataclass(frozen=True, slots=True)
class Response:
    """A model's text, read.

    Attributes:
        text: as it came.
        think: the reasoning without surrounding white space; None when it is missing or ambiguous.
        answer: likewise.
        faults: what breaks the grammar, codes of :data:`FAULTS` in its order; empty when nothing does.
        mentions: every Action Unit named in ``think``, in order of appearance.
        answer_aus: canonical codes in the answer, sorted by number; ``()`` also for ``none``.
        answer_labels: canonical nouns (or words of the label set) in the answer, each once, order kept.
        answer_rest: what else stands in the answer, such as ``bored``, ``AU99`` or ``no AU4``.
        answer_unknown: numbers that the answer affirms as Action Units and FACS does not have.
    """

    text: str
    think: str | None
    answer: str | None
    faults: tuple[str, ...]
    mentions: tuple[Mention, ...] = ()
    answer_aus: tuple[str, ...] = ()
    answer_labels: tuple[str, ...] = ()
    answer_rest: tuple[str, ...] = ()
    answer_unknown: tuple[int, ...] = ()

    @property
    def well_formed(self) -> bool:
        """The text obeys the grammar."""
        return not self.faults

    @property
    def claimed_aus(self) -> tuple[str, ...]:
        """Codes that the reasoning affirms, sorted by number, each once; doubted ones count as claimed."""
        return _affirmed(self.mentions)

    @property
    def unknown_numbers(self) -> tuple[int, ...]:
        """Numbers that the reasoning affirms as Action Units and FACS does not have; sorted, each once."""
        return _affirmed_unknown(self.mentions)

    @property
    def answers_aus(self) -> bool:
        """The answer is a list of Action Units or ``none`` and nothing else, so ``()`` in ``answer_aus`` is meant."""
        if self.answer is None or self.answer_labels or self.answer_rest:
            return False
        return bool(self.answer_aus) or _bare(self.answer) == NO_AUS


def canonical_answer(codes: Iterable[str]) -> str:
    """The one spelling of a list of Action Units in an answer.

    >>> canonical_answer(["AU12", "AU6"]), canonical_answer([])
    ('AU6, AU12', 'none')
    """
    return ", ".join(sort_codes(codes)) or NO_AUS


def parse(text: str, *, label_set: Iterable[str] = ()) -> Response:
    """Read a model's text. Never raises, whatever the text.

    Args:
        text: the completion, special tokens removed.
        label_set: words that count as labels beside the eight emotions and their synonyms, such as ``confusion``.

    >>> response = parse("<think>The lip corners rise (AU12); no AU 4.</think><answer>Happy.</answer>")
    >>> response.well_formed, response.claimed_aus, response.answer_labels
    (True, ('AU12',), ('happiness',))
    >>> parse("<think>AUs 6 and 12</think> so <answer>AU6, AU12</answer>").faults
    ('text_outside',)
    """
    blocks, faults = read_blocks(text)
    think, answer = blocks["think"], blocks["answer"]
    listed = find_mentions(answer) if answer else ()
    labels, rest = _read_words(answer or "", listed, frozenset(word.lower() for word in label_set))
    return Response(
        text=text,
        think=think,
        answer=answer,
        faults=faults,
        mentions=find_mentions(think) if think else (),
        answer_aus=_affirmed(listed),
        answer_labels=labels,
        answer_rest=rest,
        answer_unknown=_affirmed_unknown(listed),
    )


def predicted_aus(response: Response, task: str) -> tuple[str, ...]:
    """The Action Units a response claims for a task: from the answer (``au``) or the reasoning (``au+emotion``).

    ``()`` is also what silence gives; whoever rewards it asks ``well_formed`` (and ``answers_aus`` for ``au``) first.

    Raises:
        UsageError: for an unknown task.
    """
    if _known(task) == "au":
        return response.answer_aus
    return response.claimed_aus if task == "au+emotion" else ()


def predicted_unknown(response: Response, task: str) -> tuple[int, ...]:
    """The numbers outside FACS that a response claims where :func:`predicted_aus` looks; false positives, all of them.

    Raises:
        UsageError: for an unknown task.
    """
    if _known(task) == "au":
        return response.answer_unknown
    return response.unknown_numbers if task == "au+emotion" else ()


def _known(task: str) -> str:
    if task not in TASKS:
        raise UsageError("unknown task", found=task, expected=f"one of {', '.join(TASKS)}")
    return task


def _affirmed(mentions: tuple[Mention, ...]) -> tuple[str, ...]:
    numbered = {(m.number, m.code) for m in mentions if m.code and not m.negated}
    return tuple(code for _, code in sorted(numbered))


def _affirmed_unknown(mentions: tuple[Mention, ...]) -> tuple[int, ...]:
    return tuple(sorted({m.number for m in mentions if m.code is None and not m.negated}))


_SEPARATOR = re.compile(r"[,;/&+|\n]|\band\b", re.IGNORECASE)


def _bare(piece: str) -> str:
    return piece.strip(" \t\r\n.,;:!\"'()[]").lower()


def _read_words(
    answer: str, listed: tuple[Mention, ...], label_set: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Labels and the rest of an answer that names the Action Units ``listed``."""
    rest = [answer[m.start : m.end] for m in listed if m.code is None or m.negated]
    labels: dict[str, None] = {}
    for piece in _pieces(answer, listed):
        words = [piece] if _label(piece, label_set) else piece.split()
        nouns = [noun for word in words if (noun := _label(word, label_set))]
        if len(nouns) == len(words):
            labels.update(dict.fromkeys(nouns))
        else:
            rest.append(piece)
    return tuple(labels), tuple(rest)


def _pieces(answer: str, listed: tuple[Mention, ...]) -> list[str]:
    """What is left of an answer beside its Action Units, cut at commas and *and*."""
    if _bare(answer) == NO_AUS:
        return []
    gaps, position = [], 0
    for mention in listed:
        gaps.append(answer[position : mention.start])
        position = mention.end
    gaps.append(answer[position:])
    bare = (_bare(piece) for gap in gaps for piece in _SEPARATOR.split(gap))
    return [piece for piece in bare if piece]


def _label(word: str, label_set: frozenset[str]) -> str | None:
    return word if word in label_set else try_canonical(word)


EMPTY: Response = parse("")
"""What stands for a response that never came."""
