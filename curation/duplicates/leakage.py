"""Copies across splits and across corpora. Within a group, such as the frames of one video, pictures are alike by
design, and within one split of one corpus a copy leaks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.duplicates.confirm import similarity
from curation.duplicates.looks import Look, look
from curation.duplicates.search import close_pairs
from facial_r1.progress import Progress

__all__ = ["Face", "Pair", "looks_of", "near_duplicates"]


@dataclass(frozen=True, slots=True)
class Face:
    """A picture of a data set: whose row it is, where it lies, and what it must not be a copy of."""

    id: str
    path: Path
    dataset: str
    split: str
    group: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two faces that are one picture; ``similarity`` as :func:`curation.duplicates.confirm.similarity`."""

    first: Face
    second: Face
    similarity: float


def looks_of(paths: Sequence[Path], *, workers: int = 2) -> list[Look]:
    """Read pictures, several at once; the decoders work outside Python's lock."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        return list(pool.map(look, paths))


def near_duplicates(
    faces: Sequence[Face],
    looks: Sequence[Look],
    *,
    radius: int,
    least: float,
    workers: int = 2,
    known: dict[tuple[str, str], float] | None = None,
    progress: Progress | None = None,
) -> list[Pair]:
    """The confirmed copies among faces of different groups that are in different splits or corpora.

    Args:
        faces: the pictures.
        looks: of each.
        radius: greatest distance of hashes for a candidate, in bits.
        least: least similarity of a copy, 0-1.
        workers: threads.
        known: similarities found before, by ids; filled with the new ones.
        progress: told how many candidates are looked at.

    Returns:
        In the order of ``faces``; the same whatever the number of threads.
    """
    if len(faces) < 2:
        return []
    known = {} if known is None else known
    codes = [_numbers([getattr(face, name) for face in faces]) for name in ("dataset", "split", "group")]

    def matter(pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        dataset, split, group = (code[pairs[:, 0]] != code[pairs[:, 1]] for code in codes)
        return np.asarray((dataset | split) & group, np.bool_)

    index, asked = (np.stack([getattr(one, name) for one in looks]) for name in ("index", "asked"))
    candidates = close_pairs(index, asked, radius, workers=workers, differ=matter)
    new = [(int(i), int(j)) for i, j in candidates if (faces[i].id, faces[j].id) not in known]

    def compare(pair: tuple[int, int]) -> float:
        return similarity(looks[pair[0]].grey, looks[pair[1]].grey)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, (pair, value) in enumerate(zip(new, pool.map(compare, new), strict=True), 1):
            known[faces[pair[0]].id, faces[pair[1]].id] = value
            if progress is not None and (done % 500 == 0 or done == len(new)):
                progress.step("pictures compared", done, len(new))
    pairs = ((faces[i], faces[j]) for i, j in candidates)
    found = (Pair(one, two, known[one.id, two.id]) for one, two in pairs)
    return [pair for pair in found if pair.similarity >= least]


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
