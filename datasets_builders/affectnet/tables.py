"""AffectNet's integer labels and its published counts, all in one place."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LABELS", "LAYOUTS", "LOOSE", "REASONS", "published"]

LABELS: tuple[str, ...] = (
    *("neutral", "happiness", "sadness", "surprise"),
    *("fear", "disgust", "anger", "contempt"),
)
"""The integer labels 0-7, in AffectNet's own order."""

REASONS: dict[int, str] = {8: "no_emotion", 9: "uncertain", 10: "no_face"}
"""The integers that are no emotion (AffectNet: None, Uncertain, No-Face) → why such a row is left out."""

LAYOUTS: dict[str, str] = {
    "csv": "the 2017 distribution with training.csv and validation.csv",
    "npy": "the later distribution with train_set and val_set (four .npy files per picture)",
    "plus": "AffectNet+ (one .json file per picture)",
}
"""In the order of preference when one folder holds several: the first has the most rows with a box."""

_TRAIN = (74_874, 134_416, 25_459, 14_090, 6_378, 3_803, 24_882, 3_750)
_TRAIN_OTHERS = (33_088, 11_645, 82_414)
_VAL = 500
"""Pictures of each class, the three that are no emotion included, in validation.csv."""

LOOSE: dict[str, int] = {
    **{"train/happiness": 1, "train/no_face": 1},
    **{f"val/{name}": 1 for name in (*LABELS, *REASONS.values())},
}
"""Counts whose sources disagree by one. Readers of training.csv print 134,415 or 134,416 happy and 82,414 or 82,415
faceless rows, of 414,799; one happy row has no picture. Of the 4,000 labelled validation pictures the later
distribution lacks one, and nobody says of which class."""


def published(layout: str) -> Mapping[str, int]:
    """Count by name, ``rows``, ``train`` … and ``train/neutral`` …, of one of :data:`LAYOUTS`.

    Sources: the class counts that readers of the original lists print; the full file listing of the later distribution
    (287,651 and 3,999 pictures); the folder counts of AffectNet+ (no class counts are known for it).
    """
    if layout == "plus":
        return {"rows": 420_299, "train": 414_799, "val": 5_500}
    if layout == "npy":
        classes = dict(zip(LABELS, _TRAIN, strict=True)) | {"happiness": 134_415}
        return {"rows": 291_650, "train": 287_651, "val": 3_999, **_named("train", classes), **_named("val", _vals(8))}
    names = (*LABELS, *REASONS.values())
    classes = dict(zip(names, (*_TRAIN, *_TRAIN_OTHERS), strict=True))
    return {"rows": 420_299, "train": 414_799, "val": 5_500, **_named("train", classes), **_named("val", _vals(11))}


def _vals(classes: int) -> dict[str, int]:
    return dict.fromkeys((*LABELS, *REASONS.values())[:classes], _VAL)


def _named(part: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f"{part}/{name}": count for name, count in counts.items()}
