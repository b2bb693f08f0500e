"""The emotion vocabulary: eight canonical nouns and their synonyms.

Sources: the noun convention is the published FEA-20K's; the synonyms are those that the corpora and FER+ use.
*Soft* words are accepted when free text is read, never as a label that a release or a reward would count:
"shocked" stands under fear in one public reader and under surprise in another, so it is refused everywhere.
"""

from __future__ import annotations

from facial_r1.errors import InputError

__all__ = ["AMBIGUOUS", "EMOTIONS", "EMOTIONS_7", "SOFT", "SYNONYMS", "canonical", "try_canonical"]

EMOTIONS: tuple[str, ...] = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""The eight canonical nouns, alphabetical."""

EMOTIONS_7: tuple[str, ...] = tuple(e for e in EMOTIONS if e != "contempt")
"""The seven of FER2013, RAF-DB, ExpW and FABA-Instruct (without contempt)."""

_ACCEPTED: dict[str, tuple[str, ...]] = {
    "anger": ("angry", "mad", "irritated", "annoyed", "furious", "rage"),
    "contempt": ("contemptuous", "scorn", "disdain"),
    "disgust": ("disgusted", "revulsion", "distaste"),
    "fear": ("fearful", "afraid", "scared", "frightened", "terror"),
    "happiness": ("happy", "joy", "joyful", "cheerful"),
    "neutral": ("neutrality", "no expression", "blank"),
    "sadness": ("sad", "sorrow", "unhappy"),
    "surprise": ("surprised", "astonished", "astonishment"),
}

SYNONYMS: dict[str, str] = {word: noun for noun, words in _ACCEPTED.items() for word in (noun, *words)}
"""Accepted spelling (lower case) → canonical noun."""

SOFT: dict[str, str] = {"anxious": "fear", "smile": "happiness", "calm": "neutral"}
"""Words that point to an emotion in free text but are no label."""

AMBIGUOUS: frozenset[str] = frozenset({"shock", "shocked"})
"""Words that public readers map to different emotions; refused as labels."""


def try_canonical(word: str) -> str | None:
    """The canonical noun for ``word`` (case, blanks and final punctuation ignored), or None.

    >>> try_canonical(" Angry. ")
    'anger'
    >>> try_canonical("shock") is None
    True
    """
    return SYNONYMS.get(" ".join(word.strip(" \t\r\n.,;:!\"'").lower().split()))


def canonical(word: str) -> str:
    """As :func:`try_canonical`, but an unknown word is an error.

    Raises:
        InputError: naming the word and the vocabulary.
    """
    noun = try_canonical(word)
    if noun is None:
        raise InputError("unknown emotion label", found=word, expected=f"one of {', '.join(EMOTIONS)}")
    return noun
