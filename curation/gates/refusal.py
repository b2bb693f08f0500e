"""The gate on refusals that came as a text: the provider said ok, the model declined all the same."""

from __future__ import annotations

import re

from curation.gates.registry import PASSED, Candidate, Ruling, gate
from curation.gates.words import may_hold, prose_of
from facial_r1.wording import lowered

__all__ = ["refusal"]

_REFUSED = re.compile(
    r"""\b(?:
        (?:i|we) (?:['’]m|\sam|['’]re|\sare)? \s (?:sorry | unable | not\sable | not\scomfortable)
      | (?:i|we) \s (?:cannot | can['’]t | can\snot | won['’]t | will\snot | do\snot | don['’]t | apologi[sz]e)
      | as \s an? \s (?:ai | artificial | large\slanguage | language)
      | (?:cannot | can['’]t | unable\sto | not\sable\sto) \s
        (?:assist | help | identify | determine | analy[sz]e | provide | comply | see | view | recogni[sz]e | answer)
      | (?:content | safety | usage) \s (?:policy | policies | guidelines)
      | (?:no | any) \s (?:image | picture | photo | face) \s (?:is | was | were | has | provided | attached | visible)
    )\b""",
    re.VERBOSE,
)
_HINTS = frozenset(
    {"i", "we", "cannot", "can't", "unable", "able", "ai", "artificial", "language", "policy", "policies", "guidelines"}
    | {"no", "any"}
)
"""Every refusal holds one of these words, so that a text without any of them need not be searched."""


@gate
def refusal(candidate: Candidate) -> Ruling:
    """No words of declining in the reasoning, such as "I cannot assist" or "as an AI"."""
    text = prose_of(candidate)
    found = _REFUSED.search(lowered(text)) if may_hold(text, _HINTS) else None
    return Ruling(False, "refusal_in_text", found.group()) if found else PASSED
