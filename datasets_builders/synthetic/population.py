"""Which expression a synthetic face shows: AU prototypes with the noise of life, or given AU labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from datasets_builders.synthetic.activation import RENDERED
from facial_r1.emotions import canonical
from facial_r1.errors import InputError
from facial_r1.facs import ANTAGONISTS, BY_NUMBER, EXCLUSIVE, PROTOTYPES, parse_token, sort_codes

__all__ = ["COMPANIONS", "Expression", "express", "expression"]

COMPANIONS: dict[str, tuple[int, ...]] = {
    "anger": (5, 7, 10, 17, 23, 25),
    "contempt": (4, 10),
    "disgust": (4, 7, 10, 17, 25),
    "fear": (2, 5, 7, 25, 26),
    "happiness": (6, 25, 26),
    "neutral": (),
    "sadness": (1, 6, 7, 11, 17),
    "surprise": (2, 5, 25),
}
"""AUs often seen beside an emotion's prototype (after Du et al. 2014 and Cohn's variants)."""

_FREE = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 22, 23, 24, 25, 26, 27)
"""The AUs that the AU corpora score, for expressions without an emotion."""

_DROP, _ADD = 0.10, 0.18
_FORBIDDEN = EXCLUSIVE | ANTAGONISTS


@dataclass(frozen=True, slots=True)
class Expression:
    """What a face shows.

    Attributes:
        intensities: FACS number → 0-5.
        emotion: canonical noun, or None for an expression without one.
        sides: FACS number → side letters, for AUs that act on one side only.
    """

    intensities: Mapping[int, float]
    emotion: str | None = None
    sides: Mapping[int, str] = field(default_factory=dict)

    def aus(self, threshold: float = 1.0) -> tuple[str, ...]:
        """Canonical codes of the AUs at or above ``threshold``, by number."""
        return tuple(sort_codes(BY_NUMBER[au].code for au, value in self.intensities.items() if value >= threshold))


def expression(
    rng: np.random.Generator,
    *,
    emotion: str | None = None,
    allowed: Sequence[int] = RENDERED,
    intensity: tuple[float, float] = (2.0, 5.0),
) -> Expression:
    """Draw an expression: one of the emotion's prototypes with noise.

    Of three AUs or more some may be missing; some of the :data:`COMPANIONS` are added. Neutral is empty; without an
    emotion one to five AUs of the AU corpora are combined freely. No pair of :data:`~facial_r1.facs.EXCLUSIVE` or
    :data:`~facial_r1.facs.ANTAGONISTS` comes up.

    Args:
        rng: all chance comes from here.
        emotion: a noun or synonym of :mod:`facial_r1.emotions`, or None.
        allowed: the FACS numbers that may be used.
        intensity: range of the intensities, within 0-5.

    Raises:
        InputError: for an unknown emotion.
    """
    noun = None if emotion is None else canonical(emotion)
    if noun is None:
        free = [au for au in _FREE if au in allowed]
        wanted = rng.permutation(free)[: rng.integers(1, 6)].tolist()
    else:
        prototypes = PROTOTYPES[noun]
        prototype = prototypes[int(rng.integers(len(prototypes)))]
        kept = [au for au in prototype if rng.random() >= _DROP]
        wanted = kept if kept and len(prototype) > 2 else list(prototype)  # half a pair is another expression
        wanted += [au for au in COMPANIONS[noun] if rng.random() < _ADD]
    chosen: list[int] = []
    for au in wanted:
        if au in allowed and au not in chosen and not any(frozenset((au, other)) in _FORBIDDEN for other in chosen):
            chosen.append(au)
    intensities = {au: float(rng.uniform(*intensity)) for au in sorted(chosen)}
    one_sided = noun == "contempt" and 14 in intensities
    return Expression(intensities, noun, {14: "LR"[int(rng.integers(2))]} if one_sided else {})


def express(
    labels: Iterable[str | int], rng: np.random.Generator, *, intensity: tuple[float, float] = (2.0, 5.0)
) -> Expression:
    """The expression for AU labels as corpora write them (``12``, ``AU4``, ``L10``), with random intensities.

    A number that stands there for both sides (``L10`` and ``R10``) acts on both.

    Raises:
        InputError: for a label that is no AU.
    """
    letters: dict[int, set[str]] = {}
    for label in labels:
        token = parse_token(str(label))
        if token is None or token.code is None:
            raise InputError("unknown Action Unit", found=str(label), expected="a FACS number such as AU12 or L10")
        letters.setdefault(token.number, set()).add(token.side or "")
    intensities = {au: float(rng.uniform(*intensity)) for au in sorted(letters)}
    sides = {au: min(found) for au, found in letters.items() if len(found) == 1 and found != {""}}
    return Expression(intensities, None, sides)
