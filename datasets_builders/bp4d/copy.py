"""What a folder holds of BP4D: label files, picture folders and landmarks by sequence, however they were unpacked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from datasets_builders.bp4d.tables import SUBJECTS, TASKS
from datasets_builders.common.layout import Folder, folders, numbered
from facial_r1.errors import UsageError

__all__ = ["ALL", "Copy", "Key", "find", "names", "offset_of", "pictures_in"]

_TASK_FOLDER = re.compile(r"T\d{1,2}", re.IGNORECASE)
_SUBJECT_FOLDER = re.compile(r"[FM]\d{3}", re.IGNORECASE)
_AU_FOLDER = re.compile(r"AU0*(\d{1,2})", re.IGNORECASE)
_LANDMARK_FOLDER = re.compile(r"2D[ _-]?Features?", re.IGNORECASE)
_LABELS = re.compile(r"([FM]\d{3})_(T\d{1,2})(?:_AU0*(\d{1,2}))?\.csv", re.IGNORECASE)
_LANDMARKS = re.compile(r"([FM]\d{3})_(T\d{1,2})\.mat", re.IGNORECASE)


class Key(NamedTuple):
    """One sequence: a subject at a task."""

    subject: str
    task: str

    def __str__(self) -> str:
        return f"{self.subject}/{self.task}"


ALL: tuple[Key, ...] = tuple(Key(subject, task) for subject in SUBJECTS for task in TASKS)
"""The 328 sequences of the corpus."""


@dataclass(slots=True)
class Copy:
    """The parts by sequence.

    Attributes:
        occurrence: ``AU_OCC`` files.
        intensity: ``AU_INT`` files by FACS number.
        pictures: folders that may hold the pictures, the one nearest to the root first.
        landmarks: files of 2D landmarks.
        repeated: label files of which a copy nearer to the root is read instead: (that one, this one).
        foreign: names of sequences that BP4D does not have, such as ``F024_T1.csv``.
    """

    occurrence: dict[Key, Path] = field(default_factory=dict)
    intensity: dict[Key, dict[int, Path]] = field(default_factory=dict)
    pictures: dict[Key, list[Path]] = field(default_factory=dict)
    landmarks: dict[Key, Path] = field(default_factory=dict)
    repeated: list[tuple[Path, Path]] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether there is any part of BP4D, and nothing of its successor BP4D+."""
        return bool(self.occurrence or self.intensity or self.pictures) and not self.foreign

    def _key(self, subject: str, task: str, name: str) -> Key | None:
        key = Key(subject.upper(), task.upper())
        if key.subject in SUBJECTS and key.task in TASKS:
            return key
        self.foreign.append(name)
        return None

    def add_files(self, folder: Folder) -> None:
        """Note the label and landmark files of a folder. An AU stands in the file's name, or else in the folder's."""
        own = _AU_FOLDER.fullmatch(folder.path.name)
        for name in folder.files:
            path = folder.path / name
            if (match := _LABELS.fullmatch(name)) and (key := self._key(match[1], match[2], name)):
                au = match[3] or (own[1] if own else None)
                if au is None:
                    kept = self.occurrence.setdefault(key, path)
                else:
                    kept = self.intensity.setdefault(key, {}).setdefault(int(au), path)
                if kept is not path:
                    self.repeated.append((kept, path))
            elif _LANDMARK_FOLDER.fullmatch(folder.path.name) and (match := _LANDMARKS.fullmatch(name)):
                self.landmarks.setdefault(Key(match[1].upper(), match[2].upper()), path)

    def add_pictures(self, folder: Folder) -> None:
        """Note the task folders in a subject's folder."""
        if _SUBJECT_FOLDER.fullmatch(folder.path.name):
            for name in filter(_TASK_FOLDER.fullmatch, folder.folders):
                if key := self._key(folder.path.name, name, f"{folder.path.name}/{name}"):
                    self.pictures.setdefault(key, []).append(folder.path / name)


def find(root: Path, pictures: Path | None = None) -> Copy:
    """Look for everything below ``root``, and for pictures only below ``pictures`` when it is given.

    Raises:
        UsageError: when ``pictures`` is no folder.
    """
    copy = Copy()
    for folder in folders(root, closed=_TASK_FOLDER):
        copy.add_files(folder)
        if pictures is None:
            copy.add_pictures(folder)
    if pictures is not None:
        if not pictures.is_dir():
            raise UsageError("BP4D: the option pictures names no folder", path=pictures, do="check the path")
        for folder in folders(pictures, closed=_TASK_FOLDER):
            copy.add_pictures(folder)
    return copy


def pictures_in(candidates: Sequence[Path]) -> dict[int, Path]:
    """Picture number → file, of the first folder that holds pictures; padding and prefixes do not matter.

    Raises:
        InputError: when two pictures of it carry one number, or it cannot be listed.
    """
    for path in candidates:
        if found := numbered(next(folders(path, depth=0))):
            return found
    return {}


def offset_of(pictures: Mapping[int, Path], coded: Collection[int]) -> int:
    """What leads from the frame numbers of a label file to those of its pictures: −1 or 0, by inspection.

    Label files count from 1. Pictures count from 0 when there is a picture 0; otherwise the offset counts by which more
    of the ``coded`` frames have a picture. (A frame number as high as the number of pictures cannot be a picture's
    number where these count from 0, so the last frame alone can tell.)
    """
    if 0 in pictures:
        return -1
    before, same = (sum(frame + offset in pictures for frame in coded) for offset in (-1, 0))
    return -1 if before > same else 0


def names(keys: Iterable[Key]) -> list[str]:
    """Sequences for a sentence; a subject of which all eight tasks are meant stands for them."""
    by_subject: dict[str, list[Key]] = {}
    for key in keys:
        by_subject.setdefault(key.subject, []).append(key)
    return [
        name
        for subject, own in by_subject.items()
        for name in ([subject] if len(own) == len(TASKS) else [str(key) for key in own])
    ]
