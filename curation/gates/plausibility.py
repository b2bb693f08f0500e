"""A soft score: do the claimed Action Units go together, and with the emotion? It never rejects.

The tables behind it (:data:`~facial_r1.facs.PROTOTYPES`, ``EXCLUSIVE``, ``ANTAGONISTS``) describe posed faces. Faces in
the wild differ, so as a filter it would keep the stereotypes; as a number in the report it shows where to look.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations

from curation.gates.registry import NOT_APPLICABLE, Candidate, Ruling, gate
from facial_r1.facs import ANTAGONISTS, BY_NUMBER, EXCLUSIVE, PROTOTYPES, number
from facial_r1.response import predicted_aus

__all__ = ["ANTAGONIST_COST", "plausibility"]

ANTAGONIST_COST = 0.25
"""What a pair of antagonists takes off: they do occur together, in controlled expressions."""


@gate
def plausibility(candidate: Candidate) -> Ruling:
    """How well the claimed Action Units fit together and to the answered emotion, 0-1. Never rejects.

    The value is the best F1 of the claimed Action Units against a prototype of the emotion (1 where no emotion is
    answered), less :data:`ANTAGONIST_COST` of it for each pair of antagonists, and 0 with a pair that one face cannot
    show. Prototypes are cut to what was annotated for the row, because what was not may not be claimed. The detail
    names pairs and prototype. Does not apply to a text without numbers.
    """
    form = candidate.form
    if form is None or form == "emotion":
        return NOT_APPLICABLE
    response = candidate.response
    claimed = predicted_aus(response, form)
    listed = () if candidate.beyond else tuple(candidate.sample.meta_info.au_annotated)
    return _rule(claimed, response.answer_labels if form != "au" else (), listed)


@lru_cache(maxsize=65_536)
def _rule(claimed: tuple[str, ...], emotions: tuple[str, ...], annotated: tuple[str, ...]) -> Ruling:
    said, scored = frozenset(map(number, claimed)), frozenset(map(number, annotated))
    pairs = [frozenset(pair) for pair in combinations(sorted(said), 2)]
    exclusive, antagonists = ([pair for pair in pairs if pair in table] for table in (EXCLUSIVE, ANTAGONISTS))
    fit, prototype = _best(said, scored, emotions)
    if fit is None:
        return NOT_APPLICABLE
    value = 0.0 if exclusive else fit * max(0.0, 1 - ANTAGONIST_COST * len(antagonists))
    parts = {"impossible": exclusive, "antagonists": antagonists, "nearest": [prototype] if fit < 1 else []}
    detail = "; ".join(f"{name} {', '.join(map(_joined, sets))}" for name, sets in parts.items() if sets)
    return Ruling(True, None, detail, value)


def _best(
    said: frozenset[int], scored: frozenset[int], emotions: tuple[str, ...]
) -> tuple[float | None, frozenset[int]]:
    """The F1 of the nearest prototype and that prototype; None where no prototype of these emotions is known."""
    if not emotions:
        return 1.0, said
    whole = (frozenset(one) for emotion in emotions for one in PROTOTYPES.get(emotion, ()))
    cut = [(one & scored if scored else one, one) for one in whole]
    fits = [(_f1(said, part), part) for part, one in cut if part or not one]
    return max(fits, key=lambda fit: (fit[0], sorted(fit[1]))) if fits else (None, said)


def _f1(said: frozenset[int], prototype: frozenset[int]) -> float:
    return 2 * len(said & prototype) / (len(said) + len(prototype)) if said or prototype else 1.0


def _joined(numbers: Iterable[int]) -> str:
    return "+".join(BY_NUMBER[one].code for one in sorted(numbers)) or "none"
