"""REGE, the score of FABA-Bench (EmoLA, ECCV 2024): recognition plus generation, 0 to 200.

Source of the rules and of the word lists: the evaluation that EmoLA published (github.com/JackYFL/EmoLA,
``emollava/eval/eval_FABA.py``), under the MIT licence. What it computes is told and written here anew; the word lists,
without which its numbers cannot be reproduced, are sorted data.

``REGE = S_re + S_ge``: ``S_re`` is the accuracy of the emotion, or the mean F1 of 12 Action Units, ``S_ge`` the mean
ROUGE-L F1 by the package ``rouge``; both times 100, and simply added.

What the benchmark does, and so does this module:

* the emotion is read out of free text: sentences with a denial are left out, and denials are *substrings* (``no`` is in
  *nose* and *know*); in the first sentence the first word of a word list decides, else the most frequent list in the
  rest; when nothing is found it is happiness;
* Action Units are every ``AU`` with digits behind it, denied or not; ``AU04`` and ``AU 4`` are not seen;
* an Action Unit that is constant in truth and predictions alike has no F1 and is skipped; with no true positive it
  counts 0;
* a pair of texts on which ``rouge`` fails (an empty text) is left out of ``S_ge``.

One thing differs: where the original stops with an error (a text without any full stop), the emotion is None here,
which is wrong and counted as invalid.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from facial_r1.facs import BY_NUMBER, sort_codes

__all__ = ["FABA_AUS", "FABA_WORDS", "Rege", "faba_aus", "faba_emotion", "faba_f1", "rege"]

FABA_AUS: tuple[str, ...] = tuple(BY_NUMBER[number].code for number in (1, 2, 4, 5, 6, 10, 12, 17, 24, 25, 26, 43))
"""The Action Units whose F1 is averaged."""

FABA_WORDS: dict[str, frozenset[str]] = {
    emotion: frozenset(words.split())
    for emotion, words in {
        "happiness": "amused amusement bright cheerful content contentment friendly happiness happy joy joyful "
        "lightheartedness pleasant positive positivity relaxation relaxed smile smiling warmth",
        "sadness": "anguish concern crying discomfort distress sadness somber",
        "surprise": "astonishment bewilderment confusion curiosity curious disbelief excitement puzzled skepticism "
        "startled surprise surprised uncertainty wonder",
        "anger": "agitation anger annoyed displeased enraged frustration incensed irate irritated mad outraged "
        "serious stern",
        "neutral": "calm concerned contemplative focused mild neutral neutrality solemn thoughtful",
        "disgust": "contempt disapproval discomfort disdain disgust disgusted displeased displeasure distaste",
        "fear": "alarm alertness anxiety apprehension contemplation curiosity fear focus panic shock tension worry",
    }.items()
}
"""Emotion → the words that EmoLA's evaluation counts for it, in the order in which it looks (MIT, see the module).

They overlap (*discomfort*, *displeased* and *curiosity* stand twice), and *sad* and *angry* are not among them.
"""

_ORDER = tuple(FABA_WORDS)

_DENIALS = ("no", "isn't ", "won't", "shouldn't", "neither")
"""Substrings that make a sentence deny; the benchmark's further ones (*not*, *nothing*, *cannot*, *nor*) hold *no*."""

# White space behind a full stop or question mark, but not behind "e.g." or "Mr.".
_BETWEEN = re.compile(r"(?<=[.?])(?<!\w[.]\w[.?])(?<![A-Z][a-z][.])\s")
_FIRST = re.compile(r"(.*?)[.!?]")
_WORDS = re.compile(r"\w+")
_AU = re.compile(r"AU(\d+)")


