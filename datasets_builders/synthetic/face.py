"""The synthetic face: one person showing given Action Units, as a picture and as landmarks.

>>> picture = render(identity(seed=0, index=1), {6: 4, 12: 5}, 224)
>>> picture.shape, picture.dtype
((224, 224, 3), dtype('uint8'))
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np

from datasets_builders.synthetic import geometry as shapes
from datasets_builders.synthetic.activation import RENDERED, Activation
from datasets_builders.synthetic.draw import Camera, Canvas, Image, Points
from datasets_builders.synthetic.features import backdrop, eyes, hair_before, hair_behind, head, mouth, nose_and_brows
from datasets_builders.synthetic.identity import Identity, identity
from datasets_builders.synthetic.relief import shade
from facial_r1.errors import InputError

__all__ = ["RENDERED", "Identity", "identity", "landmarks", "render"]

_WORKING_SIDE = 192  # smaller pictures are drawn larger and averaged down; larger ones are drawn as they are
_SMALLEST = 16


def render(
    who: Identity,
    intensities: Mapping[int, float],
    size: int | tuple[int, int] = 224,
    *,
    sides: Mapping[int, str] | None = None,
    seed: int = 0,
    yaw: float = 0.0,
    grey: bool = False,
) -> Image:
    """Draw ``who`` with the AUs ``intensities``.

    Args:
        who: the person.
        intensities: FACS number → 0-5; no entry means 0.
        size: side of a square picture, or (width, height); the face fills the shorter side.
        sides: FACS number → ``L``, ``R`` (the person's), ``U``, ``T``, ``B`` for AUs that act on one side only.
        seed: another seed is another photograph: the head is held and lit a little differently.
        yaw: degrees the head is turned towards the picture's right (negative: left), within ±30.
        grey: a grey picture instead of RGB.

    Returns:
        uint8, height×width×3 RGB, or height×width. Equal arguments give equal pixels.

    Raises:
        InputError: for an unknown AU or side, or an intensity, size or yaw out of range.
    """
    act = Activation(intensities, sides)
    width, height = _size(size)
    enlarge = math.ceil(_WORKING_SIDE / min(width, height))
    camera, light = _pose(who, act, (width * enlarge, height * enlarge), seed, yaw)
    face = shapes.geometry(who, act)

    canvas = Canvas(backdrop(who, width * enlarge, height * enlarge), camera)
    hair_behind(canvas, who)
    head(canvas, who, face)
    canvas.paint()
    shade(canvas, who, act, face, light)
    eyes(canvas, who, face)
    nose_and_brows(canvas, who, face)
    mouth(canvas, who, act, face)
    hair_before(canvas, who, face)
    canvas.paint()

    image = cv2.convertScaleAbs(canvas.image, alpha=who.exposure)
    if grey:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if enlarge > 1:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(image, dtype=np.uint8)


def landmarks(
    who: Identity,
    intensities: Mapping[int, float],
    size: int | tuple[int, int] = 224,
    *,
    sides: Mapping[int, str] | None = None,
    seed: int = 0,
    yaw: float = 0.0,
    count: int = 68,
) -> Points:
    """The landmarks of the face that :func:`render` draws for the same arguments.

    Args:
        count: 68 (iBUG order) or 66 (without the inner lip corners, as DISFA ships them).

    Returns:
        count×2 pixel coordinates (x, y), pixel centres at whole numbers.

    Raises:
        InputError: as :func:`render`, or for another count.
    """
    if count not in (66, 68):
        raise InputError("unknown landmark scheme", found=count, expected="66 or 68 points")
    act = Activation(intensities, sides)
    camera, _ = _pose(who, act, _size(size), seed, yaw)
    return camera.pixels(shapes.landmarks(shapes.geometry(who, act), count=count))


def _size(size: int | tuple[int, int]) -> tuple[int, int]:
    width, height = (size, size) if isinstance(size, int) else size
    if min(width, height) < _SMALLEST:
        raise InputError("picture too small for a face", found=f"{width}×{height}", expected=f"{_SMALLEST} px or more")
    return width, height


def _pose(who: Identity, act: Activation, size: tuple[int, int], seed: int, yaw: float) -> tuple[Camera, float]:
    """Camera and light of one photograph; head AUs 51-58 come on top of the chance of the moment."""
    if abs(yaw) > 30:
        raise InputError("the face can be turned by 30 degrees at most", found=yaw, expected="-30 to 30")
    rng = np.random.default_rng(np.random.SeedSequence(who.key, spawn_key=(1, seed)))
    roll, turn, nod, dx, dy, zoom, light = rng.uniform(-1, 1, 7)
    side = min(size)
    turned = math.radians(yaw + 3.0 * turn + 22 * (act[51] - act[52]))
    camera = Camera(
        scale=side * 0.388 * (1 + 0.025 * zoom + 0.10 * (act[57] - act[58])),
        centre=(size[0] / 2 + 0.015 * side * dx, size[1] / 2 + side * (0.005 + 0.012 * dy)),
        roll=math.radians(3.5 * roll - 16 * (act[56] - act[55])),
        yaw=turned,
        pitch=math.radians(2.5 * nod + 16 * (act[53] - act[54])),
    )
    return camera, float(np.clip(who.light + 0.25 * light, -1, 1))
