"""The gate on leaked truth: a text must read as if its writer saw the face, not as if it was told the answer."""

from __future__ import annotations

import re

from curation.gates.registry import Candidate, Ruling, gate
from curation.gates.words import may_hold, prose_of
from facial_r1.wording import lowered

__all__ = ["PROMPT_WORDS", "leak"]

PROMPT_WORDS: tuple[str, ...] = (
    *("ground truth", "ground-truth", "correct answer", "right answer", "expected answer", "known answer"),
    *("as required", "as requested", "as instructed", "as specified", "as provided", "as given", "as stated above"),
    *("is required", "are required", "must", "required to", "requirement", "requirements"),
    *("given label", "given labels", "given emotion", "given action units", "given aus", "given facts"),
    *("given information", "given annotation", "given annotations", "given data"),
    *("provided label", "provided labels", "provided emotion", "provided action units", "provided aus"),
    *("provided facts", "provided information", "provided annotation", "provided annotations", "provided data"),
    *("known facts", "known label", "known emotion", "known action units", "stated facts", "the facts"),
    *("the label", "the labels", "labeled as", "labelled as", "is labeled", "is labelled", "annotation"),
    *("annotations", "annotated", "annotator", "annotators", "the dataset", "the data set"),
    *("prompt", "instruction", "instructions", "the question asks", "the user"),
    *("listed action units", "list above", "listed above", "mentioned above", "word for word"),
    *("think block", "answer block", "i was told", "i am told", "i was given", "i am given"),
)
"""What a text says when its writer looks at the prompt instead of the picture; lower case, whole words."""

_NOTHING_FOUND = Ruling(True, value=0)
_LEAKED = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, PROMPT_WORDS), key=len, reverse=True))})\b")
_COMMON = {"as", "is", "are", "to", "the", "i", "am", "was", "for", "set", "above", "emotion", "action", "units", "aus"}
_HINTS = frozenset(re.findall(r"[a-z]+", " ".join(PROMPT_WORDS))) - _COMMON
"""Every phrase holds one of these words, so that a text without any of them need not be searched."""


@gate
def leak(candidate: Candidate) -> Ruling:
    """No words of the prompt, or about the answer (:data:`PROMPT_WORDS`) in the reasoning; the value counts those."""
    text = prose_of(candidate)
    if not may_hold(text, _HINTS):
        return _NOTHING_FOUND
    found = _LEAKED.findall(lowered(" ".join(text.split())))  # a phrase may run over the end of a line
    return Ruling(not found, "prompt_leaked" if found else None, ", ".join(found), len(found))
