"""BP4D in numbers: subjects, tasks, published partitions, rows and positives, as data.

Rows are those of the path lists that ME-GraphAU publishes (every coded frame of the corpus). Positives were recovered
from the class weights published there, whose integer solution is unique; the table printed in many papers has one more
frame in seven AUs (:data:`OFF_BY_ONE`).
"""

from __future__ import annotations

from facial_r1 import facs
from facial_r1.folds import BP4D_PARTS as FOLDS

__all__ = [
    "AUS",
    "FOLDS",
    "FOLD_OF",
    "INTENSITY_AUS",
    "OFF_BY_ONE",
    "PARTITIONS",
    "POSITIVES",
    "ROWS",
    "SCORED",
    "SUBJECTS",
    "SUBJECT_ROWS",
    "TASKS",
    "TASK_ROWS",
]

AUS: tuple[int, ...] = (
    *(1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19),
    *(20, 22, 23, 24, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39),
)
"""The FACS numbers that were scored; some of them never occur. Every other column holds 9 (unknown) throughout."""

SCORED: tuple[str, ...] = tuple(facs.code(number) for number in AUS)
"""The same as codes."""

INTENSITY_AUS: tuple[int, ...] = (6, 10, 12, 14, 17)
"""The AUs with intensities in files of their own."""

FOLD_OF: dict[str, int] = {subject: fold for fold, part in FOLDS.items() for subject in part}
SUBJECTS: tuple[str, ...] = tuple(sorted(FOLD_OF))

PARTITIONS: dict[str, dict[str, tuple[str, ...]]] = {
    **{
        f"fold{4 - test}": {"train": tuple(s for s in SUBJECTS if FOLD_OF[s] != test), "test": FOLDS[test]}
        for test in (3, 2, 1)
    },
    "fera2015": {
        "train": tuple(subject for subject in SUBJECTS if int(subject[1:]) % 2),
        "val": tuple(subject for subject in SUBJECTS if not int(subject[1:]) % 2),
    },
}
"""Published partitions, in the shape of a recipe's ``select.subjects.bp4d``.

``fold1``-``fold3`` count as ME-GraphAU does: fold 1 tests on part 3, fold 2 on part 2, fold 3 on part 1. ``fera2015``
is the challenge's: odd-numbered subjects train, even-numbered ones (its *devel* part) validate.
"""

TASKS: dict[str, str] = {
    "T1": "happiness",
    "T2": "sadness",
    "T3": "surprise",
    "T4": "embarrassment",
    "T5": "fear",
    "T6": "physical pain",
    "T7": "anger",
    "T8": "disgust",
}
"""What each task was meant to elicit. It describes the situation, not what a frame shows: never a label."""

ROWS: dict[int, int] = {1: 50_631, 2: 50_182, 3: 46_034}
"""Coded frames of parts 1-3, 146,847 in all."""

TASK_ROWS: dict[str, int] = dict(
    zip(TASKS, (20_074, 20_837, 12_821, 20_208, 20_795, 19_553, 20_339, 12_220), strict=True)
)
"""Coded frames by task."""

SUBJECT_ROWS: dict[str, int] = {"F001": 3934, "F010": 3266, "M001": 4153, "M018": 3488}
"""Coded frames of some subjects: F010 has the fewest, M001 the most of all 41."""

POSITIVES: dict[int, tuple[int, int, int]] = {
    1: (8322, 10223, 12497),
    2: (8172, 6568, 10370),
    4: (10085, 9870, 9800),
    6: (21055, 23312, 23309),
    7: (29862, 27651, 23103),
    10: (29183, 27954, 30133),
    12: (28277, 26187, 28066),
    14: (20274, 25762, 22339),
    15: (7664, 10024, 7181),
    17: (16080, 18379, 15947),
    23: (8023, 8657, 7608),
    24: (7076, 7867, 7286),
}
"""Frames in which an AU is present, in parts 1, 2 and 3, for the 12 AUs that papers evaluate."""

OFF_BY_ONE: tuple[int, ...] = (1, 6, 7, 10, 12, 14, 17)
"""AUs whose printed total is one frame higher than :data:`POSITIVES`."""
