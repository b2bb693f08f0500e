"""ExpW: photographs with one or several faces, one line of ``label.lst`` for each face.

A line is ``name face_id top left right bottom confidence label``, boxes are squares of whole pixels and the
confidence is a float of about 0-140. Options:

* ``nested`` – ``data/label/label.lst`` and ``data/image/origin/`` instead of ``label/`` and ``image/origin/``.

Quirks of the real corpus that every stand-in has: the misspelt readme with its byte order mark, face ids that start
above 0 or skip, boxes that end a little beyond the right or lower border, names that say nothing about the label, and
photographs without any label. Repeated lines, identical and conflicting, come only in small stand-ins, *in addition*
to the rows asked for: at full size the number of lines and the class counts are the published ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from datasets_builders.synthetic.order import Order, apportion
from datasets_builders.synthetic.pictures import Face, draw, jpeg, paste, scene, write_files
from facial_r1.emotions import canonical
from facial_r1.files import write_atomic

__all__ = ["CLASSES", "COUNTS", "Labelled", "Photograph", "Stand", "plan"]

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The order of the integer labels."""

COUNTS = (3671, 3995, 1088, 30537, 10559, 7060, 34883)
"""Faces by class, as published: 91,793."""

PHOTOGRAPHS = 68096
"""Distinct names among the 91,793 lines, as one user of the corpus counted them."""

_README = """\ufeffThe lines of label.lst are in the format:

image_name face_id_in_image face_box_top face_box_left face_box_right face_box_bottom face_box_cofidence \
expression_label

for expression label:
"0" "angry"
"1" "disgust"
"2" "fear"
"3" "happy"
"4" "sad"
"5" "surprise"
"6" "neutral"

This copy is SYNTHETIC: no face in it belongs to a person.
"""
_WORDS = ("actor", "boy", "child", "couple", "crowd", "face", "family", "girl", "man", "student", "teacher", "woman")
_MOODS = ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "calm")
_SIZES = ((480, 360), (450, 320), (615, 409), (300, 470), (640, 480), (366, 366))
_MOST = 6
"""Faces in one photograph, at most."""
_SPARE = 3
"""Photographs without a label."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line: the face's number among all faces, and what the line says of it. The box is in pixels."""

    person: int
    face_id: int
    top: int
    left: int
    side: int
    confidence: float
    label: int


@dataclass(frozen=True, slots=True)
class Photograph:
    """A picture file with its faces; ``key`` seeds what stands behind them."""

    name: str
    key: int
    width: int
    height: int
    faces: tuple[Labelled, ...]

    def line(self, face: Labelled) -> str:
        """The line of ``label.lst`` for one of the faces."""
        box = f"{face.top} {face.left} {face.left + face.side} {face.top + face.side}"
        return f"{self.name} {face.face_id} {box} {face.confidence:.6g} {face.label}"

    def ids(self) -> list[str]:
        """The sample ids of the faces."""
        return [f"expw-{Path(self.name).stem}-{face.face_id}" for face in self.faces]


@dataclass(frozen=True, slots=True)
class Stand:
    """The plan: labelled photographs in the order of the file, and unlabelled ones.

    Attributes:
        order, nested: what was asked.
        photographs: all labelled ones, sorted by name.
        repeats: lines that come a second time, some with another label.
        spare: photographs that no line names; none when no picture was asked for.
        drawn: whether a labelled photograph gets a picture: when one of its faces was asked for.
    """

    order: Order
    nested: bool
    photographs: list[Photograph]
    repeats: list[str]
    spare: list[Photograph]
    drawn: list[bool]

    @property
    def rows(self) -> int:
        """Lines of ``label.lst``, repeated ones included."""
        return sum(len(photograph.faces) for photograph in self.photographs) + len(self.repeats)

    def write(self, out: Path) -> None:
        """Write readme, label file and photographs below ``out``."""
        base = out / "data" if self.nested else out
        lines = [photograph.line(face) for photograph in self.photographs for face in photograph.faces]
        write_atomic(out / "readme.txt", _README)
        write_atomic(base / "label" / "label.lst", "".join(f"{line}\n" for line in lines + self.repeats))
        wanted = [p for p, drawn in zip(self.photographs, self.drawn, strict=True) if drawn] + self.spare
        jobs = [(self.order.people, photograph) for photograph in wanted]
        files = self.order.run(_file, jobs)
        write_files(base / "image" / "origin", zip((p.name for p in wanted), files, strict=True))


