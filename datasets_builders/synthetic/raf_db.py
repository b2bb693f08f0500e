"""RAF-DB: faces with one of seven emotions, and faces with one of eleven compounds of two, under the same names.

Options:

* ``subset`` – ``basic``, ``compound`` or ``both``;
* ``variant`` – ``official``: ``basic/`` and ``compound/`` with label list, pictures and annotations; ``kaggle``: the
  basic subset as ``DATASET/train/1/`` … with ``train_labels.csv``, aligned pictures only;
* ``annotations`` – write landmarks, attributes and face box of every drawn picture of the official variant.

Quirks of the real corpus that every stand-in has: the misspelt ``list_patition_label.txt``, numbers of five digits in
the training and four in the test part, the same names in both subsets, boxes that reach beyond the picture, faces whose
gender is "unsure". The class counts of the basic subset are the published ones. Of the compound subset only the sizes
of its parts are (from memory); its classes have about the shares that the authors' paper shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from datasets_builders.synthetic.order import Order, apportion, choice
from datasets_builders.synthetic.pictures import write_files
from datasets_builders.synthetic.raf_db_pictures import Portrait, aligned_file, files
from facial_r1.errors import UsageError
from facial_r1.files import write_atomic

__all__ = ["CLASSES", "COUNTS", "Row", "Stand", "plan"]

CLASSES: dict[str, tuple[tuple[str, ...], ...]] = {
    "basic": (("surprise",), ("fear",), ("disgust",), ("happiness",), ("sadness",), ("anger",), ("neutral",)),
    "compound": (
        ("happiness", "surprise"),
        ("happiness", "disgust"),
        ("sadness", "fear"),
        ("sadness", "anger"),
        ("sadness", "surprise"),
        ("sadness", "disgust"),
        ("fear", "anger"),
        ("fear", "surprise"),
        ("anger", "surprise"),
        ("anger", "disgust"),
        ("disgust", "surprise"),
    ),
}
"""Subset → the emotions of each class, the first of them class 1."""

_SHARES = (697, 266, 129, 163, 86, 738, 150, 560, 176, 841, 148)
"""The compound classes by size, from memory of the paper; they add up to 3,954."""

COUNTS: dict[str, dict[str, tuple[int, ...]]] = {
    "basic": {
        "train": (1290, 281, 717, 4772, 1982, 705, 2524),
        "test": (329, 74, 160, 1185, 478, 162, 680),
    },
    "compound": {part: tuple(apportion(_SHARES, size)) for part, size in (("train", 3162), ("test", 792))},
}
"""Pictures by subset, part and class, at full size."""

VARIANTS = ("official", "kaggle")


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled picture.

    Attributes:
        subset, part: a key of :data:`COUNTS`, and a key in there.
        number: from 1, within its part.
        label: the class, from 1.
        person: the face's number among all faces of the stand-in.
    """

    subset: str
    part: str
    number: int
    label: int
    person: int

    @property
    def stem(self) -> str:
        """``train_00001`` or ``test_0001``."""
        return f"{self.part}_{self.number:0{5 if self.part == 'train' else 4}d}"

    @property
    def id(self) -> str:
        """The sample id."""
        return f"raf_db-{'compound-' * (self.subset == 'compound')}{self.stem}"


@dataclass(frozen=True, slots=True)
class Stand:
    """The plan: the labelled pictures in the order of the lists, and which of them are drawn."""

    order: Order
    variant: str
    annotations: bool
    pictures: list[Row]
    drawn: list[bool]

    @property
    def rows(self) -> int:
        """Labelled pictures of all subsets."""
        return len(self.pictures)

    def write(self, out: Path) -> None:
        """Write label files, pictures and annotations below ``out``."""
        wanted = [row for row, drawn in zip(self.pictures, self.drawn, strict=True) if drawn]
        portraits = [
            Portrait(self.order.people, row.person, CLASSES[row.subset][row.label - 1], row.stem, self.annotations)
            for row in wanted
        ]
        if self.variant == "kaggle":
            for part in COUNTS["basic"]:
                rows = (f"{row.stem}_aligned.jpg,{row.label}\n" for row in self.pictures if row.part == part)
                write_atomic(out / f"{part}_labels.csv", "".join(("image,label\n", *rows)))
            names = (f"{row.part}/{row.label}/{row.stem}_aligned.jpg" for row in wanted)
            write_files(out / "DATASET", zip(names, self.order.run(aligned_file, portraits), strict=True))
            return
        for subset in dict.fromkeys(row.subset for row in self.pictures):
            lines = (f"{row.stem}.jpg {row.label}\n" for row in self.pictures if row.subset == subset)
            write_atomic(out / subset / "EmoLabel" / "list_patition_label.txt", "".join(lines))
        made = zip(wanted, self.order.run(files, portraits), strict=True)
        write_files(out, chain.from_iterable(_below(row.subset, parts) for row, parts in made))


def plan(order: Order, *, subset: str = "basic", variant: str = "official", annotations: bool = True) -> Stand:
    """Decide every class; see the module for the options."""
    choice("subset", subset, (*COUNTS, "both"))
    choice("variant", variant, VARIANTS)
    if variant == "kaggle" and subset != "basic":
        raise UsageError("Kaggle has the basic subset only", found=f"subset: {subset}", do="take variant: official")
    cells = [
        (name, part, label, count)
        for name, parts in COUNTS.items()
        if subset in (name, "both")
        for part, counts in parts.items()
        for label, count in enumerate(counts, 1)
    ]
    sizes = [count for *_, count in cells]
    shares = sizes if order.rows is None else apportion(sizes, order.rows)
    labels: dict[tuple[str, str], list[int]] = {}
    for (name, part, label, _), share in zip(cells, shares, strict=True):
        labels.setdefault((name, part), []).extend([label] * share)
    rng = order.rng(0)
    rows: list[Row] = []
    for (name, part), own in labels.items():
        shuffled = rng.permutation(np.array(own, dtype=np.int64)).tolist()
        rows += [Row(name, part, n, label, len(rows) + n) for n, label in enumerate(shuffled, 1)]
    return Stand(order, variant, annotations, rows, order.drawn([row.id for row in rows]))


def _below(folder: str, made: list[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    return ((f"{folder}/{name}", content) for name, content in made)
