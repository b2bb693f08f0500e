"""The gate on the language of the reasoning, by py3langid. A short text is not judged: its language is a guess."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from curation.gates.registry import NOT_APPLICABLE, Candidate, Ruling, gate
from curation.gates.words import prose_of
from facial_r1.errors import UsageError
from facial_r1.wording import words_of

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = ["language"]

_LONG = 60
"""Characters of a text whose script has no blanks, above which its language is no guess either."""


@gate
def language(
    candidate: Candidate,
    code: str = "en",
    least_words: Annotated[int, Field(ge=1)] = 12,
    least: Annotated[float, Field(ge=0, le=1)] = 0.05,
) -> Ruling:
    """The reasoning is in the wanted language. The value is the probability of that, 0-1.

    Does not apply to a text of fewer than ``least_words`` words, which says too little about its language.

    Args:
        candidate: the answer and its row.
        code: the language, ISO 639-1.
        least_words: words from which a text is judged.
        least: a smaller probability is ``other_language``. Far below one half, because only what is surely another
            language should cost a row.
    """
    text = prose_of(candidate)
    if len(words_of(text)) < least_words and (text.isascii() or len(text) < _LONG):
        return NOT_APPLICABLE
    identifier = _identifier(code)
    nearest, value = identifier.classify(text)
    if nearest == code and value >= least:  # the usual case: no other language need be ranked
        return Ruling(True, value=value)
    ranked = identifier.rank(text)
    value = float(dict(ranked)[code])
    if value >= least:
        return Ruling(True, value=value)
    return Ruling(False, "other_language", f"{ranked[0][0]} {ranked[0][1]:.2f}, {code} {value:.2f}", value)


@cache
def _identifier(code: str) -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if code not in identifier.labels:
        raise UsageError("the gate language does not know this language", found=code, expected="ISO 639-1, such as en")
    return identifier
