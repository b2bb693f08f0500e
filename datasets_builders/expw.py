"""ExpW (Expression in-the-Wild): 91,793 face boxes in web photographs, each with one of seven emotions.

Layout, at any depth (``data/image/origin`` and ``data/label`` occur as well)::

    label/label.lst                  one line per face, no header, single blanks
    image/origin/happy_child_12.jpg  the photographs; about 107,000, some of them without any label

A line has eight fields, and the box comes in the unusual order **top, left, right, bottom**::

    happy_child_12.jpg 0 56 203 301 154 47.2291 3

Several faces share a photograph, so the id is the picture's name and the face id, and ``group`` is the photograph. Some
(name, face id) pairs are written twice. Boxes may reach beyond the picture; they are recorded as they stand and clipped
once the picture is opened. The confidence of the face detector, about 0-140 and no probability, goes into ``extra``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from datasets_builders.common.corpus import Corpus, Licence, Raw, Report
from datasets_builders.common.layout import Folder, folders, some
from facial_r1.emotions import EMOTIONS_7
from facial_r1.errors import InputError, NotThisCorpus
from facial_r1.sample import Meta, Sample

__all__ = ["CORPUS", "LABELS", "PUBLISHED", "Expw", "Face", "parse_line"]

LABELS: tuple[str, ...] = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""The integer labels 0-6, in the order of the official readme."""

PUBLISHED: tuple[int, ...] = (3671, 3995, 1088, 30537, 10559, 7060, 34883)
"""Faces by class, in the order of :data:`LABELS`."""

_PIXELS = (r"-?\d{1,6}", "a whole number of pixels")
_FIELDS: dict[str, tuple[str, str]] = {
    "name": (r"[^\s/\\]+\.[A-Za-z]{3,4}", "a picture's file name without folders"),
    "face id": (r"\d{1,6}", "a whole number from 0"),
    "top": _PIXELS,
    "left": _PIXELS,
    "right": _PIXELS,
    "bottom": _PIXELS,
    "confidence": (r"-?\d{1,9}(?:\.\d{1,17})?", "a number such as 47.2291"),
    "label": (r"[0-6]", f"an integer of the order {', '.join(f'{n} {label}' for n, label in enumerate(LABELS))}"),
}
"""The fields of a line in their order: pattern, and what it means in words."""

_LINE = re.compile(" ".join(f"({pattern})" for pattern, _ in _FIELDS.values()), re.ASCII)
_BOM = b"\xef\xbb\xbf"


class Face(NamedTuple):
    """One line of the label file: ``box`` is (left, top, right, bottom) in pixels, ``label`` a canonical noun."""

    name: str
    number: int
    box: tuple[int, int, int, int]
    confidence: float
    label: str


def parse_line(line: bytes, path: Path, number: int) -> Face:
    """Read one line of ``label.lst``.

    Raises:
        InputError: naming file, line and field.
    """
    try:
        match = _LINE.fullmatch(line.decode().rstrip())
    except UnicodeDecodeError:
        match = None
    if match is None:
        raise _explain(line, path, number)
    name, face, top, left, right, bottom, confidence, label = match.groups()
    box = (int(left), int(top), int(right), int(bottom))
    if box[0] >= box[2] or box[1] >= box[3]:
        found = f"top {top}, left {left}, right {right}, bottom {bottom}"
        expected = "top < bottom and left < right (the fields come in the order top, left, right, bottom)"
        raise InputError("this box has no area", path=path, line=number, found=found, expected=expected)
    return Face(name, int(face), box, float(confidence), LABELS[int(label)])


def _explain(line: bytes, path: Path, number: int) -> InputError:
    """Say which field of an irregular line is wrong."""
    do = "correct the line" if line.endswith(b"\n") else "copy the file again, this copy seems to be cut off here"
    try:
        text = line.decode().strip()
    except UnicodeDecodeError as error:
        found, expected = f"0x{line[error.start]:02x} at byte {error.start + 1}", "UTF-8"
        return InputError("this line is no text", path=path, line=number, found=found, expected=expected, do=do)
    values = text.split()
    what, found, expected = "this line does not hold eight fields", f"{len(values)}", ", ".join(_FIELDS)
    if len(values) == len(_FIELDS):
        what, found, expected = "the fields are not separated by single blanks", f"`{text[:80]}`", "single blanks"
        for (field, (pattern, words)), value in zip(_FIELDS.items(), values, strict=True):
            if not re.fullmatch(pattern, value, re.ASCII):
                what, found, expected = f"the field `{field}` is wrong", f"`{value[:80]}`", words
                break
    return InputError(what, path=path, line=number, found=found, expected=expected, do=do)


