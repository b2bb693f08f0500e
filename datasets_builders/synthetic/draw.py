"""Curves and strokes: the few drawing operations the face is made of.

All shapes are given in *face units* (origin between nose root and nose tip, x to the right of the picture, y down,
1 unit ≈ eye line to chin) and go through one :class:`Camera` into the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["Camera", "Canvas", "Colour", "Image", "Points", "between", "curve", "ellipse", "mirrored", "mix"]

Points = npt.NDArray[np.float64]
"""n×2 coordinates (x, y), in face units or in pixels."""

Image = npt.NDArray[np.uint8]
"""H×W×3 RGB or H×W grey, 0-255."""

Colour = tuple[float, ...]
"""RGB, 0-255; one number for a grey picture."""

_SHIFT = 4  # cv2 draws at 1/16 pixel, so a small movement moves the edge a little instead of not at all


@lru_cache(maxsize=64)
def _catmull_rom(count: int, closed: bool, steps: int) -> Points:
    """Matrix that turns ``count`` control points into samples of the Catmull-Rom spline through them."""
    segments = count if closed else count - 1
    weights = np.zeros((segments * steps + (not closed), count))
    for row in range(len(weights)):
        segment, t = min(row // steps, segments - 1), 0.0
        t = row / steps - segment
        basis = (
            -0.5 * t + t**2 - 0.5 * t**3,
            1 - 2.5 * t**2 + 1.5 * t**3,
            0.5 * t + 2 * t**2 - 1.5 * t**3,
            -0.5 * t**2 + 0.5 * t**3,
        )
        for offset, weight in zip(range(-1, 3), basis, strict=True):
            at = segment + offset
            weights[row, at % count if closed else min(max(at, 0), count - 1)] += weight
    return weights


def curve(points: Sequence[tuple[float, float]] | Points, *, closed: bool = False, steps: int = 5) -> Points:
    """A smooth curve through ``points``, ``steps`` samples for each stretch."""
    control = np.asarray(points, dtype=np.float64)
    return _catmull_rom(len(control), closed, steps) @ control


_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 24, False)), np.sin(np.linspace(0, 2 * np.pi, 24, False))], axis=1)


def ellipse(x: float, y: float, rx: float, ry: float) -> Points:
    """The outline of an upright ellipse."""
    return _CIRCLE * (rx, ry) + (x, y)


def mirrored(half: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """``half``, from the middle line (x = 0) outwards on the picture's right, completed to the left: left to right."""
    left = [(-x, y) for x, y in reversed(half) if x]
    return [*left, *half]


def between(first: Points, second: Points) -> Points:
    """The outline of the area between two lines that run the same way."""
    return np.concatenate([first, second[::-1]])


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """``first`` with a ``share`` (0-1) of ``second``."""
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))


@dataclass(frozen=True, slots=True)
class Camera:
    """From face units to pixels: a turned, nodding and tilted head seen from the front without perspective.

    Attributes:
        scale: pixels in one face unit.
        centre: pixel (x, y) of the face's origin.
        roll, yaw, pitch: radians; positive roll turns clockwise in the picture, positive yaw turns the nose to the
            picture's right, positive pitch lifts the face.
    """

    scale: float
    centre: tuple[float, float]
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0

    def pixels(self, points: Points) -> Points:
        """Pixel coordinates of ``points``."""
        x, y = points[:, 0], points[:, 1]
        # An upright barrel is depth enough: the middle of the face moves more than its outline, the shoulders stay.
        depth = 0.62 * np.sqrt(np.maximum((1 - (x / 0.85) ** 2) * np.maximum(1 - y * y / 1.5, 0), 0))
        x = x * math.cos(self.yaw) + depth * math.sin(self.yaw)
        y = y * math.cos(self.pitch) - depth * math.sin(self.pitch)
        cos, sin = math.cos(self.roll) * self.scale, math.sin(self.roll) * self.scale
        seen = np.empty_like(points)
        seen[:, 0] = cos * x - sin * y + self.centre[0]
        seen[:, 1] = sin * x + cos * y + self.centre[1]
        return seen


class Canvas:
    """A picture with the camera that looks at the face; draws shapes given in face units, with smooth edges.

    Shapes are queued and drawn by :meth:`paint` in the order they came: looking at all of them through the camera at
    once is several times faster than one by one.
    """

    def __init__(self, image: Image, camera: Camera) -> None:
        self.image = image
        self.camera = camera
        self._queue: list[tuple[Points, Colour, int]] = []

    def fill(self, shape: Points, colour: Colour) -> None:
        """Fill a polygon."""
        self._queue.append((shape, colour, 0))

    def stroke(self, line: Points, colour: Colour, width: float) -> None:
        """Draw an open line ``width`` face units wide, at least one pixel."""
        self._queue.append((line, colour, max(1, round(width * self.camera.scale))))

    def paint(self) -> None:
        """Draw what is queued."""
        if not self._queue:
            return
        pixels = self.camera.pixels(np.concatenate([shape for shape, _, _ in self._queue]))
        fixed = np.rint(pixels * (1 << _SHIFT)).astype(np.int32)
        start = 0
        for shape, colour, width in self._queue:
            points = fixed[start : start + len(shape)]
            start += len(shape)
            if width:
                cv2.polylines(self.image, [points], False, colour, width, cv2.LINE_AA, _SHIFT)
            else:
                cv2.fillPoly(self.image, [points], colour, cv2.LINE_AA, _SHIFT)
        self._queue.clear()
