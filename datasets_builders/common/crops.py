"""Cutting the face out of a picture: boxes, landmark squares and shrinking. Boxes are (left, top, right, bottom)."""

from __future__ import annotations

from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facial_r1.pictures import Pixels

__all__ = ["LANDMARK_MARGINS", "Box", "clip_box", "crop_to", "landmark_square", "shrink"]

Box: TypeAlias = tuple[int, int, int, int]

LANDMARK_MARGINS: tuple[tuple[int, float], ...] = ((5, 1.0), (59, 0.45), (1000, 0.2))
"""Room on each side of the landmarks, as a fraction of their larger extent, for sets of at most so many points.

Forehead wrinkles (AU1, AU2), the chin boss (AU17) and the jaw (AU26, AU27) must be in the picture. Five points are
eyes, nose and mouth corners; sets of 37 or 49 end at the brows and the lower lip; larger ones follow the jaw line.
"""


def clip_box(box: Box, width: int, height: int) -> Box | None:
    """The part of ``box`` inside a picture of ``width`` × ``height`` pixels, or None when nothing of it is."""
    left, top, right, bottom = box
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def landmark_square(points: NDArray[np.floating]) -> Box | None:
    """The square around landmarks (N×2, x and y in pixels) with its margin; it may reach beyond the picture.

    Points that are not finite (a tracker's way to say *lost*) are left out; None when fewer than two are left.
    """
    finite = points[np.isfinite(points).all(axis=1)]
    if len(finite) < 2:
        return None
    margin = next((room for most, room in LANDMARK_MARGINS if len(points) <= most), LANDMARK_MARGINS[-1][1])
    low, high = finite.min(axis=0), finite.max(axis=0)
    half = float((high - low).max()) * (0.5 + margin)
    x, y = (float(value) for value in (low + high) / 2)
    return (round(x - half), round(y - half), round(x + half), round(y + half))


def crop_to(pixels: Pixels, box: Box) -> Pixels:
    """The pixels inside a box that was clipped to the picture."""
    left, top, right, bottom = box
    return pixels[top:bottom, left:right]


def shrink(pixels: Pixels, max_side: int | None) -> Pixels:
    """Shrink (by area averaging) until the longer side is ``max_side``; smaller pictures are never enlarged."""
    height, width = pixels.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return pixels
    scale = max_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cast("Pixels", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