@dataclass(frozen=True)
class _Copy:
    """What a folder holds: the label file, and the folder of the photographs with the names in it."""

    labels: Path
    origin: Folder | None

    @cached_property
    def names(self) -> dict[str, str]:
        """Lower-case name → name, of all photographs."""
        return {} if self.origin is None else {name.lower(): name for name in self.origin.files}

    def picture(self, name: str) -> Path | None:
        """The photograph called ``name``, in whatever case it was unpacked."""
        found = self.names.get(name.lower())
        return None if found is None or self.origin is None else self.origin.path / found


def _find(root: Path) -> _Copy | None:
    labels, origin = None, None
    for folder in folders(root):
        for name in folder.files:
            if name.lower() == "label.lst" and labels is None:
                labels = folder.path / name
        if folder.path.name.lower() == "origin" and origin is None:
            origin = folder
    return None if labels is None else _Copy(labels, origin)


class Expw(Corpus):
    """label/label.lst beside the photographs image/origin/….jpg."""

    name = "expw"
    title = "ExpW"
    licence = Licence(
        terms="Research use, with a password from the authors; nothing is said about passing it on.",
        url="http://mmlab.ie.cuhk.edu.hk/projects/socialrelation/index.html",
    )
    label_set = EMOTIONS_7

    def recognises(self, root: Path) -> bool:
        """See :meth:`Corpus.recognises`."""
        return _find(root) is not None

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """See :meth:`Corpus.scan`: the lines in their order; photographs that are not there are a gap."""
        self.settings(options)
        copy = _find(root)
        if copy is None:
            raise NotThisCorpus("this folder is not ExpW", path=root, expected=self.__doc__)
        source, absent = copy.labels.relative_to(root).as_posix(), dict[str, None]()
        with open(copy.labels, "rb") as handle:
            for number, line in enumerate(handle, 1):
                text = line.removeprefix(_BOM) if number == 1 else line
                if not text.strip():
                    continue
                try:
                    face = parse_line(text, copy.labels, number)
                except InputError as error:
                    report.fault(error)
                    continue
                if face.name.lower() not in copy.names:
                    absent[face.name] = None
                yield _sample(face, f"{source}:{number}")
        if copy.origin is None:
            report.missing.append("image/origin, the folder of the photographs")
        elif absent:
            place = copy.origin.path.relative_to(root).as_posix()
            report.missing.append(f"{len(absent):,} labelled photographs in {place}: {some(absent)}")

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """See :meth:`Corpus.raw`: the photographs in the order of ``samples``, with the box of the face."""
        self.settings(options)
        copy = _find(root)
        for sample in samples:
            name = str(sample.meta_info.extras()["picture"])
            path = None if copy is None else copy.picture(name)
            if path is None:
                yield Raw(sample.id, problem=("missing", f"there is no photograph {name}"))
            else:
                box = sample.meta_info.box
                yield Raw(sample.id, path=path, box=(box[0], box[1], box[2], box[3]) if box else None)

    def published(self, **options: Any) -> Mapping[str, int]:
        """See :meth:`Corpus.published`: ``rows`` and one name per class."""
        self.settings(options)
        return {"rows": sum(PUBLISHED), **dict(zip(LABELS, PUBLISHED, strict=True))}

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:  # noqa: ARG002
        """See :meth:`Corpus.count`; repeated lines count, as they do in the published figures."""
        counts = Counter(sample.labels[0] for sample in samples)
        counts["rows"] = counts.total()
        return counts


def _sample(face: Face, source: str) -> Sample:
    photograph = f"expw-{face.name.rpartition('.')[0]}"
    identity = f"{photograph}-{face.number}"
    meta = Meta(
        task="emotion",
        sample_id=identity,
        group=photograph,
        box=list(face.box),
        label_source="human",
        label_set=list(EMOTIONS_7),
        source=source,
        extra=orjson.dumps({"picture": face.name, "confidence": face.confidence}).decode(),
    )
    return Sample(id=identity, dataset="expw", labels=[face.label], meta_info=meta)


CORPUS = Expw()
