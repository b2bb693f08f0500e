"""What FABA-Instruct's prose and labels say: Action Units out of a text, an emotion out of a text, evaluation labels.

**Action Units.** The reader of the whole project (:mod:`facial_r1.mentions`) finds them, so spellings such as AU01,
AU5B and AU6c are one AU, denied AUs do not count and doubted ones do. What is special here are numbered lists: the
``1.`` of "these AUs:\\n\\n1. AU4" counts items. A text that names no AU at all leaves the AUs unknown; one that only
denies some says that none is present. Numbers that FACS does not have are kept apart.

**Emotion.** A text is cut into sentences. Sentences with a word that denies (whole words: *nose* and *notice* deny
nothing) are left out, because texts like to list what they do *not* see. In the others the words of
:data:`facial_r1.emotions.SYNONYMS` are looked for; when all that are found mean one and the same emotion, that is the
label. Otherwise it is unknown, never guessed:

* several emotions: unknown; with ``several="first_sentence"`` the one that the first naming sentence names alone;
* none: unknown; with ``soft_words`` the one that the words of :data:`facial_r1.emotions.SOFT` point to alone.

The reader that EmoLA is evaluated with differs: it takes ``no`` anywhere in a word for a denial, has long lists of
overlapping words, decides every case, and falls back on happiness.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facial_r1 import facs
from facial_r1.emotions import EMOTIONS_7, SOFT, SYNONYMS, try_canonical
from facial_r1.mentions import find_mentions
from facial_r1.wording import any_of, lowered, negative_words

__all__ = [
    "OCCURRING",
    "ORDER",
    "REASONS",
    "SEVERAL",
    "VOCABULARY",
    "Said",
    "aus_of_label",
    "aus_of_text",
    "emotion_of_label",
    "emotion_of_text",
]

ORDER: tuple[str, ...] = ("happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear")
"""The integer labels 0-6 of FABA's evaluation files; no other corpus has this order."""

VOCABULARY: tuple[str, ...] = tuple(
    facs.code(number) for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)
)
"""The 20 AUs of FABA's own evaluation: what its writer was asked about."""

OCCURRING: tuple[str, ...] = tuple(facs.sort_codes((*VOCABULARY, *map(facs.code, (11, 18, 19, 22, 28, 30)))))
"""The vocabulary and the six further codes that occur in the texts, by Facial-R1's published frequencies."""

SEVERAL: tuple[str, ...] = ("unknown", "first_sentence")
"""What becomes of a text that names several emotions."""

REASONS: dict[str, str] = {
    "no_au_named": "the AU text names no Action Unit",
    "unknown_au": "the AU record names only numbers that FACS does not have",
    "no_class_word": "the emotion text names no emotion of the seven outside sentences that deny",
    "several_class_words": "the emotion text names several emotions",
    "empty_label": "the label is empty",
}
"""Why a truth is unknown: code → words."""

_ORDINAL = re.compile(
    r"^[ \t]*(?:[*#>-]{1,3}[ \t]*)?[0-9]{1,2}[.)](?=[\s*]) | (?<=:)[ \t]{0,3}[0-9]{1,2}[.)](?=[ \t]{1,3}\W{0,3}AU)",
    re.MULTILINE | re.VERBOSE | re.ASCII,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)*]{0,3}\s+(?=[^\sa-z])")


def _finder(words: Mapping[str, str]) -> re.Pattern[str]:
    # A phrase such as "no expression" is left out: its own "no" makes the sentence deny ("no expression of joy").
    return re.compile(rf"(?<![\w-]){any_of(tuple(word for word in words if ' ' not in word))}")


_CLASS_WORD, _SOFT_WORD = _finder(SYNONYMS), _finder(SOFT)


@dataclass(frozen=True, slots=True)
class Said:
    """What one record says: AU codes or emotion nouns; None when that is unknown, and ``why`` (of :data:`REASONS`).

    ``unknown`` are numbers that it affirms as Action Units and FACS does not have.
    """

    truth: tuple[str, ...] | None
    why: str | None = None
    unknown: tuple[int, ...] = ()


def aus_of_text(text: str) -> Said:
    """The Action Units that ``text`` affirms.

    >>> aus_of_text("These AUs:\\n\\n1. AU04 - Brow Lowerer: a furrow.\\n2. AU6c: raised cheeks. There is no AU12.")
    Said(truth=('AU4', 'AU6'), why=None, unknown=())
    """
    mentions = find_mentions(_ORDINAL.sub("-", text))
    if not mentions:
        return Said(None, "no_au_named")
    affirmed = [mention for mention in mentions if not mention.negated]
    return _aus((m.code for m in affirmed if m.code), (m.number for m in affirmed if not m.code))


def aus_of_label(label: str | int) -> Said | None:
    """The Action Units of an evaluation label such as ``1, 4, 15``; None when it is no such list."""
    if not isinstance(label, str):
        return None
    if not label.strip():
        return Said(None, "empty_label")
    tokens = [facs.parse_token(part) for part in label.split(",")]
    read = [token for token in tokens if token]
    if len(read) != len(tokens):
        return None
    return _aus((token.code for token in read if token.code), (token.number for token in read if not token.code))


def emotion_of_text(text: str, *, several: str = "unknown", soft_words: bool = False) -> Said:
    """The one emotion that ``text`` names, see the module; ``several`` is one of :data:`SEVERAL`.

    >>> emotion_of_text("A wide smile and raised cheeks: she looks happy. There is no sign of fear or anger.")
    Said(truth=('happiness',), why=None, unknown=())
    >>> emotion_of_text("He is surprised, with some fear.").why
    'several_class_words'
    """
    sentences = _SENTENCE_END.split(text)
    named = _affirmed(sentences, _CLASS_WORD, SYNONYMS)
    nouns = set[str]().union(*named)
    if len(nouns) > 1 and several == "first_sentence":
        nouns = named[0]
    if not nouns and soft_words:
        nouns = set[str]().union(*_affirmed(sentences, _SOFT_WORD, SOFT))
    if len(nouns) > 1:
        return Said(None, "several_class_words")
    return Said(tuple(nouns)) if nouns <= set(EMOTIONS_7) and nouns else Said(None, "no_class_word")


def emotion_of_label(label: str | int) -> Said | None:
    """The emotion of an evaluation label: a name, or a number (also as text) of :data:`ORDER`; None for others."""
    text = str(label).strip()
    if not text:
        return Said(None, "empty_label")
    if re.fullmatch(r"[0-9]", text):
        return Said((ORDER[int(text)],)) if int(text) < len(ORDER) else None
    noun = try_canonical(text)
    return Said((noun,)) if noun in EMOTIONS_7 else None


def _affirmed(sentences: Iterable[str], finder: re.Pattern[str], words: Mapping[str, str]) -> list[set[str]]:
    """The nouns of each sentence that names any and denies nothing."""
    named = (({words[found.group()] for found in finder.finditer(lowered(part))}, part) for part in sentences)
    return [nouns for nouns, part in named if nouns and not negative_words(part)]


def _aus(codes: Iterable[str], unknown: Iterable[int]) -> Said:
    truth, numbers = tuple(facs.sort_codes(codes)), tuple(sorted(set(unknown)))
    return Said(None, "unknown_au", numbers) if numbers and not truth else Said(truth, unknown=numbers)
