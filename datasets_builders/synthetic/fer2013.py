"""FER2013: 48×48 grey faces as numbers in a CSV, with the published count of every class in every usage.

Option ``variant``:

* ``csv`` – ``fer2013.csv``: ``emotion,pixels,Usage``;
* ``icml`` – ``icml_face_data.csv``: another column order and blanks before two header names;
* ``split`` – ``train.csv`` with labels and ``test.csv`` without (the two test parts, in the order of the csv);
* ``folders`` – ``train/happy/Training_10018621.jpg``: both test parts in ``test``, told apart by the file name only.

Quirks of the real corpus that every stand-in has: a few all-black pictures, and faces of Training that come back,
identical or nearly so, in the test parts. A row without a drawn picture holds a flat black one in all variants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from datasets_builders.synthetic.order import Order, apportion, choice
from datasets_builders.synthetic.pictures import Face, Image, draw, jpeg, write_files
from facial_r1.emotions import canonical
from facial_r1.files import atomic

__all__ = ["CLASSES", "COUNTS", "VARIANTS", "Stand", "plan"]

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Folder names in the order of the integer labels."""

COUNTS: dict[str, tuple[int, ...]] = {
    "Training": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "PublicTest": (467, 56, 496, 895, 653, 415, 607),
    "PrivateTest": (491, 55, 528, 879, 594, 416, 626),
}
"""Rows by usage and class, as published; the usages stand in this order in the file."""

VARIANTS = ("csv", "icml", "split", "folders")

SIDE = 48

Integers = npt.NDArray[np.int64]
Content = TypeVar("Content", str, bytes)


_Job = tuple[Face, int]
"""Whose face, and the seed of the noise that sets a near repeat apart (0: none)."""


@dataclass(frozen=True, slots=True)
class Stand:
    """The plan: one entry per row, in the order of the official file.

    Attributes:
        order, variant: what was asked.
        labels: 0-6, see :data:`CLASSES`.
        usages: a key of :data:`COUNTS`.
        faces: the row whose face this row shows: itself, or for a repeat a Training row of the same class.
        noise: 0, or the seed of the noise that makes a repeat a near one.
        shown: the row has a drawn picture; the others are all black, on purpose or because nobody asked for them.
    """

    order: Order
    variant: str
    labels: Integers
    usages: list[str]
    faces: Integers
    noise: Integers
    shown: list[bool]

    @property
    def rows(self) -> int:
        """Rows of all usages; in the split variant those of ``test.csv`` have no label."""
        return len(self.labels)

    def write(self, out: Path) -> None:
        """Write the files of the variant below ``out``."""
        if self.variant == "folders":
            pictures = self._pictures(_file, jpeg(np.zeros((SIDE, SIDE), np.uint8)))
            write_files(out, zip(folder_names(self.labels, self.usages), pictures, strict=True))
            return
        texts = self._pictures(_text, " ".join(["0"] * SIDE * SIDE))
        if self.variant == "split":
            train = self.labels[: self.usages.count("Training")]
            _write_csv(out / "train.csv", "emotion,pixels", (f"{c},{next(texts)}" for c in train))
            _write_csv(out / "test.csv", "pixels", texts)
            return
        rows = zip(self.labels, self.usages, texts, strict=True)
        if self.variant == "icml":
            _write_csv(out / "icml_face_data.csv", "emotion, Usage, pixels", (f"{c},{u},{p}" for c, u, p in rows))
        else:
            _write_csv(out / "fer2013.csv", "emotion,pixels,Usage", (f"{c},{p},{u}" for c, u, p in rows))

    def _pictures(self, function: Callable[[_Job], Content], blank: Content) -> Iterator[Content]:
        """``function`` of every shown row and ``blank`` for the others, in the order of the rows."""
        nouns = [canonical(word) for word in CLASSES]
        jobs = [
            (Face(self.order.people, int(self.faces[row]), nouns[self.labels[row]]), int(self.noise[row]))
            for row, shown in enumerate(self.shown)
            if shown
        ]
        drawn = self.order.run(function, jobs)
        return (next(drawn) if shown else blank for shown in self.shown)


def plan(order: Order, *, variant: str = "csv") -> Stand:
    """Decide labels, usages, repeats and black pictures; see the module for ``variant``."""
    choice("variant", variant, VARIANTS)
    cells = [(usage, label) for usage in COUNTS for label in range(len(CLASSES))]
    published = [count for row in COUNTS.values() for count in row]
    shares = published if order.rows is None else apportion(published, order.rows)
    rng = order.rng(0)
    per_usage = {usage: np.zeros(0, np.int64) for usage in COUNTS}
    for (usage, label), share in zip(cells, shares, strict=True):
        per_usage[usage] = np.append(per_usage[usage], np.full(share, label))
    labels = np.concatenate([rng.permutation(part) for part in per_usage.values()])
    usages = [usage for usage, part in per_usage.items() for _ in part]
    faces, noise = _repeats(rng, labels, len(per_usage["Training"]))
    black = rng.choice(len(labels), min(12, len(labels) // 300), replace=False)
    names = folder_names(labels, usages) if variant == "folders" else []
    ids = [f"fer2013-{Path(name).stem}" for name in names] or [f"fer2013-fer{row:07d}" for row in range(len(labels))]
    shown = order.drawn(ids)
    for row in black:
        shown[row] = False
    return Stand(order, variant, labels, usages, faces, noise, shown)


def folder_names(labels: Integers, usages: list[str]) -> list[str]:
    """Every row's file in the folder variant: unique numbers of eight digits that do not follow the row."""
    numbers = np.random.default_rng(len(labels)).permutation(len(labels)) + 10_000_000
    return [
        f"{'train' if usage == 'Training' else 'test'}/{CLASSES[label]}/{usage}_{number}.jpg"
        for label, usage, number in zip(labels, usages, numbers, strict=True)
    ]


def _repeats(rng: np.random.Generator, labels: Integers, train: int) -> tuple[Integers, Integers]:
    """Let one test row in 30 show the face of a Training row of its class: a third identical, the rest nearly."""
    faces, noise = np.arange(len(labels)), np.zeros(len(labels), np.int64)
    for count, row in enumerate(rng.permutation(np.arange(train, len(labels)))[: (len(labels) - train) // 30]):
        same_class = np.flatnonzero(labels[:train] == labels[row])
        if len(same_class):
            faces[row] = rng.choice(same_class)
            noise[row] = 0 if count % 3 == 0 else row
    return faces, noise


def _pixels(job: _Job) -> Image:
    face, noise = job
    pixels = draw(face, SIDE, grey=True)
    if noise:
        rng = np.random.default_rng([face.people, noise])
        pixels = np.clip(pixels * rng.uniform(0.9, 1.1) + rng.normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)
    return pixels


def _text(job: _Job) -> str:
    return " ".join(map(str, _pixels(job).ravel().tolist()))


def _file(job: _Job) -> bytes:
    return jpeg(_pixels(job))


def _write_csv(path: Path, header: str, rows: Iterable[str]) -> None:
    with atomic(path) as handle:
        handle.write(f"{header}\n".encode())
        handle.writelines(f"{row}\n".encode() for row in rows)
