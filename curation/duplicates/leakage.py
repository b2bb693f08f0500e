"""Copies across splits and across corpora. Within a group, such as the frames of one video, pictures are alike by
design, and within one split of one corpus a copy leaks nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np

from curation.duplicates.confirm import similarity
from curation.duplicates.faces import Face, Pair
from curation.duplicates.looks import Fingerprint, fingerprint, look
from curation.duplicates.search import close_pairs
from facial_r1.progress import Progress
from facial_r1.recipe import Duplicates

__all__ = ["Face", "Pair", "fingerprints", "near_duplicates"]

STEP = 500
"""Pictures, or pairs, between two reports of progress."""
OPEN = 4_096
"""Small pictures that are kept while pairs are compared: 20 MB."""


def fingerprints(paths: Sequence[Path], *, workers: int = 1, progress: Progress | None = None) -> Iterator[Fingerprint]:
    """Read pictures, several at once (the decoders work outside Python's lock).

    Raises:
        PictureError: at the first that is no picture.
    """
    progress = progress or Progress()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, found in enumerate(pool.map(fingerprint, paths), 1):
            yield found
            if done % STEP == 0 or done == len(paths):
                progress.step("pictures hashed", done, len(paths))


def near_duplicates(
    faces: Sequence[Face],
    prints: Sequence[Fingerprint],
    rules: Duplicates,
    *,
    within: bool = False,
    workers: int = 1,
    known: dict[tuple[Path, Path], float] | None = None,
    progress: Progress | None = None,
) -> list[Pair]:
    """The confirmed copies among faces of different groups that are in different splits or corpora.

    Two rendered faces are compared only where the rules say so: all of them are alike.

    Args:
        faces: the pictures.
        prints: of each.
        rules: radius, least similarity, and whether rendered faces are compared.
        within: compare the faces of one split of one corpus too.
        workers: threads.
        known: similarities found before, by files; filled with the new ones.
        progress: told how many candidates are looked at.

    Returns:
        In the order of ``faces``; the same whatever the number of threads.
    """
    if not faces:
        return []
    known = {} if known is None else known
    index, asked = (np.stack([getattr(one, name) for one in prints]) for name in ("index", "asked"))
    kinds = [_kind(face, place, rules, within=within) for place, face in enumerate(faces)]
    groups = [face.group for face in faces]
    found = close_pairs(index, asked, rules.radius, kinds=kinds, groups=groups, workers=workers)
    pairs = [(faces[i], faces[j]) for i, j in found]
    new = [pair for pair in pairs if (pair[0].path, pair[1].path) not in known]
    grey = lru_cache(OPEN)(look)

    def compare(pair: tuple[Face, Face]) -> float:
        return similarity(grey(pair[0].path), grey(pair[1].path))

    progress = progress or Progress()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, ((one, two), value) in enumerate(zip(new, pool.map(compare, new), strict=True), 1):
            known[one.path, two.path] = value
            if done % STEP == 0 or done == len(new):
                progress.step("alike pictures compared", done, len(new))
    every = (Pair(one, two, known[one.path, two.path]) for one, two in pairs)
    return [pair for pair in every if pair.similarity >= rules.similarity]


def _kind(face: Face, place: int, rules: Duplicates, *, within: bool) -> object:
    """Faces of one kind are not compared."""
    if face.rendered and not rules.rendered:
        return "rendered"
    return place if within else (face.dataset, face.split)
