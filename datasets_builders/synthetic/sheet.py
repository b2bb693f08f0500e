"""Pictures side by side, for the README and for looking at what the renderer does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datasets_builders.synthetic.draw import Image
from facial_r1.errors import InputError

__all__ = ["sheet"]


def sheet(images: Sequence[Image], columns: int, gap: int = 4) -> Image:
    """Equal-sized pictures in rows of ``columns``, ``gap`` white pixels between them.

    Raises:
        InputError: for no picture, pictures of different sizes or less than one column.
    """
    if not images or columns < 1 or len({image.shape for image in images}) != 1:
        raise InputError("a sheet needs pictures of one size and at least one column", found=len(images))
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, *images[0].shape[2:])
    page = np.full(shape, 255, dtype=np.uint8)
    for at, image in enumerate(images):
        y, x = at // columns * (height + gap), at % columns * (width + gap)
        page[y : y + height, x : x + width] = image
    return page
