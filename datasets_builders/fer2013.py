"""FER2013: 35,887 grey faces of 48×48 pixels with one of seven emotions, as text in a CSV or as picture files.

Layouts, found at any depth and in any case::

    fer2013.csv            emotion,pixels,Usage            the official archive
    icml_face_data.csv     emotion, Usage, pixels          the same rows, other column order, blanks in the header
    train.csv, test.csv    emotion,pixels / pixels         test.csv has no labels: nothing can be read from it
    train/happy/Training_10018621.jpg, test/happy/PrivateTest_10131363.jpg      a copy as pictures

The integer labels have an order of their own (:data:`LABELS`), which is *not* the alphabetical order that picture
folders get from common loaders; in the folder layout the class is the folder's name. The split comes from ``Usage``, or
from the file name, because the folder ``test`` mixes both test parts. A picture is named by its row in the official
file (``fer0000123``, as FER+ does), in folder copies by its Kaggle number; the two cannot be joined by name.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from datasets_builders.common.corpus import Corpus, Dropped, Licence, Raw, Report
from datasets_builders.common.layout import PICTURE_SUFFIXES, folders
from datasets_builders.common.pixel_csv import PixelCsv, columns_of, parse_pixels
from facial_r1.emotions import EMOTIONS_7, try_canonical
from facial_r1.errors import InputError, NotThisCorpus, clip
from facial_r1.sample import Meta, Sample

__all__ = ["CORPUS", "LABELS", "PUBLISHED", "SPLITS", "Fer2013"]

LABELS: tuple[str, ...] = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""The integer labels 0-6."""

SPLITS: dict[str, str] = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
"""``Usage`` → split, as the challenge used its parts."""

PUBLISHED: dict[str, tuple[int, ...]] = {
    "Training": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "PublicTest": (467, 56, 496, 895, 653, 415, 607),
    "PrivateTest": (491, 55, 528, 879, 594, 416, 626),
}
"""Rows by usage, in the order of :data:`LABELS`. The totals are those of FERPlus' copy of the column."""

SIDE = 48
_CSV = ("fer2013.csv", "icml_face_data.csv", "train.csv")
"""In the order of preference when several are there: the first has all rows in the official order."""
_PICTURE = re.compile(r"(Training|PublicTest|PrivateTest)_(\d{1,9})\.(?:jpe?g|png|bmp)", re.IGNORECASE)
_USAGE = {usage.lower(): usage for usage in SPLITS}
_LABEL_OF = {str(number).encode(): label for number, label in enumerate(LABELS)}
_USAGE_OF = {usage.encode(): usage for usage in SPLITS}
_EXTRA = {usage: f'{{"usage":"{usage}"}}' for usage in SPLITS}


@dataclass(slots=True)
class _Copy:
    """What a folder holds: CSV files by lower-case name, and the folders of pictures with their files."""

    csvs: dict[str, Path] = field(default_factory=dict)
    classes: list[tuple[Path, list[str]]] = field(default_factory=list)

    @property
    def csv(self) -> Path | None:
        return next((self.csvs[name] for name in _CSV if name in self.csvs), None)


def _find(root: Path) -> _Copy:
    copy = _Copy()
    for folder in folders(root):
        for name in folder.files:
            if name.lower() in (*_CSV, "test.csv"):
                copy.csvs.setdefault(name.lower(), folder.path / name)
        if any(map(_PICTURE.fullmatch, folder.files)):
            copy.classes.append((folder.path, folder.files))
    train = copy.csvs.get("train.csv")
    if train is not None and not {"emotion", "pixels"} <= set(columns_of(train)):
        del copy.csvs["train.csv"]  # a name that any data set may use
    return copy


