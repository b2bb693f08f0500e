"""DISFA in numbers: subjects, published parts, lines, positives and known defects, as data."""

from __future__ import annotations

from facial_r1.folds import DISFA_PARTS as FOLDS

__all__ = ["AUS", "FOLDS", "FOLD_OF", "LANDMARKS_BAD", "LINES", "POSITIVES", "SUBJECTS"]

AUS: tuple[int, ...] = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
"""The coded AUs, one file each."""

SUBJECTS: tuple[str, ...] = tuple(sorted(subject for part in FOLDS.values() for subject in part))
FOLD_OF: dict[str, int] = {subject: fold for fold, part in FOLDS.items() for subject in part}

LINES: dict[str, int] = {subject: 4844 if subject == "SN010" else 4845 for subject in SUBJECTS}
"""Label lines per subject, 130,814 in all."""

POSITIVES: dict[int, tuple[int, int, int]] = {
    1: (1839, 1469, 3198),
    2: (1125, 879, 3640),
    4: (5119, 6653, 8161),
    6: (2360, 3558, 4409),
    9: (1218, 1287, 2968),
    12: (4503, 6187, 6161),
    25: (10850, 13206, 12191),
    26: (4902, 4123, 2508),
}
"""Frames with intensity >= 2 in parts 1, 2 and 3, for the 8 AUs that papers evaluate.

Recovered from the class weights that ME-GraphAU publishes; their integer solution is unique.
"""

LANDMARKS_BAD: dict[str, tuple[range, ...]] = {
    subject: tuple(range(int(first), int(last) + 1) for first, last in (pair.split("-") for pair in pairs.split()))
    for subject, pairs in {
        "SN001": "397-419 3189-3242",
        "SN002": "799-825",
        "SN004": "4540-4554",
        "SN006": "1348-1404",
        "SN009": "1735-1807 1850-1884",
        "SN011": "4528-4532 4829-4844",
        "SN021": "573-615 984-1163 1189-1204 1304-1337 1664-1709 1861-2476 2553-4656 4709-4721",
        "SN023": "1020-1048 3377-3556 3583-3667 4546-4620 4740-4771 4824-4844",
        "SN025": "4595-4661 4815-4834",
        "SN027": "3460-3493 4737-4784",
        "SN028": "1874-1884 4570-4689",
        "SN029": "4089-4542",
        "SN030": "938-961 1405-1421 2099-2131 2892-2954",
    }.items()
}
"""Pictures, counted from 0, on which the distributed landmark tracking failed; the AU labels there are sound.

Two independent readers agree on these ranges (the gaps in JAA-Net's lists are one of them).
"""
