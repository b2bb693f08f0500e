"""Moving pictures of one synthetic person, frame by frame as the labels say: videos, frames, landmark files."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from scipy.io import savemat

from datasets_builders.synthetic.face import landmarks, render
from datasets_builders.synthetic.identity import identity
from datasets_builders.synthetic.pictures import Image
from facial_r1.files import atomic

__all__ = ["Clip", "Levels", "Shot", "matlab", "shots", "write_video"]

Levels = npt.NDArray[np.uint8]
"""frames × AUs: intensities 0-5."""

_RATE = 20
_MATLAB_HEADER = b"MATLAB 5.0 MAT-file, synthetic".ljust(116)


@dataclass(frozen=True, slots=True)
class Clip:
    """What a video shows.

    Attributes:
        people, person: whose face, see :class:`~datasets_builders.synthetic.pictures.Face`.
        yaw: degrees the face is turned towards the picture's right.
        width: pixels; the height is three quarters of it.
        aus: the FACS numbers of the columns of ``levels``.
        levels: what the face does in every frame.
        wanted: the frames to draw; the others repeat the picture before them.
    """

    people: int
    person: int
    yaw: float
    width: int
    aus: Sequence[int]
    levels: Levels
    wanted: Sequence[bool]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.width * 3 // 4


@dataclass(frozen=True, slots=True)
class Shot:
    """One drawn frame: its number from 0, RGB pixels, and 66 points (x, y) in pixels."""

    number: int
    pixels: Image
    points: npt.NDArray[np.float64]


def shots(clip: Clip) -> Iterator[Shot]:
    """The wanted frames. The head sways slowly: a window moves over a picture with a margin.

    A face that does not change between two frames is drawn once, so a still video costs little.
    """
    who = identity(clip.people, clip.person)
    width, height = clip.size
    margin = height // 24
    room = (width + 2 * margin, height + 2 * margin)
    last = None
    for number in np.flatnonzero(clip.wanted).tolist():
        row = clip.levels[number].tolist()
        if row != last:
            acts = {au: float(value) for au, value in zip(clip.aus, row, strict=True) if value}
            canvas = render(who, acts, room, seed=clip.person, yaw=clip.yaw)
            points = landmarks(who, acts, room, seed=clip.person, yaw=clip.yaw, count=66)
            last = row
        left = margin + round(margin * math.sin(number / 17 + clip.person))
        top = margin + round(margin * math.sin(number / 23))
        yield Shot(number, canvas[top : top + height, left : left + width], points - (left, top))


def write_video(path: Path, clip: Clip, drawn: Iterable[Shot], *, frames: int) -> None:
    """Encode ``frames`` pictures as an AVI (MPEG-4, 20 a second); a frame without a shot repeats the one before.

    One encoder thread and no time stamps: equal shots give equal bytes.
    """
    width, height = clip.size
    picture: Image = np.zeros((height, width, 3), np.uint8)
    with atomic(path) as handle, av.open(handle, "w", format="avi", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("mpeg4", rate=_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.qmin = stream.codec_context.qmax = 2
        coming = iter(drawn)
        shot = next(coming, None)
        for number in range(frames):
            if shot is not None and shot.number == number:
                picture, shot = np.ascontiguousarray(shot.pixels), next(coming, None)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def matlab(points: npt.NDArray[np.float64]) -> bytes:
    """A MATLAB 5 file with the points under the key ``pts``, without the date that scipy puts into its header."""
    buffer = io.BytesIO()
    savemat(buffer, {"pts": points})  # type: ignore[arg-type]  # any binary file is fine, which the stubs do not know
    return _MATLAB_HEADER + buffer.getvalue()[len(_MATLAB_HEADER) :]
