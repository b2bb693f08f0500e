"""The words of a text; and those that deny and those that doubt, as data.

Reasoning text states what is seen; the latter are what it should do without. One vocabulary serves the gate that
lists them (:func:`negative_words`, :func:`uncertain_words`), the reader that follows their scope
(:mod:`facial_r1.mentions`) and the writers that avoid them. Words match whole: *nose*, *notice*, *another* and
*knot* deny nothing. Verbs of inference (*suggests*, *indicates*, *conveys*) are how reasoning speaks and no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

__all__ = [
    "NEGATIVE_WORDS",
    "UNCERTAIN_WORDS",
    "Cue",
    "any_of",
    "cues",
    "lowered",
    "negative_words",
    "plain",
    "uncertain_words",
    "words_of",
]

_AUXILIARIES = (
    *("is", "are", "was", "were", "do", "does", "did", "has", "have", "had"),
    *("ca", "could", "wo", "would", "should", "must", "need", "might"),
)

NEGATIVE_WORDS: tuple[str, ...] = (
    *("no", "not", "cannot", "never", "none", "neither", "nor", "nothing", "nobody", "nowhere", "without"),
    *("lack", "lacks", "lacked", "lacking", "absent", "absence", "missing", "inactive", "devoid", "free of"),
    *("free from", "hardly", "scarcely", "rather than", "instead of", "except", "excluding"),
    *(f"{verb}n't" for verb in _AUXILIARIES),
)
"""Words and phrases that deny, lower case."""

UNCERTAIN_WORDS: tuple[str, ...] = (
    *("maybe", "perhaps", "possibly", "possible", "probably", "probable", "presumably", "potentially"),
    *("likely", "unlikely", "might", "may", "could", "seem", "seems", "seemed", "seeming", "seemingly"),
    *("apparently", "arguably", "supposedly", "barely", "uncertain", "unsure", "unclear", "ambiguous"),
    *("doubtful", "questionable", "i think", "i guess", "i believe"),
)
"""Words and phrases that doubt, lower case."""


class Cue(NamedTuple):
    """A word or phrase that denies or doubts, and where it stands in a text.

    Attributes:
        word: as the vocabularies spell it.
        denies: it is one of :data:`NEGATIVE_WORDS`, else of :data:`UNCERTAIN_WORDS`.
        start: where it begins.
    """

    word: str
    denies: bool
    start: int


def any_of(words: Iterable[str]) -> str:
    """A pattern that matches one of ``words`` whole in :func:`lowered` text, with blanks and apostrophes as found."""
    return rf"\b{_one_of(words)}\b"


def _one_of(words: Iterable[str]) -> str:
    """Words that begin alike share their beginning: a search then tries one letter, not every word, at each place."""
    choices = []
    for first, group in groupby(sorted(words, reverse=True), key=lambda word: word[:1]):
        letter = {" ": r"\s{1,3}", "'": "['’]"}.get(first, re.escape(first))
        choices.append(letter + _one_of(word[1:] for word in group) if first else "")
    return choices[0] if len(choices) == 1 else f"(?:{'|'.join(choices)})"


def lowered(text: str) -> str:
    """``text`` in lower case and of the same length (``str.lower`` makes two characters of ``İ``).

    Case-sensitive patterns over it are four times faster than case-blind ones over the text.
    """
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


_WORD = re.compile(r"\w+(?:['’]\w+)*")
_BLANKS = {code: " " for code in range(128) if not re.match(r"\w", chr(code))}


@lru_cache(maxsize=32)  # several gates ask for the same text, one after the other
def words_of(text: str) -> tuple[str, ...]:
    """The words of ``text`` in lower case; an Action Unit such as ``au12`` is one, and so is ``crow's``.

    >>> words_of("Crow's feet (AU6): a half-smile.")
    ("crow's", 'feet', 'au6', 'a', 'half', 'smile')
    """
    if text.isascii() and "'" not in text:  # the same, in half the time
        return tuple(text.lower().translate(_BLANKS).split())
    return tuple(_WORD.findall(lowered(text)))


_CUE = re.compile(any_of(NEGATIVE_WORDS + UNCERTAIN_WORDS))
_DENYING = frozenset(NEGATIVE_WORDS)


@lru_cache(maxsize=32)  # the parser and the gates ask about the same text, one after the other
def cues(text: str) -> tuple[Cue, ...]:
    """Every word of ``text`` that denies or doubts, in order.

    >>> cues("Perhaps a smile, no frown")
    (Cue(word='perhaps', denies=False, start=0), Cue(word='no', denies=True, start=17))
    """
    found = [(plain(match.group()), match.start()) for match in _CUE.finditer(lowered(text))]
    return tuple(Cue(word, word in _DENYING, start) for word, start in found)


def negative_words(text: str) -> list[str]:
    """Every word of ``text`` that denies, lower case, in order.

    >>> negative_words("No furrow; another notice about the nose isn't needed.")
    ['no', "isn't"]
    """
    return [cue.word for cue in cues(text) if cue.denies]


def uncertain_words(text: str) -> list[str]:
    """Every word of ``text`` that doubts, lower case, in order.

    >>> uncertain_words("Perhaps a smile, which suggests joy; it might be polite.")
    ['perhaps', 'might']
    """
    return [cue.word for cue in cues(text) if not cue.denies]


def plain(words: str) -> str:
    """A word or phrase that :func:`any_of` found, as the vocabulary spells it."""
    return " ".join(words.replace("’", "'").split())
