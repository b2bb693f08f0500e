"""FABA-Instruct's landmark files: the numbers that InsightFace's 106-point model gives for a whole picture.

A published file holds 212 numbers, x and y of each point in turn, from −1 (left, top) to 1 (right, bottom) of the
picture: the model sees it stretched to a square. Some copies hold pixels instead, which are larger numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets_builders.common import npy
from facial_r1.errors import InputError
from facial_r1.pictures import PictureError, read_header, read_picture

__all__ = ["points"]

_LIMIT = 1 << 16
"""Bytes of a landmark file that are read; 106 points take one or two kilobytes."""
_RELATIVE = 2.0
"""No coordinate of a model that answers in −1…1 is further out, and no set of points in pixels is so small."""


def points(path: Path, picture: Path) -> NDArray[np.float64] | None:
    """The points of one picture: N×2, x and y in its pixels; None when the size of the picture cannot be told.

    Raises:
        InputError: when the file holds no row of coordinates; a pickle is refused unopened.
    """
    try:
        with open(path, "rb") as handle:
            numbers = npy.numbers(handle.read(_LIMIT))
    except (OSError, ValueError) as error:
        raise InputError(f"this landmark file cannot be read ({error})", path=path) from None
    if not len(numbers) or len(numbers) % 2 or np.iscomplexobj(numbers):
        raise InputError("this file holds no landmarks", path=path, found=f"{len(numbers)} numbers", expected="pairs")
    pairs = numbers.reshape(-1, 2)
    if not np.nanmax(np.abs(pairs), initial=0) <= _RELATIVE:
        return pairs
    try:
        header = read_header(read_picture(picture))
    except PictureError:
        return None  # whoever develops the picture says what is wrong with it
    return (pairs + 1) / 2 * (header.width, header.height)
