"""The words that deny and the words that doubt, as data.

Reasoning text states what is seen; these words are what it should do without. One vocabulary serves the gate that
lists them (:func:`negative_words`, :func:`uncertain_words`), the reader that follows their scope
(:mod:`facial_r1.mentions`) and the writers that avoid them. Words match whole: *nose*, *notice*, *another* and
*knot* deny nothing. Verbs of inference (*suggests*, *indicates*, *conveys*) are how reasoning speaks and no doubt.
"""

from __future__ import annotations

import re

__all__ = ["NEGATIVE_WORDS", "UNCERTAIN_WORDS", "any_of", "lowered", "negative_words", "uncertain_words"]

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


def any_of(words: tuple[str, ...]) -> str:
    """A pattern that matches one of ``words`` whole in :func:`lowered` text, with blanks and apostrophes as found."""
    longest_first = sorted(words, key=len, reverse=True)
    choices = "|".join(re.escape(word).replace(r"\ ", r"\s{1,3}").replace("'", "['’]") for word in longest_first)
    return rf"\b(?:{choices})\b"


def lowered(text: str) -> str:
    """``text`` in lower case and of the same length (``str.lower`` makes two characters of ``İ``).

    Case-sensitive patterns over it are four times faster than case-blind ones over the text.
    """
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


_NEGATIVE = re.compile(any_of(NEGATIVE_WORDS))
_UNCERTAIN = re.compile(any_of(UNCERTAIN_WORDS))


def negative_words(text: str) -> list[str]:
    """Every word of ``text`` that denies, lower case, in order.

    >>> negative_words("No furrow; another notice about the nose isn't needed.")
    ['no', "isn't"]
    """
    return [_plain(match.group()) for match in _NEGATIVE.finditer(lowered(text))]


def uncertain_words(text: str) -> list[str]:
    """Every word of ``text`` that doubts, lower case, in order.

    >>> uncertain_words("Perhaps a smile, which suggests joy; it might be polite.")
    ['perhaps', 'might']
    """
    return [_plain(match.group()) for match in _UNCERTAIN.finditer(lowered(text))]


def _plain(words: str) -> str:
    return " ".join(words.replace("’", "'").split())
