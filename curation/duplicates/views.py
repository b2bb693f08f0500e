"""What a cropped, turned or mirrored copy of a picture would look like: its views, their hashes, their tangents.

Everything here is linear in the 32 × 32 greys of a picture, hence a constant matrix: 13 hashes cost 20 µs.

The hash of a view has 64 bits, the signs of the lowest coefficients of its cosine transform without the mean. A mirror
changes the signs of the coefficients of odd horizontal frequency and no others, so that the hash of the mirrored
picture is known without making it.

Between the views lie crops and turns that no view shows exactly. A small shift, stretch, shear or turn changes a
picture along its gradient (the tangent distance of Simard et al. 1993): the low frequencies of a copy lie close to what
the view and its six derivatives span, those of another face, however alike, do not.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MIRRORED", "SMALL", "VIEWS", "features", "hashes", "mirrored_features", "placement", "tangents"]

SMALL = 32
"""Width and height of the greys that are hashed, in pixels."""
BITS = 64

VIEWS: tuple[tuple[float, float, float, float], ...] = (
    (1.0, 0.0, 0.0, 0.0),
    *((0.935, top, left, 0.0) for top in (0.0, 0.5, 1.0) for left in (0.0, 0.5, 1.0)),
    (0.87, 0.5, 0.5, 0.0),
    (1.0, 0.0, 0.0, 2.0),
    (1.0, 0.0, 0.0, -2.0),
)
"""Share of the sides that is kept; where it lies, 0 at the upper or left end to 1; and the turn, in degrees.

Crops of 5-8 % leave 0.92-0.95 of the sides somewhere; cutting 5-8 % off all four leaves about 0.87 in the middle.
"""

Numbers = NDArray[np.float32]
Hashes = NDArray[np.uint64]

_WAVES = np.array([np.cos(np.pi * f * (np.arange(SMALL) + 0.5) / SMALL) for f in range(12)]) * np.sqrt(2 / SMALL)
_BY_FREQUENCY = sorted(((y, x) for y in range(12) for x in range(12)), key=lambda at: (at[0] ** 2 + at[1] ** 2, at))
_HASHED = np.array(_BY_FREQUENCY[1 : BITS + 1]).T
_BAND = np.array([at for at in _BY_FREQUENCY[1:] if np.hypot(*at) < 8]).T
_WEIGHT = np.hypot(*_BAND)  # of natural pictures all frequencies then weigh about the same
_SIGNS = np.where(_BAND[1] % 2, -1, 1).astype(np.float32)
_SPANNED = 7  # the view and its six derivatives
_RIDGE = 1e-3
"""Of the tangents' Gram matrix: derivatives of an even picture are no directions."""


def hashes(smalls: NDArray[np.uint8]) -> Hashes:
    """The hash of each view: uint64 of shape (13, n) for pictures of shape (n, 32, 32)."""
    signs = _flat(smalls) @ _hashing() > 0
    packed = np.packbits(signs, axis=1, bitorder="little").view(np.uint64)
    return np.ascontiguousarray(packed.T)


def _pack(bits: NDArray[np.bool_]) -> np.uint64:
    return np.uint64(np.packbits(bits, bitorder="little").view(np.uint64)[0])


MIRRORED = _pack(_HASHED[1] % 2 == 1)
"""What a mirror changes of a hash."""


def features(smalls: NDArray[np.uint8]) -> Numbers:
    """The low frequencies of whole pictures, float32 of shape (n, 55), each of length 1."""
    found = _flat(smalls) @ _banding()
    return np.asarray(found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-6), np.float32)


def mirrored_features(found: Numbers) -> Numbers:
    """What :func:`features` gives for the mirrored pictures."""
    return found * _SIGNS


def tangents(smalls: NDArray[np.uint8], view: int) -> Numbers:
    """What the copies around a view span, float32 of shape (n, 7, 55), the seven orthonormal.

    The length of the projection of :func:`features` on it is a correlation, 0 to 1.
    """
    spans = (_flat(smalls) @ _spanning(view)).reshape(len(smalls), _SPANNED, -1)
    spans /= np.linalg.norm(spans, axis=2, keepdims=True) + 1e-6
    gram = spans @ spans.transpose(0, 2, 1) + np.eye(_SPANNED, dtype=np.float32) * np.float32(_RIDGE)
    return np.asarray(np.linalg.solve(np.linalg.cholesky(gram), spans), np.float32)


def placement(view: int, side: int) -> Numbers:
    """Where the pixels of a view lie in the whole picture: the 2 × 3 map of coordinates, both of ``side`` pixels."""
    keep, top, left, angle = VIEWS[view]
    middle, cosine, sine = (side - 1) / 2, np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[cosine, -sine], [sine, cosine]]) * keep
    centre = np.array([left, top]) * (1 - keep) * side + keep * side / 2 - 0.5
    return np.hstack([turn, (centre - turn @ (middle, middle))[:, None]]).astype(np.float32)


def _flat(smalls: NDArray[np.uint8]) -> Numbers:
    """Without the mean, so that an even picture is nothing but zeros, however sums are rounded."""
    flat = smalls.reshape(len(smalls), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat


def _waves(frequencies: NDArray[np.int64]) -> NDArray[np.float64]:
    """The two-dimensional cosines of these frequencies, of shape (n, 32, 32)."""
    return np.asarray(_WAVES[frequencies[0], :, None] * _WAVES[frequencies[1], None, :])


def _seen(view: int, weights: NDArray[np.float64]) -> Numbers:
    """Weights of the pixels of a view, of shape (n, 32, 32), as weights of those of the whole picture: (1024, n)."""
    import cv2

    keep, top, left, angle = VIEWS[view]
    if angle:
        warp: Any = placement(view, SMALL)
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        dots = np.eye(SMALL * SMALL, dtype=np.float32).reshape(-1, SMALL, SMALL)
        shown = [cv2.warpAffine(dot, warp, (SMALL, SMALL), flags=how, borderMode=cv2.BORDER_REPLICATE) for dot in dots]
        flat = np.reshape(shown, (len(dots), -1)) @ weights.reshape(len(weights), -1).T
    else:
        flat = (_window(keep, top).T @ weights @ _window(keep, left)).reshape(len(weights), -1).T
    return np.ascontiguousarray(flat, np.float32)


def _window(keep: float, at: float) -> NDArray[np.float64]:
    """Which pixels of a line each pixel of its window averages, as a resize does, and with what weight."""
    edges = np.linspace(0, keep * SMALL, SMALL + 1) + at * (1 - keep) * SMALL
    cells = np.arange(SMALL)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    overlap = overlap.clip(0)
    return np.asarray(overlap / overlap.sum(1, keepdims=True))


@cache
def _hashing() -> Numbers:
    waves = _waves(_HASHED)
    return np.hstack([_seen(view, waves) for view in range(len(VIEWS))])


@cache
def _banding() -> Numbers:
    return _seen(0, _waves(_BAND) * _WEIGHT[:, None, None])


@cache
def _spanning(view: int) -> Numbers:
    waves = _waves(_BAND) * _WEIGHT[:, None, None]
    slope: NDArray[np.float64] = np.asarray(np.gradient(np.eye(SMALL), axis=0))
    # What the waves say of slope @ picture, slope.T @ waves say of the picture.
    across = (np.arange(SMALL) - (SMALL - 1) / 2) / (SMALL / 2)
    moved = (waves, waves * across, waves * across[:, None])
    return _seen(view, np.concatenate([waves, *(part @ slope for part in moved), *(slope.T @ part for part in moved)]))
