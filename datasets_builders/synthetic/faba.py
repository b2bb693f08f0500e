"""FABA-Instruct: AffectNet-like pictures with a text on Action Units, a text on the emotion, or both.

Options:

* ``schema`` – what the evaluation files look like: ``label`` (with the keys ``label`` and ``gpt4``), ``numbers`` (the
  same, emotions as integers) or ``conversations`` (as the training files);
* ``singular`` – training records have the key ``conversation`` instead of ``conversations``;
* ``nested`` – everything below ``data/FABAInstruct/``;
* ``landmarks`` – write the 106 points of every drawn picture, as 212 numbers from −1 to 1.

Quirks of the real corpus that every stand-in has: the two kinds of records come in orders of their own; a picture may
have one kind only; some pictures of the AU evaluation have their emotion record among the training ones; and texts that
are hard to read or cannot be read, see :mod:`datasets_builders.synthetic.faba_text`. Repeated and contradicting records
come only in small stand-ins, *in addition*: at full size the numbers of records are the published ones.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from datasets_builders.synthetic.faba_text import KINDS, au_text, bare_text, emotion_text
from datasets_builders.synthetic.face import landmarks as face_points
from datasets_builders.synthetic.identity import identity
from datasets_builders.synthetic.order import Order, apportion, choice
from datasets_builders.synthetic.pictures import Face, draw, jpeg, write_files
from datasets_builders.synthetic.population import express, expression
from facial_r1.facs import ANTAGONISTS, EXCLUSIVE
from facial_r1.files import sha256_bytes, write_atomic

__all__ = ["CELLS", "ORDER", "Picture", "Stand", "plan"]

CELLS: dict[tuple[str, ...], int] = {
    ("train/au", "train/emotion"): 15_838,
    ("train/emotion",): 3_625,
    ("eval/au", "eval/emotion"): 314,
    ("eval/emotion",): 89,
    ("eval/au", "train/emotion"): 11,
}
"""The files that name a picture → pictures. The published sizes of the four files and the published number of pictures
allow this one arrangement when 314 test pictures have both kinds of records, as Facial-R1's test part suggests."""

ORDER = ("happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear")
"""The order of the integer labels of the evaluation files."""

