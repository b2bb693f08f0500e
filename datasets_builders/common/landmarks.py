"""Facial landmarks as MATLAB files: one file per picture, key ``pts``, one row of x and y per point.

This reads the one shape of file that landmarks come in (MATLAB 5-7, a real numeric matrix, compressed or not) after
the published description "MAT-File Format". SciPy's reader knows more shapes, but a damaged file can crash the whole
process in it, and one bad landmark file must not cost a run.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facial_r1.errors import InputError

__all__ = ["read_points"]

_HEADER, _MATRIX, _COMPRESSED = 128, 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Element type → NumPy type."""

_LIMIT = 1 << 20
"""Bytes that a compressed matrix may unfold to; 66 points are one kilobyte."""


def read_points(path: Path, key: str = "pts") -> NDArray[np.float64]:
    """The points of one picture: N×2, x and y in pixels, as the file has them (a lost point may be NaN).

    Raises:
        InputError: when the file is no MATLAB file, or ``key`` is no N×2 array of numbers.
    """
    do = "take this file from the official archive again"
    try:
        points = _matrix(path.read_bytes(), key)
    except (OSError, ValueError, struct.error, zlib.error) as error:
        raise InputError(f"this landmark file cannot be read ({error})", path=path, do=do) from None
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InputError("this file holds no landmarks", path=path, found=str(points.shape), expected="N×2", do=do)
    return points


def _matrix(data: bytes, key: str) -> NDArray[np.float64]:
    order = {b"IM": "<", b"MI": ">"}.get(data[_HEADER - 2 : _HEADER])
    if order is None:
        raise ValueError("not a MATLAB 5-7 file")
    for matrix in _matrices(data[_HEADER:], order):
        _, (_, shape), (_, name), *values = _elements(matrix, order)
        if name.rstrip(b"\0") == key.encode():
            return _values(values, np.frombuffer(shape, f"{order}i4"), order)
    raise ValueError(f"no variable {key}")


def _matrices(data: bytes, order: str) -> Iterator[bytes]:
    for kind, content in _elements(data, order):
        packed = kind == _COMPRESSED
        inner = _elements(zlib.decompressobj().decompress(content, _LIMIT), order) if packed else [(kind, content)]
        yield from (matrix for inner_kind, matrix in inner if inner_kind == _MATRIX)


def _values(parts: list[tuple[int, bytes]], shape: NDArray[np.int32], order: str) -> NDArray[np.float64]:
    if len(parts) != 1 or parts[0][0] not in _NUMBERS:
        raise ValueError("not a real matrix of numbers")
    flat = np.frombuffer(parts[0][1], order + _NUMBERS[parts[0][0]])
    return flat.astype(np.float64).reshape(shape.tolist(), order="F")


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element in a row; short contents sit inside their own tag."""
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        if kind >> 16:
            kind, size, start, end = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        else:
            start = place + 8
            end = start + (size if kind == _COMPRESSED else -size % 8 + size)
        if start + size > min(end, len(data)):
            raise ValueError("cut short")
        yield kind, data[start : start + size]
        place = end
