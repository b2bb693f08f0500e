"""RAF-AU: one line of Action Unit codes for each picture, and beside it RAF-ML and RAF-CE, which hold its emotions.

Options:

* ``rafml`` – also write ``RAF-ML/EmoLabel/`` with crowd distributions for the picture numbers of RAF-AU and for the
  few that RAF-AU lacks; that folder is the builder's ``rafml`` root;
* ``rafce`` – also write ``RAF-CE/`` with a compound class for most pictures; that folder is its ``rafce`` root.

At full size the argmax classes of the distributions of RAF-AU's pictures have the published counts when a tie goes to
the earlier column; a few ties are exact. Quirks of the real corpus that every stand-in has: sides (``L12``, ``R2``,
``T24``, ``B22``), ``AD19``, a code twice (``26+26``), codes out of order, blanks at the end of lines, ``null`` lines,
gaps in the numbers. A ``null`` picture shows a face with its emotion: it was not coded, which is not *no movement*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from datasets_builders.synthetic.order import Order, apportion
from datasets_builders.synthetic.pictures import Face, draw, jpeg, write_files
from datasets_builders.synthetic.population import expression
from datasets_builders.synthetic.rafml import COLUMNS, compound, distribution
from facial_r1.facs import ANTAGONISTS, EXCLUSIVE
from facial_r1.files import write_atomic

__all__ = ["CODED", "COUNTS", "NULL", "PICTURES", "RAFML", "Row", "Stand", "plan"]

PICTURES, NULL, RAFML = 4601, 253, 4908
"""Published: pictures of RAF-AU, those marked ``null``, and pictures of RAF-ML."""

COUNTS = (1008, 353, 1073, 515, 749, 903)
"""Pictures of RAF-AU by the argmax of their RAF-ML distribution, in the order of its columns, as published."""

CODED = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32, 39, 43)
"""The numbers that occur in the label file."""

_RARE = (14, 16, 18, 19, 21, 22, 24, 27, 28, 29, 30, 32, 39, 43)
"""Added to an expression now and then, so that every number occurs."""
_ONE_SIDED, _HALF_LIPS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 20), (22, 24, 28)
_SIDED = ("L12", "R2", "T24", "B22", "B28")
"""Tokens seen in the real file."""
_TRAILING, _CE = 421, 4549
"""Published: lines that end in a blank, and pictures of RAF-CE."""
_GAPS = (31, 32, 46)
_SIZES = ((300, 240), (320, 256), (240, 300), (280, 280))
_ALIGNED = 224


@dataclass(slots=True)
class Row:
    """One picture of RAF-ML, and its line in RAF-AU.

    Attributes:
        number: the picture's number.
        shares: hundredths in RAF-ML's columns; the first largest is the emotion that the face shows.
        codes: what the face does, as the line has it, joined by ``+``.
        inside: False for a picture that is in RAF-ML only.
        coded: False for a ``null`` line.
        blank: the line ends in a blank.
    """

    number: int
    shares: list[int]
    codes: tuple[str, ...]
    inside: bool
    coded: bool = True
    blank: bool = False

    @property
    def name(self) -> str:
        """The file name in the label files, such as ``0001.jpg``."""
        return f"{self.number:04d}.jpg"

    @property
    def line(self) -> str:
        """The line of ``RAFAU_label.txt``."""
        return f"{self.name} {'+'.join(self.codes) if self.coded else 'null'}{' ' * self.blank}\n"

    def files(self, aligned: bytes, original: bytes) -> list[tuple[str, bytes]]:
        """Where the two pictures go."""
        return [(f"aligned/{self.number:04d}_aligned.jpg", aligned), (f"original/{self.name}", original)]


@dataclass(frozen=True, slots=True)
class Stand:
    """The plan: the pictures by number, RAF-ML's further ones included, and which of RAF-AU's are drawn."""

    order: Order
    pictures: list[Row]
    drawn: list[bool]
    rafml: bool
    rafce: bool

    @property
    def inside(self) -> list[Row]:
        """The pictures of RAF-AU."""
        return [row for row in self.pictures if row.inside]

    @property
    def rows(self) -> int:
        """Lines of ``RAFAU_label.txt``."""
        return len(self.drawn)

    def write(self, out: Path) -> None:
        """Write the label files and the aligned and original pictures below ``out``."""
        _write_lines(out / "RAFAU_label.txt", (row.line for row in self.inside))
        if self.rafml:
            self._write_rafml(out / "RAF-ML" / "EmoLabel")
        if self.rafce:
            self._write_rafce(out / "RAF-CE")
        wanted = [row for row, drawn in zip(self.inside, self.drawn, strict=True) if drawn]
        pairs = self.order.run(_files, [Face(self.order.people, row.number, codes=row.codes) for row in wanted])
        write_files(out, (file for row, pair in zip(wanted, pairs, strict=True) for file in row.files(*pair)))

    def _write_rafml(self, folder: Path) -> None:
        parts = self.order.rng(2).random(len(self.pictures)) < 0.2
        lines = [(row.name, row.shares, test) for row, test in zip(self.pictures, parts, strict=True)]
        shares = (f"{name} {' '.join(f'{share / 100:.2f}' for share in own)}\n" for name, own, _ in lines)
        binary = (f"{name} {' '.join(str(int(share >= 20)) for share in own)}\n" for name, own, _ in lines)
        _write_lines(folder / "distribution.txt", shares)
        _write_lines(folder / "multilabel.txt", binary)
        _write_lines(folder / "partition_label.txt", (f"{name} {int(test)}\n" for name, _, test in lines))

    def _write_rafce(self, folder: Path) -> None:
        by_blend = sorted(self.inside, key=lambda row: (-sorted(row.shares)[-2], row.number))
        rows = sorted(by_blend[: _scaled(_CE, self.rows)], key=lambda row: row.number)
        parts = self.order.rng(3).choice(3, len(rows), p=(0.6, 0.2, 0.2))
        _write_lines(folder / "RAFCE_emolabel.txt", (f"{row.name} {compound(row.shares)}\n" for row in rows))
        _write_lines(folder / "RAFCE_AUlabel.txt", (row.line for row in rows))
        split = (f"{row.name} {part}\n" for row, part in zip(rows, parts, strict=True))
        _write_lines(folder / "RAFCE_partition.txt", split)


def plan(order: Order, *, rafml: bool = True, rafce: bool = False) -> Stand:
    """Decide codes and emotions; see the module for the options."""
    count = PICTURES if order.rows is None else order.rows
    rng = order.rng(0)
    numbers = range(1, _scaled(RAFML, count) + 1)
    outside = _gaps(rng, len(numbers), len(numbers) - count)
    tops = iter(rng.permutation(np.repeat(np.arange(len(COLUMNS)), apportion(COUNTS, count))).tolist())
    pictures = [_row(order, at, at not in outside, next(tops) if at not in outside else None) for at in numbers]
    inside = [row for row in pictures if row.inside]
    for row in rng.choice(np.array(inside, dtype=object), _scaled(NULL, count), replace=False):
        row.coded = False
    for row in sorted(inside, key=lambda row: (len(row.codes), row.number))[: _scaled(_TRAILING, count)]:
        row.blank = True
    _ensure_sides(inside)
    drawn = order.drawn([f"raf_au-{row.number:04d}" for row in inside])
    return Stand(order, pictures, drawn, rafml, rafce)


def _scaled(published: int, count: int) -> int:
    """``published`` (of :data:`PICTURES`) in proportion to ``count`` pictures."""
    return published * count // PICTURES


def _gaps(rng: np.random.Generator, numbers: int, gaps: int) -> set[int]:
    """Which of the picture numbers 1 … ``numbers`` RAF-AU lacks: ``gaps`` of them, known ones first."""
    known = [at for at in _GAPS if at <= numbers][:gaps]
    others = [at for at in range(2, numbers) if at not in _GAPS]
    return {*known, *rng.choice(others, gaps - len(known), replace=False).tolist()}


def _row(order: Order, at: int, inside: bool, top: int | None) -> Row:
    rng = order.rng(1, at)
    shares = distribution(rng, int(rng.integers(len(COLUMNS))) if top is None else top)
    return Row(at, shares, _codes(rng, COLUMNS[shares.index(max(shares))]), inside)


def _codes(rng: np.random.Generator, emotion: str) -> tuple[str, ...]:
    """The codes of a face with an emotion, now and then with a rare code, a side, a repeat or another order."""
    shown = sorted(expression(rng, emotion=emotion, allowed=CODED).intensities)
    rare = int(rng.choice(_RARE))
    if rng.random() < 0.12 and not any(frozenset((rare, au)) in EXCLUSIVE | ANTAGONISTS for au in shown):
        shown = sorted({*shown, rare})
    codes = []
    for au in shown:
        sides = "LR" if au in _ONE_SIDED else "TB" if au in _HALF_LIPS else ""
        side = sides[int(rng.integers(2))] if sides and rng.random() < 0.06 else ""
        codes.append("AD19" if au == 19 else f"{side}{au}")
    oddity = rng.random()
    if oddity < 0.01:
        codes.append(codes[-1])
    elif oddity < 0.06:
        codes.reverse()
    return tuple(codes)


def _ensure_sides(inside: list[Row]) -> None:
    """Let every kind of sided token of the real file occur where its code does, however the dice fell."""
    for token in _SIDED:
        bearers = [row for row in inside if row.coded and token[1:] in row.codes]
        if bearers and not any(row.coded and token in row.codes for row in inside):
            row = bearers[0]
            row.codes = tuple(token if code == token[1:] else code for code in row.codes)


def _files(face: Face) -> tuple[bytes, bytes]:
    """The aligned and the original picture of one photograph: the first is cut out of the second."""
    original = draw(face, _SIZES[face.person % len(_SIZES)])
    height, width = original.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    square = original[top : top + side, left : left + side]
    aligned = cv2.resize(square, (_ALIGNED, _ALIGNED), interpolation=cv2.INTER_AREA)
    return jpeg(np.asarray(aligned, np.uint8)), jpeg(original)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    write_atomic(path, "".join(lines))