def plan(order: Order, *, nested: bool = False) -> Stand:
    """Decide faces, boxes, labels and repeats; see the module for ``nested``."""
    rng = order.rng(0)
    counts = COUNTS if order.rows is None else apportion(COUNTS, order.rows)
    labels = rng.permutation(np.repeat(np.arange(len(CLASSES)), counts)).tolist()
    sizes = _faces_per_photograph(rng, len(labels))
    chance = rng.random((len(labels) + _SPARE, 6)).tolist()
    photographs, first = [], 0
    for key, (name, size) in enumerate(zip(_names(rng, len(sizes)), sizes, strict=True)):
        faces = slice(first, first + size)
        photographs.append(_photograph(name, key, first, labels[faces], chance[faces]))
        first += size
    spare = [
        _photograph(f"unlabelled_{number}.jpg", len(sizes) + number, first + number, [0], [chance[first + number]])
        for number in range(_SPARE)
    ]
    asked = iter(order.drawn([name for photograph in photographs for name in photograph.ids()]))
    drawn = [any(list(islice(asked, len(photograph.faces)))) for photograph in photographs]
    repeats = [] if order.rows is None else _repeats(photographs)
    return Stand(order, nested, photographs, repeats, spare if any(drawn) else [], drawn)


def _faces_per_photograph(rng: np.random.Generator, faces: int) -> list[int]:
    """How many faces each photograph holds: at least one, at most :data:`_MOST`, ``faces`` in all."""
    count = -(-faces * PHOTOGRAPHS // sum(COUNTS))
    places = rng.permutation(np.repeat(np.arange(count), _MOST - 1))[: faces - count]
    sizes: list[int] = (1 + np.bincount(places, minlength=count)).tolist()
    return sizes


def _names(rng: np.random.Generator, count: int) -> list[str]:
    """Sorted file names such as ``happy_child_12.jpg``: what was searched for, which is not what the face shows."""
    kinds = [f"{mood}_{word}" for mood in _MOODS for word in _WORDS]
    numbers = rng.choice(len(kinds) * max(1000, count), count, replace=False)
    return sorted(f"{kinds[number % len(kinds)]}_{number // len(kinds)}.jpg" for number in numbers)


def _photograph(name: str, key: int, first: int, labels: list[int], chance: list[list[float]]) -> Photograph:
    """Place faces on a grid, one in 100 photographs beyond its border; six numbers of ``chance`` in [0, 1) a face."""
    width, height = _SIZES[int(chance[0][0] * len(_SIZES))]
    columns = math.ceil(math.sqrt(len(labels)))
    cell_width, cell_height = width // columns, height // -(-len(labels) // columns)
    faces, face_id = [], -1
    for at, (label, (_, size, x, y, odd, sure)) in enumerate(zip(labels, chance, strict=True)):
        side = int(min(cell_width, cell_height) * (0.6 + 0.35 * size))
        left = at % columns * cell_width + int((cell_width - side) * x)
        top = at // columns * cell_height + int((cell_height - side) * y)
        if key % 100 == 4 and at == columns - 1:
            left = width - side + 1 + side // 20
        face_id += 2 if odd < 0.05 else 1
        confidence = 5 + 130 * sure * sure
        faces.append(Labelled(first + at, face_id, top, left, side, confidence, label))
    return Photograph(name, key, width, height, tuple(faces))


def _repeats(photographs: list[Photograph]) -> list[str]:
    """The first line of one photograph in 200 once more, as it is, and of one in 400 with another label."""
    lines = []
    for number, photograph in enumerate(photographs):
        face = photograph.faces[0]
        if number % 200 == 7:
            lines.append(photograph.line(face))
        elif number % 400 == 11:
            lines.append(photograph.line(replace(face, label=(face.label + 1) % len(CLASSES))))
    return lines


def _file(job: tuple[int, Photograph]) -> bytes:
    people, photograph = job
    picture = scene(np.random.default_rng([people, photograph.key]), photograph.width, photograph.height)
    for face in photograph.faces:
        drawn = draw(Face(people, face.person, canonical(CLASSES[face.label])), face.side)
        paste(picture, drawn, face.left, face.top)
    return jpeg(picture)
