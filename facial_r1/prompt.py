"""The prompts: a question, the rules of the answer, the Action Units with their definitions, and one example.

Everything in a prompt follows from the task and from what the corpus can contain: only its Action Units, in order of
number, and only its labels. The teacher's prompt is the student's with the known facts behind a separator. A prompt
is named by the SHA-256 of its text, which enters every request and every released row; change any wording here and
:data:`PROMPT_VERSION` must rise (a test pins the hashes).

The rules are those of the Facial-R1 paper in our own words: think before answering, Action Units first and then what
they mean together, each number behind the feature it stands for, nothing denied or guessed, short.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from facial_r1 import facs
from facial_r1.emotions import EMOTIONS
from facial_r1.errors import InputError, UsageError
from facial_r1.files import sha256_bytes
from facial_r1.inference.protocol import Facts
from facial_r1.response import canonical_answer
from facial_r1.sample import TASKS, Sample, form_of, task_of
from facial_r1.scoring import LABEL_RULES

__all__ = [
    "MENDS",
    "PROMPT_VERSION",
    "Prompt",
    "default_question",
    "known_of",
    "repair_prompt",
    "student_prompt",
    "teacher_prompt",
]

PROMPT_VERSION = "2"
"""Rises with every change of wording."""

_QUESTIONS = {
    "au+emotion": "Which emotion does this face express, and by which facial Action Units?",
    "au": "Which facial Action Units are active in this face?",
    "emotion": "Which emotion does this face express?",
}
_FORM = "Reply with exactly one <think>...</think> block followed by exactly one <answer>...</answer> block."
_PLAIN = (
    "State only what is visible. Leave out negations and guesses: words such as no, not, without, maybe or possibly.",
    "Be brief: about 40 to 100 words.",
)
_THINK = {
    "au+emotion": (
        "In the think block write one continuous paragraph. Describe each decisive facial feature and put its Action "
        "Unit in parentheses right behind it.",
        "First go through the Action Units, then say how together they lead to the emotion.",
    ),
    "au": (
        "In the think block write one continuous paragraph. Describe each facial feature that you see in action and "
        "put its Action Unit in parentheses right behind it.",
    ),
    "emotion": (
        "In the think block write one continuous paragraph. Describe the decisive facial features in plain words, "
        "without codes or numbers, then say how together they lead to the emotion.",
    ),
}
_FACTS = "Known facts about this picture. Build the paragraph on them, as if you had seen them yourself:"
_REPAIR = "An earlier reply to this was turned down. Write a new one that mends what was wrong with it:"
_RIGHT = "What the new reply has to arrive at:"
MENDS: dict[str, str] = {
    "form": "Its form was broken; one think block, one answer block, nothing around them.",
    "length": "It was too long and broke off.",
    "action_units": "Its Action Units were wrong for this face.",
    "unlisted_units": "It named Action Units outside the list above.",
    "codes": "It named Action Units by code or number; plain words are asked for.",
    "difference": "Its think block and its answer block disagreed.",
    "emotion": "Its emotion was wrong for this face.",
    "unlisted_emotion": "Its emotion was outside the list above.",
    "answer": "Its answer block held something else than what is asked for.",
    "words": "The words beside an Action Unit's number described another movement; describe its own there.",
    "leak": "It spoke of the facts it was given; write as if you had seen them yourself.",
    "short": "It was too short.",
    "long": "It was too long.",
    "repetition": "It repeated itself.",
    "language": "It was not in English.",
    "wording": "It denied or doubted something; state only what is visible.",
}
"""What a repair may name, and its sentence; none of them tells what would have been right."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A user message.

    Attributes:
        text: the message.
        hash: hex SHA-256 of ``text``.
        version: :data:`PROMPT_VERSION` at the time of writing.
    """

    text: str
    hash: str
    version: str = PROMPT_VERSION


def default_question(task: str) -> str:
    """What is asked when a row brings no question of its own.

    Raises:
        UsageError: for an unknown task.
    """
    if task not in TASKS:
        raise UsageError("unknown task", found=task, expected=f"one of {', '.join(TASKS)}")
    return _QUESTIONS[task]


def known_of(sample: Sample, unknown_truth: str = "omit") -> tuple[str, str, Sequence[str], Sequence[str]]:
    """What every prompt about a row begins with: its form, question, the Action Units and the labels to choose from.

    A row of which nobody scored the Action Units, and whose text may name them, is shown the main codes of FACS.
    """
    task, form = task_of(sample) or "", form_of(sample, unknown_truth) or ""
    question, meta = sample.question, sample.meta_info
    if form != task and question == default_question(task):
        question = default_question(form)
    return form, question, meta.au_annotated or facs.MAIN_CODES, meta.label_set or EMOTIONS


def student_prompt(
    task: str, question: str, aus: Iterable[str], labels: Iterable[str], *, label_rule: str = "any"
) -> Prompt:
    """The blind prompt: what a model is asked in training and evaluation.

    Args:
        task: ``au+emotion``, ``au`` or ``emotion``.
        question: the row's question; an empty one stands for :func:`default_question`.
        aus: canonical codes the corpus can contain; not used for ``emotion``.
        labels: the corpus' label set, shown in this order; not used for ``au``.
        label_rule: ``any`` asks for one word, ``set`` for every word that applies.

    Raises:
        UsageError: for an unknown task or rule, or when the task lacks the codes or labels it needs.
        InputError: for a code that FACS does not have.
    """
    return _prompt(_student_text(task, question, tuple(aus), tuple(labels), label_rule))


def teacher_prompt(
    task: str,
    question: str,
    aus: Iterable[str],
    labels: Iterable[str],
    facts: Facts,
    *,
    label_rule: str = "any",
) -> Prompt:
    """The truth-conditioned prompt: the student's, then what the corpus knows, as far as ``facts.task`` speaks of it.

    ``facts.task`` is the task of the truth; ``task`` is the form of the text, see :func:`facial_r1.sample.form_of`.

    Raises:
        UsageError, InputError: as :func:`student_prompt`.
    """
    student = _student_text(task, question, tuple(aus), tuple(labels), label_rule)
    return _prompt("\n".join([student, *_told(facts)]))


def repair_prompt(
    task: str,
    question: str,
    aus: Iterable[str],
    labels: Iterable[str],
    failed: Iterable[str],
    facts: Facts | None = None,
    *,
    last: bool = False,
    label_rule: str = "any",
) -> Prompt:
    """The question again, after a reply that was turned down, with what was wrong about it but not that reply.

    Args:
        task, question, aus, labels, label_rule: as :func:`student_prompt`.
        failed: keys of :data:`MENDS`, or names of further checks; without any the question alone is repeated.
        facts: what the corpus knows, as :func:`teacher_prompt` tells it; None for a blind question.
        last: spell out the right answer of ``facts`` behind what failed.

    Raises:
        UsageError, InputError: as :func:`student_prompt`; UsageError also for ``last`` without ``facts``.
    """
    if last and facts is None:
        raise UsageError("a last repair tells the right answer", found="no facts", do="give the facts")
    lines = [_student_text(task, question, tuple(aus), tuple(labels), label_rule)]
    if facts is not None:
        lines += _told(facts)
    mends = [f"- {MENDS.get(name, f'It did not pass a further check: {name}.')}" for name in failed]
    if mends:
        lines += ["", "---", _REPAIR, *mends]
    if last and facts is not None:
        lines += ["", "---", _RIGHT, *_right(task, facts)]
    return _prompt("\n".join(lines))


def _told(facts: Facts) -> list[str]:
    """The lines that state the facts, as far as the truth goes."""
    lines = ["", "---", _FACTS]
    if facts.task != "emotion":
        lines.append(f"Active Action Units: {canonical_answer(facts.aus)}")
    if facts.task != "au" and facts.labels:
        lines.append(f"Emotion: {' and '.join(facts.labels)}")
    return lines


def _right(task: str, facts: Facts) -> list[str]:
    """The lines that spell out the right answer."""
    codes = canonical_answer(facts.aus)
    lines = []
    if facts.task != "emotion":
        lines.append(f"- the Action Units in the think block, exactly these: {codes}")
    if task == "au":
        lines.append(f"- the answer block, word for word: {codes}")
    elif facts.task != "au":
        lines.append(f"- the answer block, word for word: {' and '.join(facts.labels)}")
    return lines


def _prompt(text: str) -> Prompt:
    return Prompt(text, sha256_bytes(text.encode()))


def _student_text(task: str, question: str, aus: tuple[str, ...], labels: tuple[str, ...], label_rule: str) -> str:
    return f"{question.strip() or default_question(task)}\n\n{_rules(task, aus, labels, label_rule)}"


@lru_cache(maxsize=256)
def _rules(task: str, aus: tuple[str, ...], labels: tuple[str, ...], label_rule: str) -> str:
    """Everything behind the question; the same for all rows of a corpus and task."""
    default_question(task)  # knows the tasks
    if label_rule not in LABEL_RULES:
        raise UsageError("unknown label rule", found=label_rule, expected=" or ".join(LABEL_RULES))
    unknown = [au for au in aus if au not in facs.REGISTRY]
    if unknown:
        raise InputError("unknown Action Unit", found=unknown[0], expected="a canonical code such as AU12 or AD19")
    codes = () if task == "emotion" else tuple(facs.sort_codes(aus))
    words = () if task == "au" else tuple(dict.fromkeys(labels))
    if task != "emotion" and not codes:
        raise UsageError(f"a prompt for the task {task} needs Action Units", do="give the corpus' au_set")
    if task != "au" and not words:
        raise UsageError(f"a prompt for the task {task} needs labels", do="give the corpus' label_set")
    lines = [
        "Requirements:",
        *(f"- {rule}" for rule in (_FORM, *_THINK[task], *_PLAIN, *_answer_rules(words, label_rule))),
    ]
    if codes:
        lines += ["", "Action Units:"]
        units = (facs.REGISTRY[code] for code in codes)
        lines += [f"- {unit.code}, {unit.name}: {unit.description}" for unit in units]
    return "\n".join([*lines, "", "Example of the form, for another picture:", _example(task, codes, words)])


def _answer_rules(words: tuple[str, ...], label_rule: str) -> tuple[str, ...]:
    if not words:
        return (
            "In the answer block list the active Action Units in ascending order, separated by commas; write none for "
            "a face at rest.",
        )
    choice = "every word that applies, joined by and," if label_rule == "set" else "one word"
    return (f"In the answer block write {choice} from this list: {', '.join(words)}.",)


def _example(task: str, codes: Sequence[str], words: Sequence[str]) -> str:
    """A reply that obeys the rules and uses only ``codes`` and ``words``, made from the registry's descriptions."""
    numbers = {facs.number(code) for code in codes} if task != "emotion" else set(facs.BY_NUMBER)
    emotion, shown = _best_prototype(numbers, words)
    units = [facs.BY_NUMBER[number] for number in shown]
    features = [unit.description if task == "emotion" else f"{unit.description} ({unit.code})" for unit in units]
    sentences = [f"{feature[0].upper()}{feature[1:]}." for feature in features]
    if not sentences:
        sentences = ["The brows, the lids and the lips rest in their relaxed positions."]
    if task != "au":
        sentences.append(f"Taken together, these features read as {emotion}.")
    answer = canonical_answer(unit.code for unit in units) if task == "au" else emotion
    return f"<think>{' '.join(sentences)}</think><answer>{answer}</answer>"


def _best_prototype(numbers: set[int], words: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """The emotion of ``words`` (any, when empty) and the Action Units of it that best fit into ``numbers``.

    A whole prototype beats a part, about three Action Units beat many or one, and an early word beats a late one. When
    nothing fits, the first word and the lowest number stand in: the example then shows the form alone.
    """
    fits = [
        (shared == prototype, -abs(len(shared) - 3), -index, emotion, shared)
        for index, emotion in enumerate(words or facs.PROTOTYPES)
        for prototype in facs.PROTOTYPES.get(emotion, ())
        if (shared := tuple(n for n in prototype if n in numbers)) or not prototype
    ]
    if not fits:
        return words[0], (min(numbers),)
    *_, emotion, shared = max(fits)
    return emotion, shared
