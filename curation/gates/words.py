"""The reasoning of an answer, as the gates on its words read it; and the gate on how many they are."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from pydantic import Field

from curation.gates.registry import Candidate, Ruling, gate
from facial_r1.wording import words_of

__all__ = ["may_hold", "prose_of", "words"]


def prose_of(candidate: Candidate) -> str:
    """The reasoning of an answer; where it has no think block of its own, all of its text."""
    response = candidate.response
    return response.text if response.think is None else response.think


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