class Fer2013(Corpus):
    """fer2013.csv, icml_face_data.csv, train.csv, or folders such as train/happy/ with pictures Training_….jpg."""

    name = "fer2013"
    title = "FER2013"
    licence = Licence(
        terms="A Kaggle account and the rules of the 2013 challenge; the pictures carry no clear licence.",
        url="https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge",
    )
    label_set = EMOTIONS_7

    def recognises(self, root: Path) -> bool:
        """See :meth:`Corpus.recognises`."""
        copy = _find(root)
        return copy.csv is not None or bool(copy.classes)

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """See :meth:`Corpus.scan`: rows in the order of the CSV, pictures by folder and name."""
        self.settings(options)
        copy = _find(root)
        if copy.csv is not None:
            yield from _scan_csv(copy.csv, root, report)
            if copy.csv.name.lower() == "train.csv":
                unlabelled = "test.csv holds no labels" if "test.csv" in copy.csvs else "no labelled test part"
                report.missing.append(f"PublicTest and PrivateTest ({unlabelled})")
        elif copy.classes:
            yield from _scan_folders(copy.classes, root, report)
        else:
            raise NotThisCorpus("this folder is not FER2013", path=root, expected=self.__doc__)

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """See :meth:`Corpus.raw`: one pass over each CSV, in the order of its lines."""
        self.settings(options)
        by_file: dict[str, dict[int, str]] = defaultdict(dict)
        for sample in samples:
            source = sample.meta_info.source or ""
            name, _, line = source.rpartition(":")
            if line.isdecimal():
                by_file[name][int(line)] = sample.id
            else:  # a picture file, in a folder whose name may hold a colon
                yield Raw(sample.id, path=root / source)
        for name, ids in by_file.items():
            for number, text in PixelCsv.open(root / name, SIDE).fields(ids):
                yield Raw(ids[number], later=partial(_unpack, ids[number], text, f"{name}:{number}"))

    def published(self, **options: Any) -> Mapping[str, int]:
        """See :meth:`Corpus.published`: ``rows``, ``Training`` … and ``Training/anger`` …"""
        self.settings(options)
        cells = {(usage, label): n for usage, row in PUBLISHED.items() for label, n in zip(LABELS, row, strict=True)}
        return {
            "rows": sum(cells.values()),
            **{usage: sum(row) for usage, row in PUBLISHED.items()},
            **{f"{usage}/{label}": number for (usage, label), number in cells.items()},
        }

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:  # noqa: ARG002
        """See :meth:`Corpus.count`."""
        cells = Counter((sample.meta_info.split, sample.labels[0]) for sample in samples)
        counts: Counter[str] = Counter(rows=cells.total())
        usages = {split: usage for usage, split in SPLITS.items()}
        for (split, label), number in cells.items():
            counts[usages[split or ""]] += number
            counts[f"{usages[split or '']}/{label}"] += number
        return counts


def _unpack(sample_id: str, text: bytes, place: str) -> Raw:
    """The picture out of a row's text."""
    pixels = parse_pixels(text, SIDE)
    if pixels is None:
        return Raw(sample_id, problem=("bad_pixels", f"{place} does not hold {SIDE}×{SIDE} numbers from 0 to 255"))
    return Raw(sample_id, pixels=pixels)


def _sample(name: str, label: str, usage: str, source: str) -> Sample:
    identity = f"fer2013-{name}"
    meta = Meta(
        task="emotion",
        sample_id=identity,
        group=identity,  # nobody is named, so every picture stands for itself
        split=SPLITS[usage],
        label_source="human",  # found by keyword, then sorted by annotators
        label_set=list(EMOTIONS_7),
        source=source,
        extra=_EXTRA[usage],
    )
    return Sample(id=identity, dataset="fer2013", labels=[label], meta_info=meta)


def _scan_csv(path: Path, root: Path, report: Report) -> Iterator[Sample]:
    csv, name = PixelCsv.open(path, SIDE), path.relative_to(root).as_posix()
    usages = _USAGE_OF if "usage" in csv.columns else {b"": "Training"}
    for line, emotion, part in csv.rows(report):
        label, usage = _LABEL_OF.get(emotion), usages.get(part)
        if label is None or usage is None:
            report.fault(_bad_field(path, line, emotion, part, label is None))
            continue
        yield _sample(f"fer{line - 2:07d}", label, usage, f"{name}:{line}")


def _bad_field(path: Path, line: int, emotion: bytes, usage: bytes, is_label: bool) -> InputError:
    what, found = ("label", emotion) if is_label else ("usage", usage)
    order = ", ".join(f"{number} {label}" for number, label in enumerate(LABELS))
    expected = f"an integer of the order {order}" if is_label else f"one of {', '.join(SPLITS)}"
    text = clip(found.decode("ascii"))
    return InputError(f"unknown {what}", path=path, line=line, found=text, expected=expected, do="correct the row")


def _scan_folders(classes: Sequence[tuple[Path, list[str]]], root: Path, report: Report) -> Iterator[Sample]:
    for folder, files in classes:
        label = try_canonical(folder.name)
        if label not in LABELS:
            expected = "a folder named angry, disgust, fear, happy, sad, surprise or neutral"
            report.fault(InputError("pictures lie in a folder that is no class", path=folder, expected=expected))
            continue
        part = folder.parent.name.lower()
        for file in files:
            path = folder / file
            source, match = path.relative_to(root).as_posix(), _PICTURE.fullmatch(file)
            if match is None:
                if path.suffix.lower() in PICTURE_SUFFIXES:
                    detail = "its name has no usage and number, so it is no picture of the corpus"
                    report.dropped.append(Dropped("fer2013", None, "foreign_name", detail, source))
                continue
            usage = _USAGE[match[1].lower()]
            if part in ("train", "test") and (part == "train") != (usage == "Training"):
                what, do = f"the file name says {usage}, its folder {part}", "move the picture where it belongs"
                report.fault(InputError(what, path=path, do=do))
                continue
            yield _sample(f"{usage}_{match[2]}", label, usage, source)


CORPUS = Fer2013()
