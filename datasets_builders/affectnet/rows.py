"""What the three distributions of AffectNet have in common: a row, a row that is left out, valence and arousal."""

from __future__ import annotations

from datasets_builders.affectnet.tables import LABELS, REASONS
from datasets_builders.common.corpus import Dropped
from facial_r1.emotions import EMOTIONS
from facial_r1.sample import Meta, Sample

__all__ = ["FEELING", "IMAGE_SUFFIXES", "ORDER", "POINTS", "dropped", "extra", "feeling", "make"]

IMAGE_SUFFIXES: tuple[str, ...] = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp")
"""The pictures came from the web as they were, so they have many types; the usual one first."""

ORDER = ", ".join(f"{number} {label}" for number, label in enumerate(LABELS))
"""The integer labels in words, for errors."""

FEELING = "a number from -1 to 1, or -2 for not available"
"""Valence and arousal in words, for errors."""

POINTS = 68
"""Landmarks of a face."""

_NOT_AVAILABLE = -2.0
_LABELS = [[label] for label in LABELS]
_LABEL_SET = list(EMOTIONS)


def make(
    identity: str,
    label: int,
    split: str | None,
    source: str,
    extra: str,
    *,
    box: list[int] | None = None,
    origins: list[str] | None = None,
    label_source: str = "human",
) -> Sample:
    """One labelled picture. Rows share ``labels`` and ``label_set``: replace them, do not append."""
    meta = Meta(
        task="emotion",
        sample_id=identity,
        group=identity,  # nobody is named, so every picture stands for itself
        origin_ids=origins or [],
        split=split,
        box=box,
        label_source=label_source,
        label_set=_LABEL_SET,
        source=source,
        extra=extra,
    )
    return Sample(identity, "affectnet", labels=_LABELS[label], meta_info=meta)


def dropped(identity: str, expression: int, source: str) -> Dropped:
    """A picture whose ``expression`` (8, 9 or 10) is no emotion."""
    return Dropped("affectnet", identity, REASONS[expression], _DETAILS[expression], source)


_DETAILS = {number: f"the annotators chose {number}, {reason.replace('_', ' ')}" for number, reason in REASONS.items()}


def feeling(value: float) -> float | None:
    """Valence or arousal in [-1, 1]; None for -2, which stands for *not available* and is no measurement.

    Raises:
        ValueError: for any other number.
    """
    if -1 <= value <= 1:
        return value
    if value == _NOT_AVAILABLE:
        return None
    raise ValueError(value)


def extra(valence: float | None, arousal: float | None) -> str:
    """``meta_info.extra`` with valence and arousal (None: not available)."""
    return f'{{"valence":{_number(valence)},"arousal":{_number(arousal)}}}'


def _number(value: float | None) -> str:
    return "null" if value is None else repr(value)
