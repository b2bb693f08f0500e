"""The landmarks of a whole sequence in one MATLAB 7.3 file: ``fit(n).pred`` is a matrix of points for picture *n*.

MATLAB 7.3 files are HDF5, a format with too many parts to read it by hand as :mod:`datasets_builders.common.landmarks`
does with the older one. A picture without a face has an empty matrix.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facial_r1.errors import InputError

__all__ = ["read_track"]

_KEY = "fit/pred"
_MOST = 1000
"""Numbers that the points of one picture may have; 49 points have 98."""

_LONGEST = 1_000_000
"""Pictures that a file may speak of; a sequence has about 1,200. A damaged size must not ask for all memory."""


def read_track(path: Path, places: Collection[int]) -> dict[int, NDArray[np.float64]]:
    """The points of some pictures (counted from 0): N×2 each, x and y in pixels; pictures without points are left out.

    Raises:
        InputError: when the file is no whole MATLAB 7.3 file, or has no ``fit.pred``.
    """
    import h5py

    found: dict[int, NDArray[np.float64]] = {}
    try:
        with h5py.File(path, "r") as file:
            if file[_KEY].size > _LONGEST:
                raise ValueError(f"it speaks of {file[_KEY].size:,} pictures")
            references = file[_KEY][()].ravel()
            for place in places:
                if 0 <= place < len(references) and (points := _points(file[references[place]])) is not None:
                    found[place] = points
    except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        what = f"this landmark file cannot be read ({error})"
        expected = "a MATLAB 7.3 file with fit.pred, one N×2 matrix for each picture"
        do = "take this file from the official archive again"
        raise InputError(what, path=path, expected=expected, do=do) from None
    return found


def _points(matrix: object) -> NDArray[np.float64] | None:
    """The points of one picture. MATLAB writes columns first: an N×2 matrix arrives as 2×N, an empty one as [0 0]."""
    shape: tuple[int, ...] = getattr(matrix, "shape", ())
    if len(shape) != 2 or shape[0] != 2 or not 2 < shape[0] * shape[1] <= _MOST:
        return None
    return np.asarray(matrix, dtype=np.float64).T
