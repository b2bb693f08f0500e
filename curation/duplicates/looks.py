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

HASHED_SIDE = 48
"""Pixels a side that suffice for the hash, whose frequencies are far lower: a JPEG of 224 is decoded at a quarter."""

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
    return fingerprint_of(look_of(_greys(path, HASHED_SIDE)))


def fingerprint_of(grey: Grey) -> Fingerprint:
    """The fingerprint of a grey picture, see :func:`look`."""
    import cv2

    small = cv2.resize(grey, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    return Fingerprint(np.asarray(small, np.uint8), float(cv2.meanStdDev(grey)[1].item()))


def look(path: Path) -> Grey:
    """Read a picture as 64 × 64 greys; raises :class:`PictureError` for what is none."""
    return look_of(_greys(path, SIDE))


def _greys(path: Path, least: int) -> Grey:
    """The greys of a picture; a JPEG is decoded at the smallest size with at least ``least`` pixels a side."""
    import cv2

    from facial_r1.pictures import decode_picture, read_header, read_picture  # OpenCV behind it is heavy

    data = read_picture(path)
    header = read_header(data, path=path)
    spare = min(header.width, header.height) // least
    flag = {1: cv2.IMREAD_REDUCED_GRAYSCALE_2, 2: cv2.IMREAD_REDUCED_GRAYSCALE_4, 3: cv2.IMREAD_REDUCED_GRAYSCALE_8}
    steps = min(3, max(0, spare.bit_length() - 1))
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag.get(steps, cv2.IMREAD_GRAYSCALE))
    except cv2.error:
        pixels = None
    if pixels is None:  # decoding it whole says what is wrong, where anything is
        whole = decode_picture(data, header, path=path)
        pixels = whole if whole.ndim == 2 else cv2.cvtColor(whole, cv2.COLOR_RGB2GRAY)
    return np.asarray(pixels, np.uint8)


def look_of(pixels: Grey) -> Grey:
    """Grey pixels of any size as 64 × 64."""
    import cv2

    shrinks = min(pixels.shape) >= SIDE
    grey = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.ascontiguousarray(grey, np.uint8)
