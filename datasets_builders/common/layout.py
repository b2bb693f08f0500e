"""Finding the parts of a corpus in a copy, however it was unpacked: by name pattern, never by fixed path.

Archives nest (``DISFA/DISFA/…``), spell folders in two ways and zero-pad picture numbers as they like. So the
builders look at every folder a few levels deep, breadth first and sorted: the shallowest copy of a file wins, and
the order never depends on the file system.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from facial_r1.errors import InputError

__all__ = ["DEPTH", "PICTURE_SUFFIXES", "Folder", "folders", "numbered", "some"]

DEPTH = 5
"""Levels below the root that are searched; the deepest official path has three, and archives nest twice."""

PICTURE_SUFFIXES: frozenset[str] = frozenset({".jpg", ".jpeg", ".png", ".bmp"})

_NUMBER = re.compile(r"(?:.*\D)?(\d{1,9})(?:_aligned)?", re.ASCII | re.IGNORECASE)
_IGNORED = (".", "__MACOSX")


class Folder(NamedTuple):
    """One folder with the sorted names in it; hidden names and archive leftovers are left out."""

    path: Path
    folders: list[str]
    files: list[str]


def folders(root: Path, *, closed: re.Pattern[str] | None = None, depth: int = DEPTH) -> Iterator[Folder]:
    """Yield ``root`` and the folders below it, shallowest first, each physical folder once (links may loop).

    Args:
        root: where to begin.
        closed: folders whose whole name matches are listed by their parent but not entered.
        depth: how many levels below ``root`` are visited.

    Raises:
        InputError: for a folder that may not be read.
    """
    seen: set[tuple[int, int]] = set()
    level = [root]
    for _ in range(depth + 1):
        deeper: list[Path] = []
        for path in level:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            folder = _list(path)
            yield folder
            deeper += [path / name for name in folder.folders if closed is None or not closed.fullmatch(name)]
        level = deeper


def _list(path: Path) -> Folder:
    below: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(path) as entries:  # tells folders from files without a system call for each
            for entry in entries:
                if not entry.name.startswith(_IGNORED):
                    (below if entry.is_dir() else files).append(entry.name)
    except OSError as error:
        what = f"this folder cannot be listed ({error.strerror})"
        raise InputError(what, path=path, do="mend its permissions, or give a root without it") from None
    return Folder(path, sorted(below), sorted(files))


def numbered(folder: Folder) -> dict[int, Path]:
    """The pictures of one folder by the number that ends their stem: ``7.jpg`` and ``0007_aligned.jpg`` are 7.

    Raises:
        InputError: when two pictures carry one number; choosing would be guessing.
    """
    found: dict[int, Path] = {}
    for name in folder.files:
        stem, dot, suffix = name.rpartition(".")
        match = _NUMBER.fullmatch(stem)
        if match is None or dot + suffix.lower() not in PICTURE_SUFFIXES:
            continue
        path, number = folder.path / name, int(match.group(1))
        if number in found:
            what = f"two pictures carry the number {number}"
            raise InputError(what, path=path, found=f"also {found[number].name}", do="remove the one that is wrong")
        found[number] = path
    return found


def some(names: Iterable[str], limit: int = 5) -> str:
    """Names for a sentence: the first few, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more
