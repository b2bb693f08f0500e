"""Whether two pictures are one: one is laid over the other, then their fine structure is compared.

Faces are alike in their greys (dark brows, light cheeks), so correlating greys says little. What is left of them after
a blur is taken away, hairs, wrinkles and grain, is a picture's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.duplicates.looks import SIDE, Grey

__all__ = ["similarity"]

PATCH = 52
"""Side of the middle of one picture that is looked for in the other."""
SCALES = (1.0, 0.94, 0.88, 1.06, 1.13)
ANGLES = (0, -3, 3)
"""Degrees."""
HOPELESS = 0.5
"""Below this correlation of greys without rotation nothing is tried further."""
BLUR = 4.0
"""Standard deviation of the blur that is taken away, in pixels."""
EDGE = 4

Matrix = NDArray[np.float32]


def similarity(first: Grey, second: Grey) -> float:
    """Correlation of the fine structure of two small pictures once they are aligned, -1 to 1.

    Args:
        first, second: :attr:`curation.duplicates.looks.Look.grey`.
    """
    import cv2

    best, place, warp, turned = -1.0, (0, 0), np.eye(2, 3, dtype=np.float32), second
    for mirrored in (False, True):
        other = np.ascontiguousarray(second[:, ::-1]) if mirrored else second
        for angle in ANGLES:
            if angle and best < HOPELESS:
                continue
            for scale in SCALES:
                found, spot, matrix = _place(first, other, angle, scale)
                if found > best:
                    best, place, warp, turned = found, spot, matrix, other
    if best < HOPELESS:
        return _fine(first, cv2.resize(turned, (SIDE, SIDE)), (0, 0))
    return max(
        _fine(first, _laid(turned, warp), place),
        _fine(first, _laid(turned, _refined(first, turned, warp, place)), place),
    )


def _place(first: Grey, other: Grey, angle: int, scale: float) -> tuple[float, tuple[int, int], Matrix]:
    """The best spot for the middle of ``other``, turned and scaled; and the map from ``first`` to ``other``."""
    import cv2

    middle = SIDE / 2
    turn: Any = cv2.getRotationMatrix2D((middle, middle), angle, 1)
    moved = cv2.warpAffine(other, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE) if angle else other
    side = round(SIDE * scale)
    scaled = cv2.resize(moved, (side, side), interpolation=cv2.INTER_AREA)
    edge = (side - PATCH) // 2
    match = cv2.matchTemplate(first, scaled[edge : edge + PATCH, edge : edge + PATCH], cv2.TM_CCOEFF_NORMED)
    _, value, _, (left, top) = cv2.minMaxLoc(match)
    back = np.linalg.inv(np.vstack([turn, [0, 0, 1]]))
    shift = np.array([[1 / scale, 0, (edge - left) / scale], [0, 1 / scale, (edge - top) / scale], [0, 0, 1]])
    return float(value), (int(left), int(top)), (back @ shift)[:2].astype(np.float32)


def _refined(first: Grey, other: Grey, warp: Matrix, place: tuple[int, int]) -> Matrix:
    """The map made exact to a fraction of a pixel (Evangelidis & Psarakis 2008), or as it was where that fails."""
    import cv2

    left, top = place
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[top : top + PATCH, left : left + PATCH] = 255
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-4)
    try:
        _, better = cv2.findTransformECC(first, other, warp.copy(), cv2.MOTION_AFFINE, stop, mask, 3)
    except cv2.error:  # it does not converge on pictures that have nothing in common
        return warp
    return np.asarray(better, np.float32)


def _laid(other: Grey, warp: Matrix) -> Grey:
    import cv2

    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(other, warp, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _fine(first: Grey, laid: Grey, place: tuple[int, int]) -> float:
    left, top = place
    part = (slice(top + EDGE, top + PATCH - EDGE), slice(left + EDGE, left + PATCH - EDGE))
    one, two = (_without_blur(picture)[part].ravel() for picture in (first, laid))
    if one.std() < 1e-6 or two.std() < 1e-6:  # without any structure nothing can be told
        return 0.0
    return float(np.corrcoef(one, two)[0, 1])


def _without_blur(picture: Grey) -> NDArray[np.float32]:
    import cv2

    sharp = picture.astype(np.float32)
    return np.asarray(sharp - cv2.GaussianBlur(sharp, (0, 0), BLUR), np.float32)
