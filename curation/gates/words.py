"""The words of a text, read once for all gates that count them; and the gate on how many they are."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from curation.gates.registry import Candidate, Ruling, gate
from facial_r1.wording import lowered

__all__ = ["may_hold", "prose_of", "words", "words_of"]

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_BLANKS = {code: " " for code in range(128) if not re.match(r"\w", chr(code))}


def prose_of(candidate: Candidate) -> str:
    """The reasoning of an answer; where it has no think block of its own, all of its text."""
    response = candidate.response
    return response.text if response.think is None else response.think


@lru_cache(maxsize=32)  # several gates ask for the same text, one after the other
def words_of(text: str) -> tuple[str, ...]:
    """The words of ``text`` in lower case; an Action Unit such as ``au12`` is one, and so is ``crow's``.

    >>> words_of("Crow's feet (AU6): a half-smile.")
    ("crow's", 'feet', 'au6', 'a', 'half', 'smile')
    """
    if text.isascii() and "'" not in text:  # the same, in half the time
        return tuple(text.lower().translate(_BLANKS).split())
    return tuple(_WORD.findall(lowered(text)))


@lru_cache(maxsize=32)
def _different(text: str) -> frozenset[str]:
    words = words_of(text.replace("’", "'"))
    if "'" not in text and "’" not in text:
        return frozenset(words)
    return frozenset(words).union(*(word.split("'") for word in words))


def may_hold(text: str, cues: frozenset[str]) -> bool:
    """Whether a search for whole words is worth its time: False only when none of ``cues`` stands in ``text``.

    ``cues`` are in lower case, with straight apostrophes.
    """
    return not cues.isdisjoint(_different(text))


@gate
def words(
    candidate: Candidate, least: Annotated[int, Field(ge=0)] = 3, most: Annotated[int, Field(ge=1)] = 300
) -> Ruling:
    """How many words the reasoning has; the value is their number.

    Args:
        candidate: the answer and its row.
        least: fewer are ``too_short``. The default turns down only what says nothing.
        most: more are ``too_long``.
    """
    count = len(words_of(prose_of(candidate)))
    if count < least:
        return Ruling(False, "too_short", f"{count} of at least {least} words", count)
    if count > most:
        return Ruling(False, "too_long", f"{count} of at most {most} words", count)
    return Ruling(True, value=count)
