"""The gate on texts that go in circles: their own n-grams come again and again."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field

from curation.gates.registry import NOT_APPLICABLE, Candidate, Ruling, gate
from curation.gates.words import prose_of
from facial_r1.wording import words_of

__all__ = ["repetition"]


@gate
def repetition(
    candidate: Candidate,
    n: Annotated[int, Field(ge=1, le=10)] = 3,
    least: Annotated[float, Field(ge=0, le=1)] = 0.6,
) -> Ruling:
    """The share of different n-grams among all of the text (*distinct-n*, Li et al. 2016). That is the value, 0-1.

    Does not apply to a text with fewer than ``2·n`` words.

    Args:
        candidate: the answer and its row.
        n: words of an n-gram.
        least: a smaller share ``repeats_itself``; the detail quotes what comes most often.
    """
    words = words_of(prose_of(candidate))
    if len(words) < 2 * n:
        return NOT_APPLICABLE
    shifted = [words[start:] for start in range(n)]
    share = len(set(zip(*shifted, strict=False))) / (len(words) - n + 1)
    if share >= least:
        return Ruling(True, value=share)
    gram, times = Counter(zip(*shifted, strict=False)).most_common(1)[0]
    return Ruling(False, "repeats_itself", f"“{' '.join(gram)}” {times} times", share)
