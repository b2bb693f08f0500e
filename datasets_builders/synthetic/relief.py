"""Light on the skin: bulges and folds become one map that the picture is multiplied with."""

from __future__ import annotations

import cv2
import numpy as np

from datasets_builders.synthetic.activation import Activation
from datasets_builders.synthetic.draw import Camera, Canvas, Points, curve
from datasets_builders.synthetic.folds import Bulge, bulges, folds
from datasets_builders.synthetic.geometry import Geometry
from datasets_builders.synthetic.identity import Identity

__all__ = ["shade"]

_STEP = 4  # bulges are soft: their map is computed at every fourth pixel
_DEPTH = 0.54  # share of the light that the darkest fold takes
_TINT = np.array([0.85, 1.0, 1.12])  # light that passed through skin is red, so shadows are warm


def shade(canvas: Canvas, who: Identity, act: Activation, face: Geometry, light: float) -> None:
    """Multiply the picture with the relief of the face, in place.

    Args:
        light: from the picture's left (-1) to its right (1).
    """
    height, width = canvas.image.shape[:2]
    # The same sign must be as visible on dark skin, where a multiplication takes less away.
    contrast = 1.0 + 0.9 * (1.0 - float(np.dot(who.skin, (0.299, 0.587, 0.114))) / 255)

    soft = _soft(bulges(who, act, face), canvas.camera, height // _STEP, width // _STEP, light)
    soft = contrast * np.where(soft > 0, 0.75 * soft, soft)  # fair skin has little room for highlights
    relief = np.maximum(1 + soft[..., None] * _TINT, 0.05).astype(np.float32)
    relief = cv2.resize(relief, (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.multiply(canvas.image, relief, canvas.image, dtype=cv2.CV_8U)

    lines = Canvas(np.full_like(canvas.image, 255), canvas.camera)
    for fold in sorted(folds(who, act, face), key=lambda fold: fold.darkness):
        darkness = _DEPTH * min(1.0, contrast * fold.darkness) * _TINT
        lines.stroke(curve(fold.course), tuple((255 * (1 - darkness)).tolist()), fold.width)
    lines.paint()
    softness = 2 * round(0.012 * canvas.camera.scale) + 1
    cv2.multiply(canvas.image, cv2.GaussianBlur(lines.image, (softness, softness), 0), canvas.image, 1 / 255)


def _soft(found: list[Bulge], camera: Camera, height: int, width: int, light: float) -> Points:
    """Sum of all Gaussian patches on the coarse grid: one matrix product, as each is separable."""
    table = np.array(found)
    centre = camera.pixels(table[:, :2])
    spread = table[:, 2:4] * camera.scale
    across, down = (np.arange(n) * _STEP + (_STEP - 1) / 2 for n in (width, height))
    column = np.exp(-0.5 * ((across - centre[:, :1]) / spread[:, :1]) ** 2)
    row = np.exp(-0.5 * ((down - centre[:, 1:]) / spread[:, 1:]) ** 2)
    patches: Points = (row * table[:, 4:]).T @ column
    aside = (across - camera.centre[0]) / camera.scale
    round_head: Points = 0.10 * np.exp(-((aside - 0.25 * light) ** 2) / 0.3) - 0.06 + 0.16 * light * np.tanh(aside)
    return patches + round_head
