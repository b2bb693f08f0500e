"""AffectNet as distributed in 2017: lists of nine columns, and pictures named by a hash in numbered folders.

A line of a list, whose sixth field holds 136 numbers (x and y of 68 points)::

    689/0a1b2c.jpg,134,134,899,899,181.6;530.9;…;702.4,1,0.78,-0.05

``training.csv`` has a header; copies of ``validation.csv`` with and without one exist. The points make nine tenths of a
line and are needed for chosen rows only, so the scan steps over them: it takes a line from both ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_builders.affectnet.rows import FEELING, ORDER, POINTS, dropped, extra, feeling, make
from datasets_builders.affectnet.tables import LABELS, REASONS
from datasets_builders.common.corpus import Raw, Report
from datasets_builders.common.layout import some
from facial_r1.errors import InputError
from facial_r1.sample import Sample

__all__ = ["COLUMNS", "Line", "Pictures", "is_list", "parse_line", "points", "raw_list", "scan_list"]

_PIXELS = (r"-?\d{1,6}", "a whole number of pixels")
_SIDE = (r"[1-9]\d{0,5}", "a whole number of pixels, more than 0")
_FIELDS: dict[str, tuple[str, str]] = {
    "subDirectory_filePath": (r"[\w-]+/[\w-]+\.\w{3,4}", "a folder and a file name, such as 689/0a1b2c.jpg"),
    "face_x": _PIXELS,
    "face_y": _PIXELS,
    "face_width": _SIDE,
    "face_height": _SIDE,
    "facial_landmarks": (r".*", "136 numbers with semicolons between them"),
    "expression": (r"\d|10", f"an integer of the order {ORDER}, 8 none, 9 uncertain, 10 no face"),
    "valence": ("", FEELING),
    "arousal": ("", FEELING),
}
"""The fields of a line in their order: pattern, and what it means in words. Feelings are read as numbers."""

COLUMNS: tuple[str, ...] = tuple(_FIELDS)

_HEAD = re.compile(rb"([\w-]+)/(([\w-]+)\.\w{3,4}),(-?\d{1,6}),(-?\d{1,6}),([1-9]\d{0,5}),([1-9]\d{0,5}),")
_EXPRESSIONS = {str(number).encode(): number for number in (*range(len(LABELS)), *REASONS)}
_BOM = b"\xef\xbb\xbf"
_BUFFER = 1 << 20


class Line(NamedTuple):
    """One line of a list.

    Attributes:
        folder, file, stem: the picture, and the hash that names it.
        box: (left, top, right, bottom) in pixels, as it stands: it may reach beyond the picture.
        expression: 0-10; from 8 on it is no emotion.
        valence, arousal: in [-1, 1], or None where they are not available.
    """

    folder: str
    file: str
    stem: str
    box: list[int]
    expression: int
    valence: float | None
    arousal: float | None


def parse_line(line: bytes, path: Path, number: int) -> Line:
    """Read one line of a list; the points are not looked at (see :func:`points`).

    Raises:
        InputError: naming file, line and field.
    """
    head = _HEAD.match(line)
    rest, *tail = line.rsplit(b",", 3)
    expression = _EXPRESSIONS.get(tail[0]) if tail else None
    if head is None or expression is None or head.end() > len(rest) or line.find(b",", head.end(), len(rest)) >= 0:
        raise _explain(line, path, number)
    try:
        valence, arousal = feeling(float(tail[1])), feeling(float(tail[2]))
    except ValueError:
        raise _explain(line, path, number) from None
    folder, file, stem, x, y, width, height = head.groups()
    left, top = int(x), int(y)
    box = [left, top, left + int(width), top + int(height)]
    return Line(folder.decode(), file.decode(), stem.decode(), box, expression, valence, arousal)


def _explain(line: bytes, path: Path, number: int) -> InputError:
    """Say which field of an irregular line is wrong."""
    do = "correct the line" if line.endswith(b"\n") else "copy the file again, this copy seems to be cut off here"
    values = line.decode("utf-8", "backslashreplace").rstrip("\r\n").split(",")
    what, found, expected = "this line does not hold nine fields", f"{len(values)}", ", ".join(COLUMNS)
    if len(values) == len(COLUMNS):
        for (column, (pattern, words)), text in zip(_FIELDS.items(), values, strict=True):
            good = _is_feeling(text) if words is FEELING else re.fullmatch(pattern, text, re.ASCII)
            if not good:
                what, found, expected = f"the field `{column}` is wrong", f"`{text[:80]}`", words
                break
    return InputError(what, path=path, line=number, found=found, expected=expected, do=do)


def _is_feeling(text: str) -> bool:
    try:
        feeling(float(text.encode()))
    except ValueError:
        return False
    return True


def points(line: bytes) -> NDArray[np.float64] | None:
    """The 68 points of a line, 68×2 (x and y in pixels); None when its sixth field does not hold 136 numbers."""
    fields = line.split(b",", 6)
    if len(fields) != 7:
        return None
    try:
        flat = np.array(fields[5].split(b";"), dtype=np.float64)
    except ValueError:
        return None
    return flat.reshape(POINTS, 2) if flat.size == 2 * POINTS else None


def is_list(path: Path) -> bool:
    """Whether a file with the name of a list is one: its first line is the header, or a row."""
    with open(path, "rb") as handle:
        line = handle.readline(1 << 16).removeprefix(_BOM)
    return _is_header(line) or _HEAD.match(line) is not None


def _is_header(line: bytes) -> bool:
    return line.split(b",", 1)[0].strip(b' "\r\n').lower() == COLUMNS[0].lower().encode()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and text of every line that is neither blank nor the header.

    Raises:
        InputError: for a header with other columns, or the same in another order.
    """
    with open(path, "rb", buffering=_BUFFER) as handle:
        first = handle.readline().removeprefix(_BOM)
        if _is_header(first):
            names = [name.strip(' "\r\n') for name in first.decode("utf-8", "backslashreplace").split(",")]
            if [name.lower() for name in names] != [name.lower() for name in COLUMNS]:
                what, do = "this list has other columns", "take it from the official archive again"
                found, expected = ", ".join(names)[:200], ", ".join(COLUMNS)
                raise InputError(what, path=path, line=1, found=found, expected=expected, do=do)
        elif not first.isspace() and first:
            yield 1, first
        for number, line in enumerate(handle, 2):
            if not line.isspace():
                yield number, line


