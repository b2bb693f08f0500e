"""What an AffectNet stand-in consists of: faces in photographs or cut out, and the three ways of writing labels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import orjson

from datasets_builders.synthetic.draw import Points
from datasets_builders.synthetic.face import identity, landmarks
from datasets_builders.synthetic.pictures import Face, Image, draw, jpeg, paste, scene
from datasets_builders.synthetic.population import expression

__all__ = [
    "CROP",
    "EMOTIONS",
    "NO_FACE",
    "Frame",
    "Shot",
    "file_of",
    "frames",
    "npy_numbers",
    "npy_text",
    "plus_object",
]

EMOTIONS: tuple[str | None, ...] = (
    *("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"),
    *(None, None, None),
)
"""What a face of each class 0-10 shows; 8 and 9 show movements that belong to no emotion."""

NO_FACE = 10
CROP = 224
"""Side of the pictures of the later distributions, pixels."""

_SIZES = ((425, 425), (512, 384), (300, 400), (640, 480), (256, 256))


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture's size, where its face is (a square), and 68 points of such a face, all in pixels."""

    width: int
    height: int
    left: int
    top: int
    side: int
    points: Points

    def fields(self) -> str:
        """Box and points as the lists have them: x, y, width, height, then 136 numbers."""
        numbers = ";".join(f"{number:.1f}" for number in self.points.ravel().tolist())
        return f"{self.left},{self.top},{self.side},{self.side},{numbers}"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to draw: whose face, of which class 0-10, in which frame, in a file of which type."""

    people: int
    person: int
    label: int
    frame: Frame
    suffix: str


def frames(rng: np.random.Generator, people: int, label: int, count: int, *, cut: bool) -> list[Frame]:
    """Frames for faces of a class, with the points of somebody who shows it; ``cut``: the face fills the picture.

    The points are near those of the face that a row shows, not exactly these: 400,000 faces have so few frames.
    """
    found = []
    for number in range(count):
        width, height = (CROP, CROP) if cut else _SIZES[int(rng.integers(len(_SIZES)))]
        side = CROP if cut else int(min(width, height) * rng.uniform(0.5, 0.85))
        left, top = int((width - side) * rng.uniform(0, 1)), int((height - side) * rng.uniform(0, 1))
        shown = expression(rng, emotion=EMOTIONS[label])
        points = landmarks(identity(people, number), shown.intensities, side, sides=shown.sides)
        found.append(Frame(width, height, left, top, side, np.round(points + np.array((left, top)), 1)))
    return found


def file_of(shot: Shot) -> bytes:
    """The picture file of one row."""
    pixels = _pixels(shot)
    if shot.suffix.lower() == "jpg":
        return jpeg(pixels)
    return cv2.imencode(f".{shot.suffix.lower()}", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


def _pixels(shot: Shot) -> Image:
    frame = shot.frame
    picture = scene(np.random.default_rng([shot.people, shot.person]), frame.width, frame.height)
    if shot.label != NO_FACE:
        face = draw(Face(shot.people, shot.person, EMOTIONS[shot.label]), frame.side)
        paste(picture, face, frame.left, frame.top)
    return picture


def npy_text(text: str) -> bytes:
    """An .npy file with one piece of text: an array without dimensions, as ``numpy.save(file, text)`` writes it."""
    return _header(f"<U{len(text)}", ()) + text.encode("utf-32-le")


def npy_numbers(numbers: npt.NDArray[np.float64]) -> bytes:
    """An .npy file with a row of numbers."""
    return _header("<f8", numbers.shape) + numbers.tobytes()


@cache
def _header(descr: str, shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    layout = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, layout)
    return buffer.getvalue()


def plus_object(label: int | None, valence: float, arousal: float, person: int, points: Points) -> bytes:
    """The JSON object of one picture of AffectNet+; without a human label for None."""
    classes = len([emotion for emotion in EMOTIONS if emotion])
    share = [0.03] * classes
    share[(label or 0) % classes] = round(1 - 0.03 * (classes - 1), 2)
    row = {} if label is None else {"human-label": label}
    meta = {
        "age": 18 + person % 60,
        "gender": ("female", "male")[person % 2],
        "race": ("asian", "black", "latino", "white")[person % 4],
        "valence": valence,
        "arousal": arousal,
        "pose": [0.0, 0.0, 0.0],
        "landmark-68": points.tolist(),
        "landmark-29": _some(points),
    }
    return orjson.dumps({**row, "soft-label": share, "subset": person % 3, "meta-data": meta})


def _some(points: Points) -> Sequence[Sequence[float]]:
    chosen: list[list[float]] = points[np.linspace(0, len(points) - 1, 29).astype(int)].tolist()
    return chosen
