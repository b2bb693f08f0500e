"""RAF-DB's classes and its label lists: ``train_00001.jpg 5``, counted from 1, in an order that no other corpus has.

The basic subset has the classes 1-7, the compound subset 1-11. The pictures of both are called ``train_00001.jpg`` and
so on, so a class above 7 in a list of the basic subset, or one name with two classes in a list of the compound subset,
means that the two were mixed; such a list is refused as a whole, because nobody can say which picture is whose.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple, TypeAlias

from datasets_builders.common import rafml
from datasets_builders.common.corpus import Report
from facial_r1.errors import InputError

__all__ = [
    "CLASSES",
    "COMPOUNDS",
    "COMPOUND_ROWS",
    "LABELS",
    "NAME",
    "NUMERALS",
    "PUBLISHED",
    "Key",
    "Row",
    "key_of",
    "name_of",
    "order_of",
    "parse_line",
    "read_list",
]

LABELS: tuple[str, ...] = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""The basic classes 1-7, in the order of the official readme."""

_EMOTIONS = dict(rafml.COMPOUNDS)

COMPOUNDS: tuple[tuple[str, tuple[str, str]], ...] = tuple(
    (name, _EMOTIONS[name])
    for name in (
        "happily surprised",
        "happily disgusted",
        "sadly fearful",
        "sadly angry",
        "sadly surprised",
        "sadly disgusted",
        "fearfully angry",
        "fearfully surprised",
        "angrily surprised",
        "angrily disgusted",
        "disgustedly surprised",
    )
)
"""The compound classes 1-11: name, and its two emotions. RAF-CE has the same names in another order, from 0."""

CLASSES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "basic": tuple((label, (label,)) for label in LABELS),
    "compound": COMPOUNDS,
}
"""Subset → name and emotions of each class, the first of them class 1."""

NUMERALS: dict[str, int] = {str(number): number for number in range(1, len(LABELS) + 1)}
"""The basic classes as Kaggle's folders and files write them."""

PUBLISHED: dict[str, tuple[int, ...]] = {
    "train": (1290, 281, 717, 4772, 1982, 705, 2524),
    "test": (329, 74, 160, 1185, 478, 162, 680),
}
"""Basic pictures by part, in the order of :data:`LABELS`; the sums, 12,271 and 3,068, are the official readme's."""

COMPOUND_ROWS: dict[str, int] = {"train": 3162, "test": 792}
"""Compound pictures by part. From memory, not from an official file: a copy that differs may well be whole."""

Key: TypeAlias = tuple[str, int]
"""A picture within its subset: ``train`` or ``test``, and its number."""

NAME = r"(train|test)_(\d{1,6})"
"""How picture names begin. Copies differ in the zeros; officially training numbers have five digits, others four."""

_DIGITS = {"train": 5, "test": 4}
_LINE = re.compile(NAME + r"(?:_aligned)?\.(?:jpe?g|png)\s+(\d{1,9})", re.ASCII | re.IGNORECASE)
_MIXED = "classes of one subset; basic and compound pictures have the same names, so they cannot share a folder"
_APART = "keep each subset in a folder called basic or compound; for a compound copy alone set the option subset"


class Row(NamedTuple):
    """One labelled picture: ``label`` is its class, from 1, and ``source`` where that is written."""

    key: Key
    label: int
    source: str


def key_of(part: str, number: str) -> Key:
    """The key of a picture from the two groups of :data:`NAME`."""
    return part.lower(), int(number)


def name_of(key: Key) -> str:
    """The official stem, such as ``train_00001`` or ``test_0001``, whatever zeros a copy has."""
    part, number = key
    return f"{part}_{number:0{_DIGITS[part]}}"


def order_of(key: Key) -> tuple[bool, int]:
    """Sorts keys as the official list does: training pictures first."""
    return key[0] != "train", key[1]


def parse_line(text: str, path: Path | str, line: int, subset: str = "basic") -> tuple[Key, int]:
    """Read ``train_00001.jpg 5``: the picture and its class; any class that RAF-DB has, see :func:`read_list`.

    Raises:
        InputError: naming file and line.
    """
    match = _LINE.fullmatch(text.strip())
    if match is None:
        what, expected = "this line is not a picture and its class", "a line such as `train_00001.jpg 5`"
    elif not 1 <= int(match[3]) <= len(COMPOUNDS):
        what = f"this class does not exist in the {subset} subset"
        expected = ", ".join(f"{number} {name}" for number, (name, _) in enumerate(CLASSES[subset], 1))
    else:
        return key_of(match[1], match[2]), int(match[3])
    do = "take this file from the official archive again"
    raise InputError(what, path=path, line=line, found=f"`{text.strip()[:60]}`", expected=expected, do=do)


def read_list(path: Path, subset: str, place: str, report: Report) -> list[Row]:
    """Every row of a label list, in its order; none when it mixes the subsets, which is a fault.

    Args:
        path: the list.
        subset: ``basic`` or ``compound``: which classes it may hold.
        place: how rows name this file.
        report: receives bad lines.
    """
    rows: list[Row] = []
    seen: dict[Key, tuple[int, int]] = {}
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    for number, text in enumerate(content.split("\n"), 1):
        if not text or text.isspace():
            continue
        try:
            key, label = parse_line(text, path, number, subset)
        except InputError as error:
            report.fault(error)
            continue
        first, at = seen.setdefault(key, (label, number))
        found = None
        if label > len(CLASSES[subset]):
            found = f"the class {label} of {name_of(key)} in a list of the {subset} subset"
        elif subset == "compound" and label != first:
            found = f"the classes {first} (line {at}) and {label} of {name_of(key)}"
        if found:
            what = "basic and compound classes are mixed in this label list"
            report.fault(InputError(what, path=path, line=number, found=found, expected=_MIXED, do=_APART))
            return []
        rows.append(Row(key, label, f"{place}:{number}"))
    return rows