@dataclass(slots=True)
class Pictures:
    """The numbered folders of pictures below ``base``; each is listed once, when it is first asked for."""

    base: Path | None
    _exact: dict[str, frozenset[str]] = field(default_factory=dict)
    _folded: dict[str, dict[str, str]] = field(default_factory=dict)

    def has(self, folder: str, file: str) -> bool:
        """Whether the picture is there, in whatever case it was unpacked."""
        there = self._exact.get(folder)
        if there is None:
            there = self._exact[folder] = self._list(folder)
        return file in there or file.lower() in self._lower(folder, there)

    def path(self, folder: str, file: str) -> Path | None:
        """The picture, or None when it is not there."""
        if self.base is None or not self.has(folder, file):
            return None
        name = file if file in self._exact[folder] else self._folded[folder][file.lower()]
        return self.base / folder / name

    def _list(self, folder: str) -> frozenset[str]:
        try:
            with os.scandir(self.base / folder if self.base else "") as entries:
                return frozenset(entry.name for entry in entries)
        except OSError:
            return frozenset()

    def _lower(self, folder: str, there: frozenset[str]) -> dict[str, str]:
        if folder not in self._folded:
            self._folded[folder] = {name.lower(): name for name in sorted(there)}
        return self._folded[folder]


def scan_list(path: Path, split: str | None, pictures: Pictures, root: Path, report: Report) -> Iterator[Sample]:
    """The labelled rows of one list, in its order; a list without a split is the machine-labelled one."""
    place, absent = path.relative_to(root).as_posix(), []
    label_source = "machine" if split is None else "human"
    for number, text in _lines(path):
        try:
            line = parse_line(text, path, number)
        except InputError as error:
            report.fault(error)
            continue
        identity, source = f"affectnet-{line.stem}", f"{place}:{number}"
        if line.expression in REASONS:
            report.dropped.append(dropped(identity, line.expression, source))
            continue
        if pictures.base is not None and not pictures.has(line.folder, line.file):
            absent.append(f"{line.folder}/{line.file}")
        yield make(
            identity,
            line.expression,
            split,
            source,
            extra(line.valence, line.arousal),
            box=line.box,
            origins=[f"affectnet:{line.stem}"],
            label_source=label_source,
        )
    if absent:
        report.missing.append(f"{len(absent):,} of the labelled pictures of {path.name}: {some(absent)}")


def raw_list(path: Path, wanted: Mapping[int, str], pictures: Pictures) -> Iterator[Raw]:
    """The pictures of some lines (number → sample id), with box and points, in one pass over the list."""
    for number, text in _lines(path):
        if number not in wanted:
            continue
        name, line = wanted[number], parse_line(text, path, number)
        picture = pictures.path(line.folder, line.file)
        if name != f"affectnet-{line.stem}":
            yield Raw(name, problem=("changed", f"{path.name}:{number} is another row now; scan this copy again"))
        elif picture is None:
            yield Raw(name, problem=("missing", f"there is no picture {line.folder}/{line.file}"))
        else:
            left, top, right, bottom = line.box
            yield Raw(name, path=picture, box=(left, top, right, bottom), points=points(text))
