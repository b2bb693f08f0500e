"""A picture, small: 72 × 72 greys, and perceptual hashes of what a cropped or mirrored copy of it would look like.

The hash is the usual 64-bit one of the lowest 8 × 8 coefficients of a cosine transform, without the mean, each bit
telling whether its coefficient is above the median (Zauner 2010). One view is not enough: a crop of 8 % of the side
moves half of the bits, a mirror nearly all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "VIEWS", "Fingerprint", "fingerprint", "fingerprint_of", "hash_of", "look", "look_of"]

SIDE = 72
"""Width and height of the small grey picture, in pixels."""
CROP = 0.06
"""Share of the side that the cropped views leave out."""
_HASHED = 32
_STEP = round(SIDE * CROP)
_LOWEST = np.array([*(y * _HASHED + x for y in range(8) for x in range(8) if y or x), 8 * _HASHED])
"""Where the lowest coefficients lie, row by row; for the mean, the first, stands the next of its column."""
VIEWS: tuple[tuple[int, int, int], ...] = (
    (0, 0, SIDE),
    (_STEP // 2, _STEP // 2, SIDE - _STEP),
    *((y, x, SIDE - _STEP) for y in (0, _STEP) for x in (0, _STEP)),
)
"""Top, left and side of the views that are indexed: the whole, its middle, its four corners."""

Grey = NDArray[np.uint8]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a picture: some hundred bytes.

    Attributes:
        index: uint64, the hash of each of :data:`VIEWS`.
        asked: uint64, the hashes of the whole and of its mirror.
        contrast: standard deviation of the greys, 0-128; 0 for one even grey.
    """

    index: Hashes
    asked: Hashes
    contrast: float


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a picture file; raises :class:`PictureError` for what is none."""
    return fingerprint_of(look(path))


def fingerprint_of(grey: Grey) -> Fingerprint:
    """The fingerprint of a small grey picture, see :func:`look`."""
    index = [hash_of(grey[top : top + side, left : left + side]) for top, left, side in VIEWS]
    asked = [index[0], hash_of(grey[:, ::-1])]
    return Fingerprint(np.array(index, np.uint64), np.array(asked, np.uint64), float(grey.std()))


def look(path: Path) -> Grey:
    """Read a picture as 72 × 72 greys; a JPEG is decoded at the least size that suffices.

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
    """Grey pixels of any size as 72 × 72."""
    import cv2

    shrinks = min(pixels.shape) >= SIDE
    grey = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.ascontiguousarray(grey, np.uint8)


def hash_of(view: Grey) -> np.uint64:
    """The perceptual hash of grey pixels of any size."""
    import cv2

    small = cv2.resize(np.ascontiguousarray(view), (_HASHED, _HASHED), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))
    lowest = waves.ravel()[_LOWEST]
    middle = np.partition(lowest, 31)[31]  # above it is what is above the median: the mean of it and the next
    return np.uint64(np.packbits(lowest > middle).view(np.uint64)[0])
