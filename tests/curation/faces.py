"""Textured pictures that stand for photographs, and what people do to copies of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Grey: TypeAlias = NDArray[np.uint8]


def photo(number: int, side: int = 112) -> Grey:
    """Shapes, and the grain that no two photographs share."""
    random = np.random.default_rng(number)
    shapes = cv2.resize(random.integers(0, 256, (9, 9), dtype=np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
    grain = cv2.resize(random.normal(0, 25, (side // 2, side // 2)), (side, side), interpolation=cv2.INTER_LINEAR)
    return np.clip(shapes + grain, 0, 255).astype(np.uint8)


def cropped(pixels: Grey) -> Grey:
    """8 % of the side away, not from the middle."""
    height, width = pixels.shape
    return pixels[round(0.02 * height) : round(0.94 * height), round(0.06 * width) : round(0.98 * width)]


def mirrored(pixels: Grey) -> Grey:
    return np.ascontiguousarray(pixels[:, ::-1])


def compressed(pixels: Grey) -> Grey:
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def scaled(factor: float) -> Callable[[Grey], Grey]:
    def scale(pixels: Grey) -> Grey:
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=way), np.uint8)

    return scale


def turned(angle: float) -> Callable[[Grey], Grey]:
    def turn(pixels: Grey) -> Grey:
        height, width = pixels.shape
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
        return np.asarray(
            cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE),
            np.uint8,
        )

    return turn


ATTACKS: dict[str, Callable[[Grey], Grey]] = {
    "as it is": lambda pixels: pixels,
    "JPEG quality 30": compressed,
    "half the size": scaled(0.5),
    "twice the size": scaled(2),
    "cropped by 8 %": cropped,
    "mirrored": mirrored,
    "turned by 3°": turned(3),
    "turned by -3°": turned(-3),
    "cropped and mirrored": lambda pixels: mirrored(cropped(pixels)),
}
