"""The gate on numbers and prose: the words beside an Action Unit must describe that Action Unit."""

from __future__ import annotations

from typing import Literal

from curation.gates.registry import NOT_APPLICABLE, Candidate, Ruling, gate
from facial_r1.errors import clip
from facial_r1.prose import Described, described

__all__ = ["au_words"]

_REASONS = {"other": "words_of_another_au", "contrary": "words_of_the_contrary", "bare": "au_without_words"}


@gate
def au_words(candidate: Candidate, bare: Literal["pass", "reject"] = "pass") -> Ruling:
    """Whether each claimed number stands beside words of its own, see :mod:`facial_r1.prose`.

    "The lips are parted (AU12)" has ``words_of_another_au``, "the lip corners are pulled down (AU12)"
    ``words_of_the_contrary``. The value is the share of the numbers with words that have the right ones, 0-1.

    Args:
        candidate: the answer and its row.
        bare: whether a number without any such words, as in "AU6 is active", is rejected as ``au_without_words``.
    """
    response = candidate.response
    if not response.mentions or response.think is None:
        return NOT_APPLICABLE
    own = worded = 0
    wrong = []
    for one in described(response.think, response.mentions):
        own += one.fit == "own"
        worded += one.fit != "bare"
        if one.fit != "own" and (one.fit != "bare" or bare == "reject"):
            wrong.append(one)
    value = own / worded if worded else None
    if wrong:
        return Ruling(False, _REASONS[wrong[0].fit], "; ".join(map(_detail, wrong)), value)
    return Ruling(True, value=value) if worded else NOT_APPLICABLE


def _detail(one: Described) -> str:
    return f"{one.code} beside {clip(one.words)}"
