"""A picture, small: 64 × 64 greys to lay over another picture, and 32 × 32 to find the other picture by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.duplicates.views import SMALL

__all__ = ["SIDE", "Fingerprint", "Grey", "fingerprint", "fingerprint_of", "look", "look_of"]

SIDE = 64
"""Width and height of the grey picture, in pixels."""

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a picture: one kilobyte.

    Attributes:
        small: uint8 of shape (32, 32).
        contrast: standard deviation of the greys, 0-128; 0 for one even grey.
    """

    small: Grey
    contrast: float


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a picture file; raises :class:`PictureError` for what is none."""
    return fingerprint_of(look(path))


def fingerprint_of(grey: Grey) -> Fingerprint:
    """The fingerprint of a grey picture, see :func:`look`."""
    import cv2

    small = cv2.resize(grey, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    return Fingerprint(np.asarray(small, np.uint8), float(cv2.meanStdDev(grey)[1].item()))


def look(path: Path) -> Grey:
    """Read a picture as 64 × 64 greys; a JPEG is decoded at the least size that suffices.

    Raises:
        PictureError: for a file that is no picture.
    """
    import cv2

    from facial_r1.pictures import read_header, read_picture  # OpenCV behind it is heavy

    data = read_picture(path)
    header = read_header(data, path=path)
    spare = min(header.width, header.height) // SIDE
    flag = {1: cv2.IMREAD_REDUCED_GRAYSCALE_2, 2: cv2.IMREAD_REDUCED_GRAYSCALE_4, 3: cv2.IMREAD_REDUCED_GRAYSCALE_8}
    steps = min(3, max(0, spare.bit_length() - 1))
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag.get(steps, cv2.IMREAD_GRAYSCALE))
    if pixels is None:  # a format that OpenCV does not read, but Pillow does
        from facial_r1.pictures import load_picture

        pixels = load_picture(data)
        pixels = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return look_of(np.asarray(pixels, np.uint8))


def look_of(pixels: Grey) -> Grey:
    """Grey pixels of any size as 64 × 64."""
    import cv2

    shrinks = min(pixels.shape) >= SIDE
    grey = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.ascontiguousarray(grey, np.uint8)
