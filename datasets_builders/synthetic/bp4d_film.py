"""The picture folder and the landmark file of one sequence of a BP4D stand-in."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from datasets_builders.synthetic.footage import Clip, Levels, shots
from datasets_builders.synthetic.pictures import jpeg, write_files

__all__ = ["Film", "film", "matlab73"]

_USERBLOCK = 512
_MATLAB_HEADER = b"MATLAB 7.3 MAT-file, synthetic".ljust(124) + b"\0\x02IM"
_JAW = 17
"""Points of the jaw line, which the 49 points do not have; they come first among the 66."""


@dataclass(frozen=True, slots=True)
class _Portrait(Clip):
    """A clip whose pictures stand upright."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.width * 4 // 3


@dataclass(frozen=True, slots=True)
class Film:
    """What one picture folder shows.

    Attributes:
        people, person: whose face, see :class:`~datasets_builders.synthetic.pictures.Face`.
        subject, task: names of the folders.
        digits: the least number of digits in a picture's name.
        width: pixels.
        count_from: the number of a sequence's first picture, 0 or 1.
        first: the number of the first coded frame.
        aus, levels: what the face does in every coded frame.
        wanted: the coded frames to draw. Counted from 0, picture 0 is drawn in any case.
        landmarks: whether to write them.
        lost: whether the last picture drawn has none.
    """

    people: int
    person: int
    subject: str
    task: str
    digits: int
    width: int
    count_from: int
    first: int
    aus: Sequence[int]
    levels: Levels
    wanted: Sequence[bool]
    landmarks: bool
    lost: bool

    def numbered(self) -> tuple[list[int], Clip]:
        """The numbers of the pictures that may be drawn, and what they show."""
        numbers = [self.first + place - 1 + self.count_from for place in range(len(self.levels))]
        levels, wanted = self.levels, list(self.wanted)
        if numbers[0] == 0:
            wanted[0] = True
        elif self.count_from == 0:
            numbers, wanted = [0, *numbers], [True, *wanted]
            levels = np.concatenate([np.zeros_like(levels[:1]), levels])
        yaw = 2.0 * int(self.task[1:]) - 9.0
        return numbers, _Portrait(self.people, self.person, yaw, self.width, self.aus, levels, wanted)


def film(job: tuple[Path, Path, Film]) -> None:
    """Write one picture folder below the first path, and its landmark file into the second."""
    pictures, landmarks, own = job
    numbers, clip = own.numbered()
    points: dict[int, npt.NDArray[np.float64]] = {}

    def drawn() -> Iterator[tuple[str, bytes]]:
        for shot in shots(clip):
            number = numbers[shot.number]
            points[number - own.count_from] = shot.points[_JAW:]
            yield f"{number:0{own.digits}d}.jpg", jpeg(shot.pixels)

    write_files(pictures / own.subject / own.task, drawn())
    if own.landmarks:
        if own.lost:
            del points[max(points)]
        count = numbers[-1] - own.count_from + 1
        write_files(landmarks, [(f"{own.subject}_{own.task}.mat", matlab73(points, count))])


def matlab73(points: Mapping[int, npt.NDArray[np.float64]], count: int) -> bytes:
    """A MATLAB 7.3 file with a struct array ``fit`` of ``count`` pictures, whose field ``pred`` holds N×2 points.

    As MATLAB writes it: an HDF5 file behind 512 bytes of its own; a field of a struct array is a column of references;
    a matrix has its columns first, and an empty one holds its size instead.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=_USERBLOCK) as file:
        file.create_group("fit").attrs["MATLAB_class"] = np.bytes_("struct")
        references = file.create_group("#refs#")
        empty = _matrix(references, "a", np.zeros(2, np.uint64))
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        column = np.full((count, 1), empty.ref, h5py.ref_dtype)
        for place, own in points.items():
            column[place, 0] = _matrix(references, f"p{place}", own.T).ref
        file["fit"].create_dataset("pred", data=column, dtype=h5py.ref_dtype)
    data = buffer.getvalue()
    return _MATLAB_HEADER.ljust(_USERBLOCK, b"\0") + data[_USERBLOCK:]


def _matrix(group: h5py.Group, name: str, values: npt.NDArray[np.generic]) -> h5py.Dataset:
    matrix = group.create_dataset(name, data=values)
    matrix.attrs["MATLAB_class"] = np.bytes_("double")
    return matrix
