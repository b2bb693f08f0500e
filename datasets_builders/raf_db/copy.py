"""Where a copy of RAF-DB keeps its subsets: label lists, pictures and annotations, however the archives were unpacked.

A subset is known by a folder on the way to its label list that is called basic or compound, never by the classes in
it. The kind of a picture is known by the folder ``aligned`` or ``original`` above it, else by its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from datasets_builders.common.layout import Folder, folders
from datasets_builders.raf_db.labels import NAME, NUMERALS, Key, key_of, name_of, parse_line
from facial_r1.errors import InputError

__all__ = ["CSV", "LISTS", "PICTURE", "SUBSETS", "Annotation", "Part", "find"]

SUBSETS: tuple[str, ...] = ("basic", "compound")

LISTS: tuple[str, ...] = ("list_patition_label.txt", "list_partition_label.txt")
"""The label list; the official name is the misspelt one, and many copies mend it."""

CSV = re.compile(r"(train|test)_labels\.csv", re.IGNORECASE)
"""Kaggle's label files."""

PICTURE = re.compile(NAME + r"(_aligned)?\.(?:jpe?g|png|bmp)", re.ASCII | re.IGNORECASE)

Annotation = Literal["manu_attri", "auto_attri", "boundingbox"]
_KINDS = ("aligned", "original")
_LOOK = 20
"""Lines of a list that are looked at before it is taken for RAF-DB's."""


@dataclass(slots=True)
class Part:
    """One subset of a copy.

    Attributes:
        subset: ``basic`` or ``compound``.
        base: the folder that holds it.
        named: whether a folder is called exactly like the subset, as in the official archives.
        lists: its label lists, the one to read first.
        csvs: Kaggle's label files; a Kaggle copy has no list.
        folders: all folders of this subset, ``base`` first.
    """

    subset: str
    base: Path
    named: bool
    lists: list[Path] = field(default_factory=list)
    csvs: list[Path] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)

    def pictures(self, kind: str) -> dict[Key, Path]:
        """The pictures that are ``aligned`` or ``original``; those in a folder of that name before others.

        Raises:
            InputError: when two pictures of one folder carry one number.
        """
        filed: dict[Key, Path] = {}
        others: dict[Key, Path] = {}
        for folder in self.folders:
            above = {name.lower() for name in folder.path.relative_to(self.base).parts}
            said = next((name for name in _KINDS if name in above), None)
            here: dict[Key, Path] = {}
            for match in filter(None, map(PICTURE.fullmatch, folder.files)):
                if kind == (said or ("aligned" if match[3] else "original")):
                    _put(here, key_of(match[1], match[2]), folder.path / match[0])
            for key, path in here.items():
                (filed if said else others).setdefault(key, path)
        return others | filed

    def annotations(self, kind: Annotation) -> dict[Key, Path]:
        """The annotation files of one kind by picture; the one nearest to ``base`` when there are several."""
        pattern = re.compile(f"{NAME}_{kind}\\.txt", re.ASCII | re.IGNORECASE)
        found: dict[Key, Path] = {}
        for folder in self.folders:
            for match in filter(None, map(pattern.fullmatch, folder.files)):
                found.setdefault(key_of(match[1], match[2]), folder.path / match[0])
        return found


def find(root: Path, wanted: str) -> dict[str, Part]:
    """The subsets below ``root`` by name; opens label lists, but reads only their first lines.

    Args:
        root: the folder of the copy.
        wanted: ``basic``, ``compound`` or ``both``; a list that no folder calls basic or compound is taken for the
            compound one only when nothing else was asked for.
    """
    walk = list(folders(root))
    lists = {path: _named(path, root) for path in _lists(walk)}
    unnamed = "compound" if wanted == "compound" and "compound" not in lists.values() else "basic"
    parts: dict[str, Part] = {}
    for path, name in lists.items():
        subset = name or unnamed
        if subset not in parts:
            parts[subset] = Part(subset, _base(path, root), subset in map(str.lower, _above(path, root)))
        parts[subset].lists.append(path)
    if "basic" not in parts and (csvs := _kaggle(walk)) is not None:
        parts["basic"] = Part("basic", root, named=True, csvs=csvs)
    bases = [part.base for part in parts.values()]
    for part in parts.values():
        inner = [base for base in bases if base != part.base and base.is_relative_to(part.base)]
        part.folders = [
            folder
            for folder in walk
            if folder.path.is_relative_to(part.base) and not any(map(folder.path.is_relative_to, inner))
        ]
    return parts


def _put(found: dict[Key, Path], key: Key, path: Path) -> None:
    if key in found:
        what = f"two pictures are called {name_of(key)}"
        raise InputError(what, path=path, found=f"also {found[key].name}", do="remove the one that is wrong")
    found[key] = path


def _lists(walk: list[Folder]) -> list[Path]:
    """The label lists; those in a folder EmoLabel alone when there are such (people derive others for race and age)."""
    paths = [folder.path / name for folder in walk for name in folder.files if name.lower() in LISTS]
    official = [path for path in paths if path.parent.name.lower() == "emolabel"]
    return [path for path in official or paths if _is_list(path)]


def _is_list(path: Path) -> bool:
    """Whether one of the first lines is RAF-DB's: other corpora were put into lists of this name."""
    with open(path, "rb") as handle:
        head = handle.read(4096).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").split("\n")[:_LOOK]
    for text in head:
        try:
            parse_line(text, path, 1)
        except InputError:
            continue
        return True
    return False


def _base(path: Path, root: Path) -> Path:
    """The folder of the subset whose label list is ``path``: the list lies in it, or in its EmoLabel."""
    inside = path.parent.name.lower() == "emolabel" and path.parent != root
    return path.parent.parent if inside else path.parent


def _above(path: Path, root: Path) -> list[str]:
    """The names of the folders above ``path``, the nearest first, up to ``root`` itself."""
    return [*reversed(path.parent.relative_to(root).parts), root.name, root.resolve().name]


def _named(path: Path, root: Path) -> str | None:
    """The subset that the nearest folder above ``path`` is called after, such as ``raf-basic``."""
    return next((subset for name in _above(path, root) for subset in SUBSETS if subset in name.lower()), None)


def _kaggle(walk: list[Folder]) -> list[Path] | None:
    """The CSV files of a Kaggle copy, training first, perhaps none; None when it is no such copy."""
    csvs = [folder.path / name for folder in walk for name in folder.files if CSV.fullmatch(name)]
    csvs.sort(key=lambda path: not path.name.lower().startswith("train"))
    if any(folder.path.name in NUMERALS and any(map(PICTURE.fullmatch, folder.files)) for folder in walk):
        return csvs
    return [path for path in csvs if _is_csv(path)] or None


def _is_csv(path: Path) -> bool:
    """Whether the first row names a picture of RAF-DB: anybody's data may have a file train_labels.csv."""
    with open(path, "rb") as handle:
        rows = handle.read(4096).decode("utf-8", "replace").split("\n")[1:2]
    return any(PICTURE.fullmatch(field.strip(' "\r')) for row in rows for field in row.split(","))