_SHARES = (28, 14, 13, 13, 18, 7, 7)
"""Pictures by emotion, in per cent. Invented."""
_VOCABULARY = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)
_RARE = (11, 14, 16, 18, 19, 22, 27, 28, 30, 43)
"""Added to an expression now and then; six of them are outside the vocabulary and occur in real texts."""
_FAINT = (7, 14, 24, 25, 43)
"""What a neutral face may show."""
_NO_AU = 0.005
"""AU texts of the training part that name no AU."""
_SIZE = 224
_FILES = ("train/au", "train/emotion", "eval/au", "eval/emotion")
_KINDS = ("au", "emotion")
_QUESTIONS = {
    "au": ("Which action units can be seen in this face?", "Name the facial action units of this person."),
    "emotion": ("What does this face express?", "Describe the emotion of the person in the picture."),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and what is written about it.

    Attributes:
        number: its place among all, which is also the person.
        name: the hash that names its file; ``folder`` is the number of the folder.
        files: the annotation files that name it, such as ``train/au``.
        emotion: what the face shows.
        codes: the AUs that the face does.
        named: whether the AU text, if any, names AUs.
        kind: how the emotion text, if any, speaks, see :data:`faba_text.KINDS`.
    """

    number: int
    name: str
    folder: int
    files: tuple[str, ...]
    emotion: str
    codes: tuple[int, ...]
    named: bool
    kind: str

    @property
    def id(self) -> str:
        """The sample id."""
        return f"faba-{self.name}"

    @property
    def place(self) -> str:
        """The ``id`` in the records."""
        return f"AffectNet/AffectNet_v2/{self.folder}/{self.name}"

    def differs(self, other: Picture) -> bool:
        """Whether what is written about this picture is readable and says something else than about ``other``."""
        return self.named and self.kind == "plain" and self.emotion != other.emotion and self.codes != other.codes

    def text(self, kind: str, order: Order) -> str:
        """The text of a ``kind`` of record."""
        rng = order.rng(2, self.number, _KINDS.index(kind))
        if kind == "emotion":
            return emotion_text(rng, self.emotion, self.codes, self.kind)
        return au_text(rng, self.codes) if self.named else bare_text(rng)

    def label(self, kind: str, *, numbers: bool) -> str | int:
        """The evaluation label of a ``kind`` of record."""
        if kind == "au":
            return ", ".join(map(str, self.codes))
        return ORDER.index(self.emotion) if numbers else self.emotion.title()


@dataclass(frozen=True, slots=True)
class Stand:
    """The plan: all pictures, and which of them are drawn; the rest is what was asked for."""

    order: Order
    pictures: list[Picture]
    drawn: list[bool]
    schema: str
    singular: bool
    nested: bool
    landmarks: bool

    @property
    def rows(self) -> int:
        """Pictures that an annotation file names."""
        return len(self.pictures)

    def write(self, out: Path) -> None:
        """Write annotation files, pictures and landmarks below ``out``."""
        base = out / "data" / "FABAInstruct" if self.nested else out
        for file in _FILES:
            split, kind = file.split("/")
            records = orjson.dumps(self.records(file), option=orjson.OPT_INDENT_2)
            write_atomic(base / split / f"{split}_{kind}_anno.json", records)
        wanted = [picture for picture, drawn in zip(self.pictures, self.drawn, strict=True) if drawn]
        faces = [Face(self.order.people, picture.number, codes=tuple(map(str, picture.codes))) for picture in wanted]
        made = self.order.run(_files, faces)
        write_files(base, (file for p, files in zip(wanted, made, strict=True) for file in self.placed(p, *files)))

    def records(self, file: str) -> list[dict[str, Any]]:
        """The records of one annotation file, in an order of its own."""
        named = [picture for picture in self.pictures if file in picture.files]
        shuffled = self.order.rng(3, _FILES.index(file)).permutation(len(named)).tolist()
        pictures = [named[at] for at in shuffled]
        records = [self.record(picture, file) for picture in pictures]
        if self.order.rows is not None and file.startswith("train"):
            records += self.repeats(pictures, file)
        return records

    def repeats(self, pictures: Sequence[Picture], file: str) -> list[dict[str, Any]]:
        """The second picture's record once more, and the first one's with the text of another face."""
        if len(pictures) < 8:
            return []
        first, second = (self.record(picture, file) for picture in pictures[:2])
        other = next((picture for picture in pictures[2:] if picture.differs(pictures[0])), None)
        return [second] if other is None else [second, {**first, self.key: self.record(other, file)[self.key]}]

    @property
    def key(self) -> str:
        """The key of a training record's text."""
        return "conversation" if self.singular else "conversations"

    def record(self, picture: Picture, file: str) -> dict[str, Any]:
        """One record of an annotation file."""
        split, kind = file.split("/")
        where = f"FABAInstruct/{split}/{{}}/{picture.place}{{}}"
        image, landmark = where.format("images", ".jpg"), where.format("landmarks", ".npy")
        text = picture.text(kind, self.order)
        if split == "eval" and self.schema != "conversations":
            label = picture.label(kind, numbers=self.schema == "numbers")
            return {"image": image, "label": label, "gpt4": text, "landmark": landmark}
        question = _QUESTIONS[kind][picture.number % 2]
        turns = [{"from": "human", "value": f"{question}\n<image>"}, {"from": "gpt", "value": text}]
        return {"source": "AffectNet", "image": image, "id": picture.place, self.key: turns, "landmark": landmark}

    def placed(self, picture: Picture, picture_file: bytes, points: bytes) -> Iterator[tuple[str, bytes]]:
        """Where the files of a picture go: below every split that names it."""
        for split in sorted({file.partition("/")[0] for file in picture.files}):
            yield f"{split}/images/{picture.place}.jpg", picture_file
            if self.landmarks:
                yield f"{split}/landmarks/{picture.place}.npy", points


def plan(
    order: Order, *, schema: str = "label", singular: bool = False, nested: bool = False, landmarks: bool = True
) -> Stand:
    """Decide pictures, their records and what they say; see the module for the options."""
    choice("schema", schema, ("label", "numbers", "conversations"))
    count = sum(CELLS.values()) if order.rows is None else order.rows
    sizes = apportion(list(CELLS.values()), count)
    cells = [files for files, size in zip(CELLS, sizes, strict=True) for _ in range(size)]
    rng = order.rng(0)
    emotions = rng.permutation(np.repeat(ORDER, apportion(_SHARES, count))).tolist()
    folders = rng.integers(1, max(2, count // 15), count).tolist()
    pictures = [_picture(order, number, *of) for number, of in enumerate(zip(cells, emotions, folders, strict=True))]
    return Stand(order, pictures, order.drawn([p.id for p in pictures]), schema, singular, nested, landmarks)


def _picture(order: Order, number: int, files: tuple[str, ...], emotion: str, folder: int) -> Picture:
    rng = order.rng(1, number)
    test = any(file.startswith("eval") for file in files)
    codes = _codes(rng, emotion, some=test)
    read, spoken = rng.random(2)
    # The test pictures with both records are all readable, as Facial-R1 could use nearly all of them.
    kind = "plain" if test and "eval/emotion" in files and len(files) == 2 else _kind(spoken)
    name = sha256_bytes(f"faba/{order.people}/{number}".encode())[:56]
    return Picture(number, name, folder, files, emotion, codes, test or read >= _NO_AU, kind)


def _kind(chance: float) -> str:
    return list(KINDS)[int(np.searchsorted(np.cumsum(list(KINDS.values())[:-1]), chance))]


def _codes(rng: np.random.Generator, emotion: str, *, some: bool) -> tuple[int, ...]:
    """The AUs of a face with an emotion, now and then with a rare one; a neutral face has none, or a faint one."""
    shown = sorted(expression(rng, emotion=emotion, allowed=_VOCABULARY).intensities)
    rare, faint = int(rng.choice(_RARE)), int(rng.choice(_FAINT))
    chance = rng.random()
    if emotion == "neutral":
        return (faint,) if some or chance < 0.5 else ()
    if chance < 0.06 and not any(frozenset((rare, au)) in EXCLUSIVE | ANTAGONISTS for au in shown):
        shown = sorted({*shown, rare})
    return tuple(shown)


def _files(face: Face) -> tuple[bytes, bytes]:
    """The picture of a face, and its landmark file."""
    shown = express(face.codes or (), np.random.default_rng([face.people, face.person]))
    points = face_points(
        identity(face.people, face.person), shown.intensities, _SIZE, sides=shown.sides, seed=face.person
    )
    return jpeg(draw(face, _SIZE)), _points_file(points)


def _points_file(points: Sequence[Sequence[float]] | np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    """68 points as 106 (with some that lie halfway between two), from −1 to 1 of the picture, x and y in turn."""
    known = np.asarray(points)
    many = np.concatenate([known, (known[:38] + known[1:39]) / 2])
    file = io.BytesIO()
    np.save(file, (many / _SIZE * 2 - 1).astype(np.float32).ravel())
    return file.getvalue()
