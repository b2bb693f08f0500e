"""AffectNet's later distributions keep the labels of every picture in files of their own, folder beside folder.

::

    train_set/images/12.jpg    train_set/annotations/12_exp.npy … (four files), or 12.json in AffectNet+

The names are integers of the distribution: they are not the hashes of 2017, and whether train and val, or two
distributions, give one number to one picture is not known.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets_builders.affectnet.rows import IMAGE_SUFFIXES
from datasets_builders.common.corpus import Raw, Report
from datasets_builders.common.layout import some
from facial_r1.errors import InputError
from facial_r1.sample import Sample

__all__ = ["FLAT", "Part", "in_order", "number_of", "opened", "raws", "read", "tell_pictures"]

FLAT = "flat"
"""What a part without a split is called in ids and counts."""

_BLOCK = 1 << 14
"""Bytes read at once: all of an official annotation, and a buffer that is cheap to get."""


@dataclass(frozen=True, slots=True)
class Part:
    """One folder ``annotations`` and the folder ``images`` beside it; ``split`` is None in a flat pack."""

    split: str | None
    annotations: Path
    images: Path | None

    @property
    def name(self) -> str:
        """The part's name in ids."""
        return self.split or FLAT

    def names(self) -> Iterator[str]:
        """The names in ``annotations``, in no order; hidden ones are left out."""
        with os.scandir(self.annotations) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry.name

    def picture(self, stem: str) -> Path | None:
        """The picture of ``stem``, whatever its type; None when it is not there."""
        if self.images is None:
            return None
        for suffix in (*IMAGE_SUFFIXES, *map(str.upper, IMAGE_SUFFIXES)):
            path = self.images / f"{stem}{suffix}"
            if path.is_file():
                return path
        return None


def in_order(stems: Iterable[str]) -> list[str]:
    """Stems by number: the shorter one is the smaller, because nothing is padded."""
    return sorted(stems, key=lambda stem: (len(stem), stem))


def number_of(stem: str) -> str:
    """The number that ``stem`` writes, without the zeros that a repacked copy may have put before it."""
    return stem.lstrip("0") or "0"


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A folder as a descriptor: opening files relative to it is faster than by their whole paths."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read(folder: int, name: str, path: Path) -> bytes:
    """The content of the small file ``name`` in ``folder``; ``path`` is the folder's, for the error.

    Raises:
        InputError: when it cannot be read.
    """
    try:
        descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
        try:
            data = os.read(descriptor, _BLOCK)
            while len(data) % _BLOCK == 0 and (more := os.read(descriptor, _BLOCK)):
                data += more
            return data
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"this file cannot be read ({error.strerror})", path=path / name) from None


def raws(
    parts: Iterable[Part], root: Path, samples: Iterable[Sample], points: Callable[[Path], NDArray[np.float64] | None]
) -> Iterator[Raw]:
    """The pictures of chosen rows in their order; ``points`` reads landmarks, given a row's annotation file."""
    images = {part.annotations: part for part in parts}
    for sample in samples:
        annotation = root / (sample.meta_info.source or "")
        stem, part = annotation.stem.partition("_")[0], images.get(annotation.parent)
        path = None if part is None else part.picture(stem)
        name = sample.meta_info.sample_id or sample.id
        if path is None:
            yield Raw(name, problem=("missing", f"there is no picture {stem}.jpg"))
        else:
            yield Raw(name, path=path, points=points(annotation))


def tell_pictures(part: Part, stems: Iterable[str], root: Path, report: Report) -> None:
    """Say which pictures of ``stems`` are not there, and how many are there without annotation."""
    parent = part.annotations.parent.relative_to(root).as_posix()
    if part.images is None:
        report.missing.append(f"{parent}/images, the folder of the pictures")
        return
    there = set()
    with os.scandir(part.images) as entries:
        for entry in entries:
            stem, _, suffix = entry.name.rpartition(".")
            if f".{suffix.lower()}" in IMAGE_SUFFIXES:
                there.add(stem)
    wanted = set(stems)
    if absent := in_order(wanted - there):
        report.missing.append(f"{len(absent):,} of the annotated pictures of {parent}: {some(absent)}")
    if spare := len(there - wanted):
        report.remarks.append(f"{parent}/images: {spare:,} without annotation, left out")