def faba_emotion(text: str) -> str | None:
    """The emotion that the benchmark reads out of ``text``; None where the benchmark stops with an error.

    >>> faba_emotion("The face shows joy. There is no fear."), faba_emotion("The nose is wrinkled. A stern look.")
    ('happiness', 'anger')
    >>> faba_emotion("Brows down. Lips thin."), faba_emotion("anger") is None
    ('happiness', True)
    """
    kept = [part for part in _BETWEEN.split(text) if not any(word in part.lower() for word in _DENIALS)]
    positive = " ".join(kept) or text
    first = _FIRST.match(positive)
    if first is None:
        return None
    for word in _WORDS.findall(first[1].lower()):
        for emotion in _ORDER:
            if word in FABA_WORDS[emotion]:
                return emotion
    rest = _WORDS.findall(_without_first(positive).lower())
    counts = {emotion: sum(word in FABA_WORDS[emotion] for word in rest) for emotion in _ORDER}
    return max(_ORDER, key=counts.__getitem__)


def _without_first(text: str) -> str:
    """What the benchmark looks at next: the text without the beginning of its first line up to the first stop."""
    return re.sub(r"^(.*?)[.!?]", "", text)


def faba_aus(text: str) -> tuple[tuple[str, ...], int]:
    """The codes that the benchmark reads out of ``text``, by number, and how many numbers FACS does not have.

    >>> faba_aus("AU4 and AU12, no AU1; AU04, AU 6, AU99")
    (('AU1', 'AU4', 'AU12'), 1)
    """
    numbers = {int(digits) for digits in _AU.findall(text) if not digits.startswith("0")}
    return tuple(sort_codes(BY_NUMBER[n].code for n in numbers if n in BY_NUMBER)), len(numbers - BY_NUMBER.keys())


def faba_f1(said: Sequence[Iterable[str]], true: Sequence[Iterable[str]]) -> float | None:
    """The benchmark's mean F1 over :data:`FABA_AUS`, skipping those that are constant; None when all are skipped.

    >>> faba_f1([["AU1"], ["AU1", "AU2"]], [["AU1"], []])  # AU1: tp 1, fp 1; AU2: no true positive; others skipped
    0.3333333333333333
    """
    claims, truths = [set(codes) for codes in said], [set(codes) for codes in true]
    scores = []
    for code in FABA_AUS:
        cells = [(code in truth, code in claim) for truth, claim in zip(truths, claims, strict=True)]
        if len({value for cell in cells for value in cell}) < 2:
            continue  # one value only: scikit-learn's matrix has a single cell, and the benchmark goes on
        tp, fp, fn = cells.count((True, True)), cells.count((False, True)), cells.count((True, False))
        scores.append(2 * tp / (2 * tp + fp + fn) if tp else 0.0)
    return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True, slots=True)
class Rege:
    """A REGE score and its parts, each times 100.

    Attributes:
        kind: ``emotion`` or ``au``.
        recognition: accuracy or mean F1, 0-100.
        generation: mean ROUGE-L F1, 0-100.
        rows: rows of the recognition.
        texts: pairs of texts of the generation; fewer where ``rouge`` failed.
        reader: how the answers were read.
    """

    kind: str
    recognition: float
    generation: float
    rows: int
    texts: int
    reader: str

    @property
    def score(self) -> float:
        """0-200."""
        return self.recognition + self.generation


def rege(
    kind: str, recognition: float | None, rouge: Sequence[float | None], *, rows: int, reader: str = "faba"
) -> Rege | None:
    """Put the two parts together; None when one of them is not known.

    Args:
        kind: ``emotion`` or ``au``.
        recognition: accuracy or mean F1, a fraction.
        rouge: ROUGE-L F1 of each pair by the package ``rouge`` (``rougeL_pltrdy``), None where it failed.
        rows: of the recognition.
        reader: how the answers were read.

    EmoLA's published emotion score:

    >>> rege("emotion", 0.645, [0.317], rows=403).score.__round__(1)
    96.2
    """
    known = [value for value in rouge if value is not None]
    if recognition is None or not known:
        return None
    return Rege(kind, 100 * recognition, 100 * sum(known) / len(known), rows, len(known), reader)
