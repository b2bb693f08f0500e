"""RAF-DB as Kaggle has it: ``train/1/train_00001_aligned.jpg`` … ``train/7/`` and, perhaps, ``train_labels.csv``.

Folder and CSV say the same; where they do not, neither is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from datasets_builders.common.corpus import Report
from datasets_builders.raf_db.copy import CSV, PICTURE, Part
from datasets_builders.raf_db.labels import LABELS, NUMERALS, Key, Row, key_of, name_of, order_of
from facial_r1.errors import InputError

__all__ = ["read_kaggle"]

_ORDER = ", ".join(f"{number} {label}" for number, label in enumerate(LABELS, 1))
_PARTS = ("train", "test")
_TRIM = ' "\t\r'


class _Written(NamedTuple):
    """A row of a CSV: the picture, its class, and where that stands."""

    key: Key
    label: int
    path: Path
    line: int


class _Placed(NamedTuple):
    """A picture: the class of its folder (None: the folder is none), and the file."""

    label: int | None
    path: Path


def read_kaggle(part: Part, root: Path, report: Report) -> Iterator[Row]:
    """Yield the rows of the CSV files in their order, then pictures that only their folder gives a class."""
    placed = _read_folders(part, report)
    written: set[Key] = set()
    for row in _read_csvs(part, report):
        written.add(row.key)
        there = placed.get(row.key)
        if there is None or there.label is None or there.label == row.label:
            yield Row(row.key, row.label, f"{row.path.relative_to(root).as_posix()}:{row.line}")
            continue
        what = f"the class of {name_of(row.key)} here is not that of the folder in which the picture lies"
        found = f"{_words(row.label)} here, {_words(there.label)} in {there.path.relative_to(root).as_posix()}"
        do = "find out which is right in the official label list, and mend the other"
        report.fault(InputError(what, path=row.path, line=row.line, found=found, do=do))
    alone = sorted(placed.keys() - written, key=order_of)
    for key in alone:
        there = placed[key]
        if there.label is not None:
            yield Row(key, there.label, there.path.relative_to(root).as_posix())
            continue
        what, expected = "nothing gives this picture a class", f"a folder 1-7, or a row in {key[0]}_labels.csv"
        report.fault(InputError(what, path=there.path, expected=expected, do="put it into the folder of its class"))
    if written and alone:
        report.remarks.append(f"{len(alone):,} pictures stand in no CSV; their folders give the class")


def _words(label: int) -> str:
    return f"class {label} ({LABELS[label - 1]})"


def _read_csvs(part: Part, report: Report) -> Iterator[_Written]:
    for path in part.csvs:
        match = CSV.fullmatch(path.name)
        for row in _read_csv(path, report):
            if match is None or match[1].lower() == row.key[0]:
                yield row
                continue
            what, do = f"a {row.key[0]} picture stands in the label file of the other part", "move it where it belongs"
            report.fault(InputError(what, path=path, line=row.line, found=name_of(row.key), do=do))


def _read_csv(path: Path, report: Report) -> Iterator[_Written]:
    """The rows of one CSV, whose columns are known by name."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace").split("\n")
    columns = [name.strip(_TRIM).lower() for name in content[0].split(",")]
    if not {"image", "label"} <= set(columns):
        expected = "the columns image and label"
        report.fault(InputError("the header names other columns", path=path, line=1, found=columns, expected=expected))
        return
    for number, text in enumerate(content[1:], 2):
        if not text or text.isspace():
            continue
        fields = [field.strip(_TRIM) for field in text.split(",")]
        row = dict(zip(columns, fields, strict=True)) if len(fields) == len(columns) else {}
        match, label = PICTURE.fullmatch(row.get("image", "")), NUMERALS.get(row.get("label", ""))
        if match and label:
            yield _Written(key_of(match[1], match[2]), label, path, number)
            continue
        what, found = "this row is not a picture of RAF-DB and its class", f"`{text.strip()[:60]}`"
        expected = f"a row such as `train_00001_aligned.jpg,5`, with a class of {_ORDER}"
        report.fault(InputError(what, path=path, line=number, found=found, expected=expected))


def _read_folders(part: Part, report: Report) -> dict[Key, _Placed]:
    """Every picture with the class of its folder; a picture in two classes has none, which is a fault."""
    placed: dict[Key, _Placed] = {}
    contradicted: set[Key] = set()
    for folder in part.folders:
        matches = [match for match in map(PICTURE.fullmatch, folder.files) if match]
        above, label = folder.path.parent.name.lower(), NUMERALS.get(folder.path.name)
        inside = above in _PARTS and folder.path != part.base
        if matches and label is None and inside:
            what = "pictures lie in a folder that is no class"
            report.fault(InputError(what, path=folder.path, expected=f"folders 1-7: {_ORDER}"))
            continue
        for match in matches:
            key, path = key_of(match[1], match[2]), folder.path / match[0]
            if inside and above != key[0]:
                what = f"the file name says {key[0]}, its folder {above}"
                report.fault(InputError(what, path=path, do="move the picture where it belongs"))
                continue
            first = placed.setdefault(key, _Placed(label, path))
            if first.label != label:
                contradicted.add(key)
                what = f"{name_of(key)} lies in the folders of two classes"
                report.fault(InputError(what, path=path, found=f"also {first.path}", do="remove the one that is wrong"))
    return {key: there for key, there in placed.items() if key not in contradicted}
