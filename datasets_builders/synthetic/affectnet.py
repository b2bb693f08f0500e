"""AffectNet: photographs (or faces cut out of them) with one of eleven classes, valence and arousal.

Options:

* ``layout`` – ``csv``: the lists of 2017, training.csv and validation.csv, 420,299 lines; ``npy``: train_set and
  val_set with four .npy files for each of 291,650 pictures, over a million files; ``plus``: AffectNet+, one .json file
  for each of 420,299 pictures, and a few without human label;
* ``header`` – (csv) validation.csv begins with the header, too; by default only training.csv does.

Quirks of the real corpus that every stand-in has: valence and arousal of -2 in the classes that are no emotion,
pictures of mixed type, pictures that come twice under two names (one in 40), numbers with gaps that train and val share
(npy, plus), text instead of numbers in the .npy files, and, from 200 rows on, one line whose picture is nowhere (csv).
Of npy's 3,999 validation pictures the missing one is a contempt. Unlike the real corpus, a small stand-in has one row
in ten in val, and the points of a face are those of a similar one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from datasets_builders.synthetic.affectnet_files import (
    Frame,
    Shot,
    file_of,
    frames,
    npy_numbers,
    npy_text,
    plus_object,
)
from datasets_builders.synthetic.order import Order, apportion, choice
from datasets_builders.synthetic.pictures import write_files
from facial_r1.files import atomic

__all__ = ["CLASSES", "COUNTS", "LAYOUTS", "LISTS", "SETS", "Part", "Stand", "plan"]

CLASSES = 11
LAYOUTS = ("csv", "npy", "plus")

_TRAIN = (74_874, 134_416, 25_459, 14_090, 6_378, 3_803, 24_882, 3_750, 33_088, 11_645, 82_414)
COUNTS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "csv": (_TRAIN, (500,) * CLASSES),
    "npy": ((74_874, 134_415, *_TRAIN[2:8]), (*(500,) * 7, 499)),
    "plus": (_TRAIN, (500,) * CLASSES),
}
"""Pictures of train and val by class, as published."""

_FELT = (
    *((0.0, 0.0), (0.7, 0.1), (-0.6, -0.3), (0.2, 0.7), (-0.2, 0.8)),
    *((-0.65, 0.35), (-0.5, 0.6), (-0.55, 0.3)),
)
"""Valence and arousal about which the classes 0-7 scatter."""

_NOT_AVAILABLE = -2
_HAPPY = 1
_SUFFIXES = ("jpg", "JPG", "png", "bmp", "tif")
_SHARES = (0.94, 0.02, 0.02, 0.01, 0.01)
_FRAMES = 64
"""Frames per class."""
_FOLDER = 320
"""Pictures in one numbered folder, about."""
_HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
LISTS = ("training.csv", "validation.csv")
SETS = {"npy": ("train_set", "val_set"), "plus": ("human_annotated/train_set", "human_annotated/validation_set")}
_UNLABELLED = 3
_MISSING_FROM = 200


@dataclass(frozen=True, slots=True)
class Part:
    """Train or val: one entry per row in each.

    Attributes:
        labels: 0-10.
        felt: valence and arousal, rows × 2; -2 where they are not available.
        frames: which of the frames of its class a row's face stands in.
        people: whose face it is; a picture that comes twice has that of another row.
        names: ``689/<hash>.jpg``, or the number.
        drawn: whether the row gets a picture.
    """

    labels: list[int]
    felt: npt.NDArray[np.float64]
    frames: list[int]
    people: list[int]
    names: list[str]
    drawn: list[bool]


@dataclass(frozen=True, slots=True)
class Stand:
    """The plan: train and val, and the frames of each class."""

    order: Order
    layout: str
    header: bool
    parts: list[Part]
    frames: list[list[Frame]]

    @property
    def rows(self) -> int:
        """Annotated pictures, those that show no emotion included."""
        return sum(len(part.labels) for part in self.parts)

    def write(self, out: Path) -> None:
        """Write the labels of the layout, then the pictures, below ``out``."""
        if self.layout == "csv":
            texts = [[frame.fields() for frame in own] for own in self.frames]
            for part, name in zip(self.parts, LISTS, strict=True):
                header = [_HEADER] if name == "training.csv" or self.header else []
                with atomic(out / "Manually_Annotated_file_lists" / name) as handle:
                    handle.writelines(line.encode() for line in chain(header, _lines(part, texts)))
                self._draw(part, out / "Manually_Annotated" / "Manually_Annotated_Images")
            return
        for part, name in zip(self.parts, SETS[self.layout], strict=True):
            files = self._npy(part) if self.layout == "npy" else self._plus(part)
            write_files(out / name / "annotations", files)
            self._draw(part, out / name / "images")
        if self.layout == "plus":
            points = self.frames[0][0].points
            files = ((f"{number}.json", plus_object(None, 0, 0, number, points)) for number in range(_UNLABELLED))
            write_files(out / "no_human_annotated" / "annotations", files)

    def _draw(self, part: Part, folder: Path) -> None:
        names = part.names if self.layout == "csv" else [f"{name}.jpg" for name in part.names]
        shots = [
            Shot(self.order.people, person, label, self.frames[label][frame], name.rpartition(".")[2])
            for person, label, frame, name, drawn in zip(
                part.people, part.labels, part.frames, names, part.drawn, strict=True
            )
            if drawn
        ]
        shown = (name for name, drawn in zip(names, part.drawn, strict=True) if drawn)
        write_files(folder, zip(shown, self.order.run(file_of, shots), strict=True))

    def _npy(self, part: Part) -> Iterator[tuple[str, bytes]]:
        """The four files of every row."""
        landmarks = [[npy_numbers(frame.points.ravel()) for frame in own] for own in self.frames]
        classes = [npy_text(str(label)) for label in range(len(self.frames))]
        rows = zip(part.names, part.labels, part.felt.tolist(), part.frames, strict=True)
        for name, label, (valence, arousal), frame in rows:
            yield f"{name}_exp.npy", classes[label]
            yield f"{name}_val.npy", npy_text(f"{valence:.6g}")
            yield f"{name}_aro.npy", npy_text(f"{arousal:.6g}")
            yield f"{name}_lnd.npy", landmarks[label][frame]

    def _plus(self, part: Part) -> Iterator[tuple[str, bytes]]:
        rows = zip(part.names, part.labels, part.felt.tolist(), part.frames, part.people, strict=True)
        for name, label, (valence, arousal), frame, person in rows:
            points = self.frames[label][frame].points
            yield f"{name}.json", plus_object(label, valence, arousal, person, points)


def plan(order: Order, *, layout: str = "csv", header: bool = False) -> Stand:
    """Decide classes, feelings, names and repeats; see the module for the options."""
    choice("layout", layout, LAYOUTS)
    counts, rng = _counts(layout, order.rows), order.rng(0)
    train = _part(rng, layout, counts[0], 0)
    val = _part(rng, layout, counts[1], len(train.labels))
    parts = {"train": train, "val": val}
    drawn = iter(order.drawn([name for split, part in parts.items() for name in _ids(layout, split, part.names)]))
    for part in parts.values():
        part.drawn.extend(islice(drawn, len(part.labels)))
    if layout == "csv" and len(train.labels) >= _MISSING_FROM:
        train.drawn[train.labels.index(_HAPPY)] = False
    pool = [
        frames(order.rng(1, label), order.people, label, _FRAMES, cut=layout != "csv")
        for label in range(len(counts[0]))
    ]
    return Stand(order, layout, header, list(parts.values()), pool)


def _counts(layout: str, rows: int | None) -> tuple[Sequence[int], Sequence[int]]:
    """Rows of each class in train and val; a small stand-in has one row in ten in val, so that there are some."""
    train, val = COUNTS[layout]
    if rows is None:
        return train, val
    return apportion(train, rows - rows // 10), apportion(val, rows // 10)


def _part(rng: np.random.Generator, layout: str, counts: Sequence[int], first: int) -> Part:
    """One part with so many rows of each class; its faces are numbered from ``first``."""
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    centres = np.array([*_FELT, *[(0.0, 0.0)] * (CLASSES - len(_FELT))])[labels]
    felt = np.clip(np.round(centres + rng.normal(0, 0.15, centres.shape), 6), -1, 1)
    felt[labels >= len(_FELT)] = _NOT_AVAILABLE
    standing, people = rng.integers(_FRAMES, size=len(labels)), np.arange(len(labels)) + first
    for copy in rng.choice(len(labels), len(labels) // 40, replace=False):
        same = rng.choice(np.flatnonzero(labels[:1000] == labels[copy])) if labels[copy] in labels[:1000] else copy
        people[copy], standing[copy] = people[same], standing[same]
    names = _hashes(rng, len(labels)) if layout == "csv" else _numbers(rng, len(labels))
    return Part(labels.tolist(), felt, standing.tolist(), people.tolist(), names, [])


def _hashes(rng: np.random.Generator, count: int) -> list[str]:
    """Files such as ``689/<56 hex digits>.jpg``."""
    text = rng.bytes(28 * count).hex()
    folders = rng.integers(1, 2 + count // _FOLDER, count).tolist()
    suffixes = rng.choice(_SUFFIXES, count, p=_SHARES).tolist()
    return [
        f"{folder}/{text[56 * at : 56 * at + 56]}.{suffix}"
        for at, (folder, suffix) in enumerate(zip(folders, suffixes, strict=True))
    ]


def _numbers(rng: np.random.Generator, count: int) -> list[str]:
    """Ascending numbers with gaps."""
    return [str(number) for number in np.cumsum(rng.choice((1, 2, 3), count, p=(0.7, 0.2, 0.1))).tolist()]


def _ids(layout: str, split: str, names: Sequence[str]) -> list[str]:
    """The sample ids of a part's rows."""
    if layout == "csv":
        return [f"affectnet-{Path(name).stem}" for name in names]
    return [f"affectnet-{'plus-' if layout == 'plus' else ''}{split}-{name}" for name in names]


def _lines(part: Part, texts: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a list; ``texts`` are box and points of the frames by class."""
    rows = zip(part.names, part.labels, part.felt.tolist(), part.frames, strict=True)
    for name, label, (valence, arousal), frame in rows:
        yield f"{name},{texts[label][frame]},{label},{valence:.6g},{arousal:.6g}\n"
