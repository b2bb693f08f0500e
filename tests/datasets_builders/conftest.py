"""Fixtures for the builders: tiny videos whose frames tell their own number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

BITS, BLOCK = 12, 16


def _picture(number: int) -> NDArray[np.uint8]:
    """A 64×48 picture that shows ``number`` as 12 black or white blocks, the lowest bit first."""
    bits = [(number >> bit & 1) * 255 for bit in range(BITS)]
    grey = np.array(bits, np.uint8).reshape(3, 4).repeat(BLOCK, 0).repeat(BLOCK, 1)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.fixture
def number_in() -> Callable[[NDArray[np.uint8]], int]:
    """Read the number back out of a decoded picture."""

    def read(pixels: NDArray[np.uint8]) -> int:
        blocks = pixels.mean(axis=2).reshape(3, BLOCK, 4, BLOCK).mean(axis=(1, 3)).ravel()
        return sum(1 << bit for bit in range(BITS) if blocks[bit] > 128)

    return read


@pytest.fixture
def write_video() -> Callable[..., Path]:
    """Write ``frames`` numbered pictures (0, 1, 2, …) to a real AVI file."""

    def write(path: Path, frames: int, codec: str = "mpeg4", fill: tuple[int, int, int] | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=20)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for number in range(frames):
                pixels = _picture(number) if fill is None else np.full((48, 64, 3), fill, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write
