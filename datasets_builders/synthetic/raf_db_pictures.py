"""One picture of RAF-DB: the face in a scene, cut out and aligned, and the annotation files that lead to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from datasets_builders.synthetic.draw import Points
from datasets_builders.synthetic.face import landmarks, render
from datasets_builders.synthetic.identity import Identity, identity
from datasets_builders.synthetic.pictures import Image, jpeg, paste, scene
from datasets_builders.synthetic.population import expression
from facial_r1.facs import ANTAGONISTS, EXCLUSIVE

__all__ = ["DETECTED", "Portrait", "aligned_file", "blend", "files"]

DETECTED: tuple[int, ...] = (17, 19, 21, 22, 24, 26, 27, 30, *range(31, 36), *range(36, 48), *range(48, 60))
"""Which of 68 points (iBUG order) stand for the detector's 37: brows, nose, eyes and outer lips."""

_LEFT_EYE, _RIGHT_EYE, _NOSE, _CORNERS = slice(36, 42), slice(42, 48), 30, (48, 54)
_SIZES = ((420, 340), (300, 400), (360, 360), (500, 330))
_ALIGNED = 100
_EYES, _DROP = (50.0, 36.0), 36.0
"""Where the middle between the eyes goes in an aligned picture, and how far below it the mouth is, in pixels."""

_GENDERS, _RACES = (0.43, 0.52, 0.05), (0.77, 0.08, 0.15)
"""How often male, female, unsure; Caucasian, African-American, Asian."""
_AGES = (0.02, 0.15, 0.60, 0.93)
"""The bounds of the age ranges on :attr:`Identity.age`."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """What to draw.

    Attributes:
        people: the seed of the corpus' faces, ``Order.people``.
        person: which of them.
        emotions: one noun, or the two of a compound.
        stem: the picture's name, such as ``train_00001``.
        annotations: whether landmarks, attributes and box are wanted as well.
    """

    people: int
    person: int
    emotions: tuple[str, ...]
    stem: str
    annotations: bool


class _Shot(NamedTuple):
    """The original picture, the 68 points of the face in it, and who it is."""

    pixels: Image
    points: Points
    who: Identity


def files(portrait: Portrait) -> list[tuple[str, bytes]]:
    """Every file of one picture: name below the subset's folder, and content."""
    rng = np.random.default_rng([portrait.people, portrait.person])
    shot, stem = _shoot(portrait, rng), portrait.stem
    made = [
        (f"Image/original/{stem}.jpg", jpeg(shot.pixels)),
        (f"Image/aligned/{stem}_aligned.jpg", jpeg(_align(shot))),
    ]
    if portrait.annotations:
        codes = [
            int(rng.choice(3, p=_GENDERS)),
            int(rng.choice(3, p=_RACES)),
            int(np.searchsorted(_AGES, shot.who.age)),
        ]
        lines = [*_lines(_by_hand(shot.points)), *map(str, codes)]
        box = " ".join(f"{value:.6f}" for value in _box(shot.points, rng))
        made += [
            (f"Annotation/manual/{stem}_manu_attri.txt", "".join(f"{line}\n" for line in lines).encode()),
            (f"Annotation/auto/{stem}_auto_attri.txt", "\n".join(_lines(shot.points[list(DETECTED)])).encode()),
            (f"Annotation/boundingbox/{stem}_boundingbox.txt", f"{box} \n".encode()),
        ]
    return made


def aligned_file(portrait: Portrait) -> bytes:
    """The aligned picture alone, the same as among :func:`files`."""
    return jpeg(_align(_shoot(portrait, np.random.default_rng([portrait.people, portrait.person]))))


def blend(rng: np.random.Generator, emotions: Sequence[str]) -> dict[int, float]:
    """Intensities (FACS number → 0-5) of one emotion, or of two at once.

    Of the second, what goes with the first: no pair of :data:`~facial_r1.facs.EXCLUSIVE` or
    :data:`~facial_r1.facs.ANTAGONISTS` comes up.
    """
    shown: dict[int, float] = {}
    for emotion in emotions:
        for au, value in expression(rng, emotion=emotion).intensities.items():
            if not any(frozenset((au, other)) in EXCLUSIVE | ANTAGONISTS for other in shown):
                shown[au] = max(value, shown.get(au, 0.0))
    return shown


def _shoot(portrait: Portrait, rng: np.random.Generator) -> _Shot:
    """The face somewhere in a larger picture, mostly near its middle."""
    who = identity(portrait.people, portrait.person)
    intensities = blend(rng, portrait.emotions)
    width, height = _SIZES[portrait.person % len(_SIZES)]
    side = int(min(width, height) * rng.uniform(0.65, 0.95))
    left, top = int((width - side) * rng.beta(2, 2)), int((height - side) * rng.beta(2, 2))
    picture = scene(rng, width, height)
    paste(picture, render(who, intensities, side, seed=portrait.person), left, top)
    points = landmarks(who, intensities, side, seed=portrait.person) + np.array([left, top])
    return _Shot(picture, points, who)


def _align(shot: _Shot) -> Image:
    """The similarity that puts the eyes level and eyes and mouth at their places, cut to a small square."""
    left, right = shot.points[_LEFT_EYE].mean(axis=0), shot.points[_RIGHT_EYE].mean(axis=0)
    eyes, mouth = (left + right) / 2, shot.points[list(_CORNERS)].mean(axis=0)
    scale = _DROP / float(np.linalg.norm(mouth - eyes))
    angle = float(np.arctan2(*(right - left)[::-1]))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    matrix = np.column_stack([turn, np.array(_EYES) - turn @ eyes])
    flags, border = cv2.INTER_AREA, cv2.BORDER_REPLICATE
    return np.asarray(
        cv2.warpAffine(shot.pixels, matrix, (_ALIGNED, _ALIGNED), flags=flags, borderMode=border), np.uint8
    )


def _by_hand(points: Points) -> Points:
    """Both eyes, the tip of the nose, both corners of the mouth."""
    eyes = [points[_LEFT_EYE].mean(axis=0), points[_RIGHT_EYE].mean(axis=0)]
    return np.stack([*eyes, points[_NOSE], *points[list(_CORNERS)]])


def _lines(points: Points) -> list[str]:
    return [f"{x:.3f}\t{y:.3f}" for x, y in points]


def _box(points: Points, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a face box as people draw it; large faces' boxes leave the picture."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = (high - low) * rng.uniform(0.05, 0.25)
    left, top = low - margin * (1, 1.6)
    right, bottom = high + margin
    return float(left), float(top), float(right), float(bottom)
