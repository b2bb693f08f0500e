"""The emotions beside RAF-AU: RAF-ML's crowd distributions and RAF-CE's compound classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["COLUMNS", "COMPOUNDS", "compound", "distribution"]

COLUMNS = ("surprise", "fear", "disgust", "happiness", "sadness", "anger")
"""The emotions in the order of RAF-ML's columns."""

COMPOUNDS: tuple[tuple[str, str], ...] = (
    ("happiness", "surprise"),
    ("happiness", "disgust"),
    ("sadness", "fear"),
    ("sadness", "anger"),
    ("sadness", "surprise"),
    ("sadness", "disgust"),
    ("fear", "anger"),
    ("fear", "surprise"),
    ("fear", "disgust"),
    ("anger", "surprise"),
    ("anger", "disgust"),
    ("disgust", "surprise"),
    ("happiness", "fear"),
    ("happiness", "sadness"),
)
"""RAF-CE's classes 0-13: the two emotions of each."""

_TIES = 0.02


def distribution(rng: np.random.Generator, top: int) -> list[int]:
    """Hundredths for each of :data:`COLUMNS` that sum to 100; ``top`` is the first of the largest.

    Most are blends, as in the real file (the median of the largest share is 0.56 there); some are exact ties with a
    later column.
    """
    shares = [0] * len(COLUMNS)
    others = [column for column in range(len(COLUMNS)) if column != top]
    if top + 1 < len(COLUMNS) and rng.random() < _TIES:
        shares[top] = int(rng.integers(36, 50))
        tied = int(rng.integers(top + 1, len(COLUMNS)))
        shares[tied] = shares[top]
        rest = next(column for column in others if column != tied)
        shares[rest] = 100 - 2 * shares[top]
        return shares
    shares[top] = int(np.clip(rng.normal(56, 15), 30, 98))
    while True:
        parts = rng.multinomial(100 - shares[top], rng.dirichlet([0.8] * len(others))).tolist()
        if max(parts) < shares[top]:
            break
    for column, part in zip(others, parts, strict=True):
        shares[column] = part
    return shares


def compound(shares: Sequence[int]) -> int:
    """The RAF-CE class of the two strongest emotions that have one together (no class is happy and angry)."""
    order = sorted(range(len(COLUMNS)), key=lambda column: -shares[column])
    first = COLUMNS[order[0]]
    pairs = [frozenset(pair) for pair in COMPOUNDS]
    return next(pairs.index(pair) for other in order[1:] if (pair := frozenset((first, COLUMNS[other]))) in pairs)
