"""What is compared, and what comes out; apart from the rest because these words are light to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Face", "Pair"]


@dataclass(frozen=True, slots=True)
class Face:
    """A picture of a data set: whose row it is, where it lies, and what it must not be a copy of.

    Attributes:
        id, dataset, split: of its row.
        path: the file.
        group: the row's group, or what stands for one; a face is not compared with others of its group.
        rendered: whether a synthetic corpus drew it.
    """

    id: str
    path: Path
    dataset: str
    split: str
    group: str
    rendered: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two faces that are one picture; ``similarity`` as :func:`curation.duplicates.confirm.similarity`."""

    first: Face
    second: Face
    similarity: float
