"""How active Action Units are over time: episodes of expressions over a slow unrest, as spontaneous faces show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["activity"]

_LONGEST, _SHORTEST = 60, 8
"""Frames of a usual episode; in short sequences a fifth of them."""


def activity(
    rng: np.random.Generator, frames: int, aus: Sequence[int], combinations: Sequence[Sequence[int]]
) -> npt.NDArray[np.float64]:
    """frames × AUs, without unit: ranked over many frames it gives any wanted number of positives, in smooth runs.

    Args:
        rng: all chance comes from here.
        frames: length of the sequence.
        aus: the FACS numbers of the columns.
        combinations: what an episode may be; one is drawn for each, its AUs rise and fall together.
    """
    length = min(_LONGEST, max(_SHORTEST, frames // 5))
    window = np.hanning(2 * (length // 2) + 1)
    noise = rng.normal(0, 0.1, (frames + len(window) - 1, len(aus)))
    unrest = [np.convolve(column, window / np.linalg.norm(window), "valid") for column in noise.T]
    found = np.stack(unrest, axis=1)
    for _ in range(frames * 5 // (4 * length) + 1):
        units = combinations[int(rng.integers(len(combinations)))]
        start, last = rng.integers(-length // 2, frames), length * rng.uniform(0.6, 1.4)
        course = np.interp((np.arange(frames) - start) / last, (0, 0.3, 0.6, 1), (0, 1, 1, 0))
        strength = rng.uniform(0.5, 1)
        for column, au in enumerate(aus):
            if au in units:
                found[:, column] += course * strength * rng.uniform(0.7, 1.3)
    return found
