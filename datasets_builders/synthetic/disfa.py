"""DISFA: videos of 27 people, and for each of 12 Action Units one file of ``frame,intensity`` lines per person.

Options:

* ``cameras`` – ``left``, ``right`` or ``both``;
* ``frames`` – ``video``: one AVI per person and camera; ``extracted``: numbered pictures, as ffmpeg cuts them out of
  the videos (``Frames_LeftCamera/SN001/0001.jpg`` is the picture of the first label line);
* ``landmarks`` – write the 66 points of every drawn frame of the left camera as MATLAB files;
* ``width`` – pixels, of a 4:3 frame; 0 means 320, and 1024 at full size.

Intensities come in smooth episodes of several Action Units together, and in every published part exactly the published
number of frames reaches intensity 2 (scaled, when only ``rows`` frames are made). Quirks of the real corpus that every
stand-in has: the two spellings of the camera folders and files, 14 of 27 videos with one frame more than labels, one
person with other landmark names, one with a landmark file too many (the first). Frames of a video that nobody asked
for repeat the picture before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from datasets_builders.synthetic.footage import Clip, Levels, Shot, matlab, shots, write_video
from datasets_builders.synthetic.order import Order, apportion, choice
from datasets_builders.synthetic.pictures import jpeg, write_files
from facial_r1.errors import UsageError
from facial_r1.facs import PROTOTYPES

__all__ = ["AUS", "PARTS", "POSITIVES", "Stand", "Subject", "plan"]

AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)

PARTS: tuple[tuple[int, ...], ...] = (
    (1, 2, 9, 10, 16, 26, 27, 30, 32),
    (6, 11, 12, 13, 18, 21, 24, 28, 31),
    (3, 4, 5, 7, 8, 17, 23, 25, 29),
)
"""The subject numbers of the three published parts."""

POSITIVES: dict[int, tuple[int, int, int]] = {
    1: (1839, 1469, 3198),
    2: (1125, 879, 3640),
    4: (5119, 6653, 8161),
    5: (420, 390, 510),
    6: (2360, 3558, 4409),
    9: (1218, 1287, 2968),
    12: (4503, 6187, 6161),
    15: (1210, 1330, 1400),
    17: (1960, 2170, 2280),
    20: (700, 640, 860),
    25: (10850, 13206, 12191),
    26: (4902, 4123, 2508),
}
"""Frames with intensity >= 2 in each part. Published for eight AUs; those of 5, 15, 17 and 20 are invented."""

_FRAMES, _SHORT = 4845, 10
"""Label lines per person; person 10 has one less."""
_LEVELS = (1.5, 1.0, 0.5, 0.15, 0.03)
"""Frames that reach intensity 1 … 5, in units of those that reach 2. Invented."""
_MOODS = ("happiness", "happiness", "happiness", "surprise", "sadness", "disgust", "fear", "anger")
"""What the episodes are drawn from."""

_YAW = {"left": 8.0, "right": -8.0}
_ODD_LANDMARKS, _MORE_LANDMARKS = 1, 3
"""The places, among the subjects, of the one with other landmark names and the one with a file too many."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One person: the number in ``SN001``, the part (1-3) and the labels (columns as :data:`AUS`)."""

    number: int
    part: int
    levels: Levels

    @property
    def code(self) -> str:
        """``SN001``."""
        return f"SN{self.number:03d}"

    def ids(self, camera: str) -> list[str]:
        """The sample ids of all frames; those of the right camera say so."""
        return [f"disfa-{self.code}-{n:04d}{'-right' * (camera == 'right')}" for n in range(1, len(self.levels) + 1)]

    def labels(self) -> list[tuple[str, bytes]]:
        """The twelve label files: name and content."""
        return [
            (f"{self.code}/{self.code}_au{au}.txt", "".join(f"{n},{v}\n" for n, v in enumerate(column, 1)).encode())
            for au, column in zip(AUS, self.levels.T.tolist(), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Footage:
    """One video: ``clip`` is what it shows, ``at`` the place of the subject among all, which decides its quirks."""

    code: str
    camera: str
    at: int
    clip: Clip

    @property
    def video_name(self) -> str:
        """The file below the root, in the two spellings of the distribution."""
        left, right = f"LeftVideo{self.code}_comp.avi", f"RightVideo{self.code}_Comp.avi"
        return f"Videos_LeftCamera/{left}" if self.camera == "left" else f"Video_RightCamera/{right}"

    @property
    def longer(self) -> int:
        """Frames that the video has beyond the labels: one in 14 of the 27."""
        return int(self.at % 2 == 0)

    def landmark_names(self, number: int) -> list[str]:
        """The landmark file of the frame ``number``, counted from 0; two for the first frame of one person."""
        if self.at == _ODD_LANDMARKS:
            return [f"l0{number:04d}_lm.mat"]
        numbers = [number]
        if self.at == _MORE_LANDMARKS and all(self.clip.wanted):
            numbers = [0, 1] if number == 0 else [number + 1]
        return [f"{self.code}_{n:04d}_lm.mat" for n in numbers]


@dataclass(frozen=True, slots=True)
class Stand:
    """The plan: subjects in order of their number, and the footage that shows them.

    Attributes:
        order, frames, landmarks: what was asked.
        subjects: who is in the stand-in, with all labels.
        footage: the videos to make.
    """

    order: Order
    frames: str
    landmarks: bool
    subjects: list[Subject]
    footage: list[Footage]

    @property
    def rows(self) -> int:
        """Labelled frames of one camera."""
        return sum(len(subject.levels) for subject in self.subjects)

    def write(self, out: Path) -> None:
        """Write label files, videos or pictures, and landmarks below ``out``."""
        write_files(out / "ActionUnit_Labels", (file for subject in self.subjects for file in subject.labels()))
        jobs = [(out, footage, self.frames, self.landmarks) for footage in self.footage]
        for _ in self.order.run(_film, jobs, chunk=1):
            pass


def plan(
    order: Order, *, cameras: str = "left", frames: str = "video", landmarks: bool = True, width: int = 0
) -> Stand:
    """Decide every intensity and which footage is made; see the module for the options."""
    choice("cameras", cameras, ("left", "right", "both"))
    choice("frames", frames, ("video", "extracted"))
    if width and not 64 <= width <= 4096:
        raise UsageError("a frame cannot have this `width`", found=width, expected="64-4096 pixels, or 0")
    subjects = _subjects(order)
    sides = ("left", "right") if cameras == "both" else (cameras,)
    drawn = iter(order.drawn([name for side in sides for subject in subjects for name in subject.ids(side)]))
    size = width or (1024 if order.rows is None else 320)
    footage = []
    for camera, (at, subject) in product(sides, enumerate(subjects)):
        wanted = list(islice(drawn, len(subject.levels)))
        if any(wanted):
            clip = Clip(order.people, subject.number, _YAW[camera], size, AUS, subject.levels, wanted)
            footage.append(Footage(subject.code, camera, at, clip))
    return Stand(order, frames, landmarks, subjects, footage)


def _subjects(order: Order) -> list[Subject]:
    """Who is in the stand-in: the same number of people from every part, and their labels."""
    if order.rows is None:
        frames = {number: _FRAMES - (number == _SHORT) for part in PARTS for number in part}
    else:
        each = min(9, max(1, order.rows // 240))
        chosen = [number for part in PARTS for number in part[:each]]
        shares = apportion([1] * len(chosen), order.rows)
        frames = {number: share for number, share in zip(chosen, shares, strict=True) if share}
    subjects = []
    for part, numbers in enumerate(PARTS):
        there = [number for number in numbers if number in frames]
        levels = _levels(order, part, [(number, frames[number]) for number in there]) if there else []
        subjects += [Subject(number, part + 1, own) for number, own in zip(there, levels, strict=True)]
    return sorted(subjects, key=lambda subject: subject.number)


def _levels(order: Order, part: int, people: list[tuple[int, int]]) -> list[Levels]:
    """The labels of a part's people (number, frames): for every AU the strongest frames reach each level.

    Ranking a smooth signal over the whole part gives exact counts, and runs with onset, apex and offset.
    """
    signal = np.concatenate([_activity(order.rng(1, number), frames) for number, frames in people])
    levels = np.zeros(signal.shape, np.uint8)
    published = sum(_FRAMES - (number == _SHORT) for number in PARTS[part])
    for column, au in enumerate(AUS):
        if au == 15:  # would cancel the pull of 12 at the same corners
            signal[levels[:, AUS.index(12)] > 0, column] -= 100
        strongest = np.argsort(-signal[:, column], kind="stable")
        positives = POSITIVES[au][part] * len(signal) / published
        for level, share in enumerate(_LEVELS, 1):
            levels[strongest[: round(positives * share)], column] = level
    ends = np.cumsum([frames for _, frames in people])
    return np.split(levels, ends[:-1])


def _activity(rng: np.random.Generator, frames: int) -> npt.NDArray[np.float64]:
    """frames × 12: how active each AU is; episodes of emotion prototypes over a slow unrest, no unit."""
    length = min(60, max(8, frames // 5))
    window = np.hanning(2 * (length // 2) + 1)
    noise = rng.normal(0, 0.1, (frames + len(window) - 1, len(AUS)))
    unrest = [np.convolve(column, window / np.linalg.norm(window), "valid") for column in noise.T]
    activity = np.stack(unrest, axis=1)
    for _ in range(frames * 5 // (4 * length) + 1):
        combinations = PROTOTYPES[_MOODS[rng.integers(len(_MOODS))]]
        units = combinations[rng.integers(len(combinations))]
        start, last = rng.integers(-length // 2, frames), length * rng.uniform(0.6, 1.4)
        course = np.interp((np.arange(frames) - start) / last, (0, 0.3, 0.6, 1), (0, 1, 1, 0))
        strength = rng.uniform(0.5, 1)
        for column, au in enumerate(AUS):
            if au in units:
                activity[:, column] += course * strength * rng.uniform(0.7, 1.3)
    return activity


def _film(job: tuple[Path, Footage, str, bool]) -> None:
    """Write one video (or its pictures) and the landmarks of the frames it shows."""
    out, footage, frames, landmarks = job
    clip, code = footage.clip, footage.code
    points: dict[str, bytes] = {}

    def noted() -> Iterator[Shot]:
        for shot in shots(clip):
            points.update(dict.fromkeys(footage.landmark_names(shot.number), matlab(shot.points)))
            yield shot

    if frames == "extracted":
        folder = out / f"Frames_{footage.camera.title()}Camera" / code
        write_files(folder, ((f"{shot.number + 1:04d}.jpg", jpeg(shot.pixels)) for shot in noted()))
    else:
        write_video(out / footage.video_name, clip, noted(), frames=len(clip.levels) + footage.longer)
    if landmarks and footage.camera == "left":
        write_files(out / "Landmark_Points" / code / "tmp_frame_lm", points.items())
