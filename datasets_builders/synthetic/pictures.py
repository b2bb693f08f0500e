"""From a row's truth to pixels: the faces that a worker draws, and the files that hold them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from datasets_builders.synthetic.draw import Image
from datasets_builders.synthetic.face import render
from datasets_builders.synthetic.identity import identity
from datasets_builders.synthetic.population import express, expression
from facial_r1.files import write_batch

__all__ = ["Face", "Image", "draw", "jpeg", "paste", "scene", "write_files"]


@dataclass(frozen=True, slots=True)
class Face:
    """One face to draw.

    Attributes:
        people: the seed of the corpus' faces, ``Order.people``.
        person: which of them.
        emotion: a canonical noun; an expression of it is drawn by lot when there are no ``codes``.
        codes: the Action Units as corpora write them, such as ``L10``.
    """

    people: int
    person: int
    emotion: str | None = None
    codes: tuple[str, ...] | None = None


def draw(face: Face, size: int | tuple[int, int], *, grey: bool = False) -> Image:
    """The face as a picture of ``size`` (side, or width and height) pixels."""
    who = identity(face.people, face.person)
    rng = np.random.default_rng([face.people, face.person])
    shown = expression(rng, emotion=face.emotion) if face.codes is None else express(face.codes, rng)
    return render(who, shown.intensities, size, sides=shown.sides, seed=face.person, grey=grey)


def jpeg(pixels: Image, quality: int = 92) -> bytes:
    """The pixels as a JPEG file."""
    stored = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    return cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def scene(rng: np.random.Generator, width: int, height: int) -> Image:
    """An RGB picture of nothing in particular: what stands behind the faces of a photograph."""
    coarse = (rng.integers(60, 196, 3) + rng.integers(-30, 30, (3, 4, 1))).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def paste(picture: Image, patch: Image, left: int, top: int) -> None:
    """Put ``patch`` into ``picture`` with its upper left corner at (left, top) >= 0; what sticks out is cut off."""
    room = picture[top : top + patch.shape[0], left : left + patch.shape[1]]
    room[:] = patch[: room.shape[0], : room.shape[1]]


def write_files(out: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write (name below ``out``, content) pairs, each file whole or not at all, a thousand to one barrier."""
    source = iter(files)
    while batch := dict(islice(source, 1000)):
        write_batch(out, batch)
