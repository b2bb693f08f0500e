"""Whether two pictures are one: one is laid over the other exactly, then their greys are compared, pixel by pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.duplicates.looks import SIDE, Grey
from curation.duplicates.views import placement

__all__ = ["similarity"]

STEPS, PRECISION = 25, 1e-4
"""Of the alignment: it begins within a pixel or two of its end."""
ALIGNED, COMPARED = 1.0, 2.0
"""Standard deviations of the blurs before aligning and before comparing, in pixels of 64.

The second is wide: compression and a smaller size change the finest structure and nothing else, while another
expression, or another drawing of the same kind, differs in what remains.
"""
EDGE = 2
LEAST_COMMON = 0.4
"""Share of the picture that both must show."""

Greys = NDArray[np.float32]


def similarity(asked: Grey, viewed: Grey, view: int, *, mirrored: bool) -> float:
    """The correlation of two pictures where they overlap, -1 to 1; 0 where they cannot be laid over one another.

    The alignment is affine and maximises the correlation itself (Evangelidis & Psarakis 2008).

    Args:
        asked, viewed: uint8 of shape (64, 64), see :func:`curation.duplicates.looks.look`.
        view, mirrored: where the alignment begins, see :class:`curation.duplicates.candidates.Candidate`.
    """
    import cv2

    one, two = (picture.astype(np.float32) for picture in (asked, viewed))
    if mirrored:
        one = np.ascontiguousarray(one[:, ::-1])
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, PRECISION)
    start = placement(view, SIDE)
    try:
        sharp, other = (cv2.GaussianBlur(picture, (0, 0), ALIGNED) for picture in (one, two))
        _, warp = cv2.findTransformECC(sharp, other, start, cv2.MOTION_AFFINE, stop, None, 3)
    except cv2.error:  # it does not converge on pictures that have nothing in common
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(two, warp, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    common = cv2.warpAffine(np.ones_like(two), warp, (SIDE, SIDE), flags=flags) > 0.99
    common[:EDGE], common[-EDGE:], common[:, :EDGE], common[:, -EDGE:] = False, False, False, False
    if common.mean() < LEAST_COMMON:
        return 0.0
    return _correlation(*(cv2.GaussianBlur(picture, (0, 0), COMPARED)[common] for picture in (one, laid)))


def _correlation(one: Greys, two: Greys) -> float:
    one, two = one - one.mean(), two - two.mean()
    size = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float(one @ two) / size if size > 1e-3 else 0.0  # without any structure nothing can be told
