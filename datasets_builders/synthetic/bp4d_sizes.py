"""How many frames of each sequence of a BP4D stand-in are coded, and where the numbers begin.

At full size the published margins hold exactly: frames of every task and part, of the four subjects whose number is
known, and the shortest and longest sequence of the corpus.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from datasets_builders.bp4d.copy import ALL, Key
from datasets_builders.bp4d.tables import FOLD_OF, FOLDS, ROWS, SUBJECT_ROWS, SUBJECTS, TASK_ROWS, TASKS
from datasets_builders.synthetic.order import apportion

__all__ = ["LAST", "SHORTEST_LONGEST", "firsts", "full_lengths", "small_lengths"]

LAST = 2992
"""The highest frame number of the corpus; the lowest is 1."""

SHORTEST_LONGEST = (90, 768)
"""Coded frames of the shortest and of the longest sequence."""

_Table = npt.NDArray[np.int64]
"""Subjects × tasks."""


def full_lengths(rng: np.random.Generator) -> dict[Key, int]:
    """Coded frames of all 328 sequences."""
    rows, columns = _subject_totals(rng), np.array(list(TASK_ROWS.values()))
    shares = np.outer(rows, columns) / columns.sum() * np.exp(rng.laplace(0, 0.05, (len(rows), len(columns))))
    for _ in range(60):  # iterative proportional fitting: the nearest table with these margins
        shares = np.clip(shares * (columns / shares.sum(axis=0)), 120, 720)
        shares *= (rows / shares.sum(axis=1))[:, None]
    for _ in range(60):
        shares *= columns / shares.sum(axis=0)
        shares *= (rows / shares.sum(axis=1))[:, None]
    table = _rounded(shares, rows, columns)
    _put(table, SHORTEST_LONGEST[0], int(table.argmin()))
    _put(table, SHORTEST_LONGEST[1], int(table.argmax()))
    return dict(zip(ALL, table.ravel().tolist(), strict=True))


def small_lengths(rows: int) -> dict[Key, int]:
    """About ``rows`` frames: the same number of subjects from every part, at tasks that differ from one to the next."""
    each = min(len(FOLDS[1]), max(1, rows // 320))
    subjects = [subject for part in FOLDS.values() for subject in part[:each]]
    tasks = min(len(TASKS), max(1, rows // (12 * len(subjects))))
    turns = [(subject, (place + turn) % len(TASKS)) for place, subject in enumerate(subjects) for turn in range(tasks)]
    keys = [Key(subject, list(TASKS)[task]) for subject, task in turns]
    shares = apportion([TASK_ROWS[key.task] for key in keys], rows)
    return {key: share for key, share in sorted(zip(keys, shares, strict=True)) if share}


def firsts(rng: np.random.Generator, lengths: dict[Key, int]) -> dict[Key, int]:
    """The first frame number of each sequence: 1 in the first sequence; the second ends with :data:`LAST`."""
    found = {key: int(rng.integers(1, LAST + 2 - length)) for key, length in lengths.items()}
    first, *others = lengths
    found[first] = 1
    if others:
        found[others[0]] = LAST + 1 - lengths[others[0]]
    return found


def _subject_totals(rng: np.random.Generator) -> _Table:
    """Coded frames by subject, in the order of :data:`SUBJECTS`."""
    totals = dict(SUBJECT_ROWS)
    for fold, part in FOLDS.items():
        free = [subject for subject in part if subject not in SUBJECT_ROWS]
        known = sum(rows for subject, rows in SUBJECT_ROWS.items() if FOLD_OF[subject] == fold)
        shares = apportion(rng.integers(3450, 3750, len(free)).tolist(), ROWS[fold] - known)
        totals |= dict(zip(free, shares, strict=True))
    return np.array([totals[subject] for subject in SUBJECTS])


def _rounded(shares: npt.NDArray[np.float64], rows: _Table, columns: _Table) -> _Table:
    """Whole numbers next to ``shares`` with the margins ``rows`` and ``columns``.

    Each row gives its missing ones to the columns that miss most, which always works out (Gale and Ryser).
    """
    table = np.floor(shares).astype(np.int64)
    missing = columns - table.sum(axis=0)
    for row, short in enumerate((rows - table.sum(axis=1)).tolist()):
        most = np.argsort(-missing, kind="stable")[:short]
        table[row, most] += 1
        missing[most] -= 1
    return table


def _put(table: _Table, value: int, place: int) -> None:
    """Set one cell, and move the difference around a rectangle so that all margins stay."""
    row, column = divmod(place, table.shape[1])
    change = value - table[row, column]
    low, high = SHORTEST_LONGEST
    for other_row, other_column in np.ndindex(table.shape):
        if other_row == row or other_column == column:
            continue
        beside = table[row, other_column] - change, table[other_row, column] - change
        across = table[other_row, other_column] + change
        if all(low < moved < high for moved in (*beside, across)):
            table[row, column], table[other_row, other_column] = value, across
            table[row, other_column], table[other_row, column] = beside
            return
    raise AssertionError("a table of 328 sequences always has such a rectangle")
