"""Which of AffectNet's distributions a folder holds, and where; and which relatives are refused, in words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from datasets_builders.affectnet import csv, npy, plus
from datasets_builders.affectnet.sets import Part
from datasets_builders.affectnet.tables import LAYOUTS
from datasets_builders.common.layout import Folder, folders
from facial_r1.emotions import try_canonical

__all__ = ["AUTOMATIC", "LISTS", "SPLITS", "Copy", "find", "relative"]

AUTOMATIC = "automatically_annotated.csv"
LISTS: dict[str, str | None] = {"training.csv": "train", "validation.csv": "val", AUTOMATIC: None}
"""The lists of 2017 → their split."""

SPLITS: dict[str, str] = {"train": "train", "val": "val", "validation": "val", "test": "test"}
"""Name of a part, with ``_set`` or without → its split."""

_PART = re.compile(rf"({'|'.join(SPLITS)})(?:_?set)?", re.IGNORECASE)
_CLOSED = re.compile(r"\d+|images|annotations", re.IGNORECASE)
"""Folders with a hundred thousand files: seen, never searched."""

_UNLABELLED = "no_human_annotated"
_PROBE = 64
_CAGE = "annotation_without_lnd.csv"


@dataclass(slots=True)
class Copy:
    """What a folder holds of the corpus.

    Attributes:
        lists: lower-case name of a list of 2017 → file.
        numbered: folders that hold numbered folders of pictures.
        npy, plus: the parts of the later distributions.
        unlabelled: the folder of AffectNet+ without human labels is there.
    """

    lists: dict[str, Path] = field(default_factory=dict)
    numbered: list[Path] = field(default_factory=list)
    npy: list[Part] = field(default_factory=list)
    plus: list[Part] = field(default_factory=list)
    unlabelled: bool = False

    @property
    def layouts(self) -> list[str]:
        """The keys of :data:`LAYOUTS` that are here, the preferred one first."""
        there = {"csv": self.lists, "npy": self.npy, "plus": self.plus}
        return [layout for layout in LAYOUTS if there[layout]]

    def pictures(self, root: Path, *, automatic: bool) -> Path | None:
        """The folder with the numbered picture folders of one kind."""
        places = {path: path.relative_to(root).as_posix().lower() for path in self.numbered}
        kind = "automatically" if automatic else "manually"
        named = [path for path, place in places.items() if kind in place]
        others = [] if automatic else [path for path, place in places.items() if "automatically" not in place]
        return next(iter(named + others), None)


def find(root: Path) -> Copy:
    """Look for every distribution below ``root``, without listing pictures or annotations."""
    copy = Copy()
    for folder in folders(root, closed=_CLOSED):
        for name in folder.files:
            lower, path = name.lower(), folder.path / name
            if lower in LISTS and lower not in copy.lists and csv.is_list(path):
                copy.lists[lower] = path
        if any(name.isdecimal() for name in folder.folders):
            copy.numbered.append(folder.path)
        if folder.path.name.lower() == _UNLABELLED:
            copy.unlabelled = True
            continue
        for name in folder.folders:
            if name.lower() == "annotations":
                _enter(copy, folder, folder.path / name)
    return copy


def _enter(copy: Copy, folder: Folder, annotations: Path) -> None:
    """Add a folder of annotations to what it is part of, judged by the first names in it."""
    images = next((folder.path / name for name in folder.folders if name.lower() == "images"), None)
    match = _PART.fullmatch(folder.path.name)
    part = Part(SPLITS[match[1].lower()] if match else None, annotations, images)
    for name in _first_names(annotations):
        if npy.is_annotation(name):
            copy.npy.append(part)
            return
        if plus.is_annotation(annotations / name):
            copy.plus.append(part)
            return


def _first_names(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        yield from (entry.name for entry in islice(entries, _PROBE))


def relative(root: Path) -> str | None:
    """What ``root`` holds instead, in words for an error: a relative that has the name of AffectNet and not its labels.

    Copies on Kaggle sort about 30,000 pictures into folders by class. Their integers are alphabetical (0 anger,
    1 contempt, …), their labels were partly made anew, and no name leads back to the corpus.
    """
    for folder in folders(root, closed=_CLOSED):
        place = folder.path.relative_to(root).as_posix()
        classes = {try_canonical(name) for name in folder.folders} - {None}
        digits = [name for name in folder.folders if name.isdecimal()]
        if "contempt" in classes and len(classes) > 3:
            return f"a copy sorted into folders by class ({place}), as on Kaggle, whose labels are not AffectNet's"
        if sorted(digits) == list("01234567"):
            what = "whose order of classes nobody can tell (on Kaggle it is alphabetical, in AffectNet it is not)"
            return f"a copy sorted into folders 0 to 7 ({place}), {what}"
        if {"images", "labels"} <= {name.lower() for name in folder.folders} and _has_texts(folder):
            return f"a copy for training a detector ({place}/labels/….txt), as on Kaggle, with alphabetical classes"
        if any(name.lower().endswith(_CAGE) for name in folder.files):
            return f"a list derived from the later distribution (…{_CAGE}); give the folder with train_set and val_set"
        if len(digits) > 1 and "annotated" in place.lower():
            return f"the pictures of 2017 ({place}) without their lists training.csv and validation.csv"
    return None


def _has_texts(folder: Folder) -> bool:
    labels = next(folder.path / name for name in folder.folders if name.lower() == "labels")
    return any(name.endswith(".txt") for name in _first_names(labels))
