"""Copies across splits and across corpora. Within a group, such as the frames of one video, pictures are alike by
design, and within one split of one corpus a copy leaks nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np

from curation.duplicates.candidates import Candidate, candidates
from curation.duplicates.confirm import similarity
from curation.duplicates.faces import Face, Pair
from curation.duplicates.looks import Fingerprint, fingerprint, look
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

    Two rendered faces, which are all alike, need the higher similarity of ``rules.rendered``; where it is None, they
    are not compared.

    Args:
        faces: the pictures.
        prints: of each.
        rules: radius, and least similarity of photographs and of rendered faces.
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
    kinds = [_kind(face, place, rules, within=within) for place, face in enumerate(faces)]
    groups = [face.group for face in faces]
    smalls = np.stack([one.small for one in prints])
    drawn = [face.rendered for face in faces]
    found = candidates(smalls, rules.radius, kinds=kinds, groups=groups, drawn=drawn, workers=workers)
    new = [one for one in found if _files(faces, one) not in known]
    grey = lru_cache(OPEN)(look)

    def compare(one: Candidate) -> float:
        asked, viewed = grey(faces[one.asked].path), grey(faces[one.viewed].path)
        return similarity(asked, viewed, one.view, mirrored=one.mirrored)

    progress = progress or Progress()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, (one, value) in enumerate(zip(new, pool.map(compare, new), strict=True), 1):
            known[_files(faces, one)] = value
            if done % STEP == 0 or done == len(new):
                progress.step("alike pictures compared", done, len(new))
    every = ((one, known[_files(faces, one)]) for one in found)
    pairs = (Pair(faces[min(one[:2])], faces[max(one[:2])], value) for one, value in every)
    return [pair for pair in pairs if pair.similarity >= _least(pair, rules)]


def _files(faces: Sequence[Face], one: Candidate) -> tuple[Path, Path]:
    first, second = sorted(one[:2])
    return faces[first].path, faces[second].path


def _kind(face: Face, place: int, rules: Duplicates, *, within: bool) -> Hashable:
    """Faces of one kind are not compared."""
    if face.rendered and rules.rendered is None:
        return "rendered"
    return place if within else (face.dataset, face.split)


def _least(pair: Pair, rules: Duplicates) -> float:
    """Faces that a program drew are all alike; two of them must be the same to a hair."""
    both = pair.first.rendered and pair.second.rendered
    return rules.rendered if both and rules.rendered is not None else rules.similarity
