"""What the skin shows: bulges and hollows (soft) and furrows and folds (lines), AU by AU.

The moved brows, lids and lips of geometry.py are half of an Action Unit; these signs are the other half, and the
ones that tell AUs on one place apart (crow's feet for 6, dimple for 14, wrinkled chin for 17, ...). What is there
without any AU comes from the skull and from age. All lengths in face units (draw.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from datasets_builders.synthetic.activation import SIDES, Activation
from datasets_builders.synthetic.draw import Points
from datasets_builders.synthetic.geometry import EYE_LINE, Geometry
from datasets_builders.synthetic.identity import Identity

__all__ = ["Bulge", "Fold", "bulges", "folds"]


class Bulge(NamedTuple):
    """A Gaussian patch of light (amplitude > 0) or shade (< 0): centre, standard deviations, share of the light."""

    x: float
    y: float
    sx: float
    sy: float
    amplitude: float


class Fold(NamedTuple):
    """A dark line in the skin: points of its course, darkness 0-1 and width."""

    course: Sequence[tuple[float, float]] | Points
    darkness: float
    width: float = 0.014


def bulges(who: Identity, act: Activation, face: Geometry) -> list[Bulge]:
    """The relief of the skin: the resting skull first, then what the AUs add."""
    found = [*_skull(who, face), *_lip_and_chin_bulges(act, face)]
    for side in SIDES:
        found += _side_bulges(act, face, side)
    return [bulge for bulge in found if bulge.amplitude]


def _skull(who: Identity, face: Geometry) -> Iterator[Bulge]:
    yield Bulge(0.0, -0.52, 0.34, 0.16, 0.10)
    yield Bulge(0.0, 0.02, 0.035, 0.16, 0.13)
    yield Bulge(0.0, face.nose_tip[1] - 0.06, 0.05, 0.045, 0.15)
    yield Bulge(0.0, float(face.mouth.top[12, 1]) - 0.06, 0.03, 0.05, -0.05)
    yield Bulge(face.shift, float(face.mouth.bottom[12, 1]) + 0.045, 0.14, 0.03, -0.13)
    yield Bulge(face.shift, float(face.jaw[8, 1]) - 0.16, 0.12, 0.08, 0.07)
    yield Bulge(0.0, 0.80, 0.34, 0.17, -0.16 * who.stubble)
    for side in SIDES:
        yield Bulge(side * 0.115, 0.10, 0.05, 0.13, -0.08)
        yield Bulge(side * 0.30, EYE_LINE - 0.09, 0.16, 0.05, -0.10)
        yield Bulge(side * 0.40, 0.20, 0.13, 0.10, 0.08)


def _lip_and_chin_bulges(act: Activation, face: Geometry) -> Iterator[Bulge]:
    x, chin = face.shift, float(face.jaw[8, 1])
    top, bottom = float(face.mouth.top[12, 1]), float(face.mouth.bottom[12, 1])
    yield Bulge(0.0, -0.25, 0.05, 0.07, -0.12 * act[4])
    yield Bulge(0.0, top - 0.10, 0.16, 0.06, 0.22 * act[8])
    yield Bulge(x, chin - 0.15, 0.11, 0.08, 0.32 * act[17])
    yield Bulge(x, top - 0.045, 0.17, 0.025, 0.15 * act.lip(24, "T"))
    yield Bulge(x, bottom + 0.035, 0.15, 0.025, 0.18 * act.lip(24, "B"))
    yield Bulge(x, top - 0.03, 0.15, 0.025, -0.24 * act.lip(28, "T"))
    yield Bulge(x, bottom + 0.03, 0.15, 0.025, -0.24 * act.lip(28, "B"))
    yield Bulge(x, bottom + 0.05, 0.14, 0.03, -0.16 * act[29])
    yield Bulge(x, chin - 0.12, 0.14, 0.08, 0.18 * act[29])


def _side_bulges(act: Activation, face: Geometry, side: int) -> Iterator[Bulge]:
    a = {au: act.on(au, side) for au in (6, 7, 9, 10, 11, 12, 13, 14, 31, 33, 34, 35)}
    x, y = face.mouth.corner(side)
    yield Bulge(side * 0.38, 0.10, 0.13, 0.065, 0.26 * a[6])
    yield Bulge(side * 0.33, 0.005, 0.12, 0.02, -0.20 * a[7])
    yield Bulge(side * 0.115, 0.10, 0.05, 0.13, -0.06 * a[9])
    yield Bulge(side * 0.21, 0.26, 0.06, 0.07, 0.14 * a[10])
    yield Bulge(side * 0.27, 0.36, 0.05, 0.07, -0.14 * a[11])
    yield Bulge(side * 0.43, 0.24, 0.12, 0.09, 0.14 * a[12])
    yield Bulge(x + side * 0.09, y - 0.13, 0.06, 0.07, 0.30 * a[13])
    yield Bulge(x + side * 0.045, y, 0.03, 0.05, -0.26 * a[14])
    yield Bulge(side * 0.58, 0.60, 0.07, 0.09, 0.24 * a[31])
    yield Bulge(side * 0.50, 0.63, 0.02, 0.10, -0.20 * a[31])
    puff = max(a[33], a[34])
    yield Bulge(side * 0.50, 0.40, 0.12, 0.12, 0.26 * puff)
    yield Bulge(side * 0.48, 0.66, 0.14, 0.05, -0.16 * puff)
    yield Bulge(side * 0.33, 0.45, 0.035, 0.14, -0.14 * puff)
    yield Bulge(side * 0.47, 0.45, 0.09, 0.15, -0.30 * a[35])
    yield Bulge(side * 0.50, 0.17, 0.12, 0.05, 0.16 * a[35])
    # The tongue pushes one cheek out, the person's left when no side is given.
    tongue = act.on(36, side) if side > 0 or act.on(36, 1) == 0 else 0.0
    yield Bulge(side * 0.42, 0.56, 0.075, 0.075, 0.34 * tongue)
    yield Bulge(side * 0.42, 0.66, 0.09, 0.025, -0.28 * tongue)


def folds(who: Identity, act: Activation, face: Geometry) -> list[Fold]:
    """Furrows, wrinkles and folds that show: darker with intensity, and a little with age."""
    found = [*_forehead(who, act), *_nose_root(act), *_chin(act, face), *_round_lips(act, face)]
    for side in SIDES:
        found += _brow_and_neck(who, act, side)
        found += _eye_corner(who, act, face, side)
        found += _nose_to_mouth(who, act, face, side)
        found += _mouth_corner(who, act, face, side)
    return [fold for fold in found if fold.darkness > 0.02]


def _forehead(who: Identity, act: Activation) -> Iterator[Fold]:
    for y, depth in ((-0.535, 0.55), (-0.605, 0.45), (-0.675, 0.35)):
        middle = [(-0.19, y + 0.022), (-0.1, y), (0.1, y), (0.19, y + 0.022)]
        yield Fold(middle, max(0.12 * who.age, depth * act[1]))
        for side in SIDES:
            arc = [(side * 0.20, y + 0.022), (side * 0.33, y - 0.004), (side * 0.46, y + 0.03)]
            yield Fold(arc, depth * act.on(2, side))


def _brow_and_neck(who: Identity, act: Activation, side: int) -> Iterator[Fold]:
    furrow = [(side * 0.05, -0.40), (side * 0.034, -0.31), (side * 0.042, -0.21)]
    yield Fold(furrow, max(0.1 * who.age, 0.66 * act.on(4, side)), 0.02)
    for x in (0.10, 0.25):
        cord = [(side * x, 0.98), (side * (x + 0.01), 1.12), (side * (x - 0.04), 1.30)]
        yield Fold(cord, 0.7 * act.on(21, side), 0.026)


def _nose_root(act: Activation) -> Iterator[Fold]:
    for y, half in ((-0.115, 0.060), (-0.055, 0.072), (0.005, 0.084)):
        yield Fold([(-half, y + 0.028), (0.0, y - 0.012), (half, y + 0.028)], 0.62 * act[9], 0.018)


def _eye_corner(who: Identity, act: Activation, face: Geometry, side: int) -> Iterator[Fold]:
    eye = face.eyes[side > 0]
    x, y = eye.upper[-1] + (side * 0.045, 0.0)
    for above, rise in ((-0.03, -0.075), (0.012, -0.012), (0.05, 0.05)):
        foot = [(x, y + above), (x + side * 0.065, y + above + 0.4 * rise), (x + side * 0.13, y + above + rise)]
        yield Fold(foot, max(0.15 * who.age, 0.65 * act.on(6, side)))
    cheek = [(side * 0.16, 0.045), (side * 0.28, 0.085), (side * 0.40, 0.07), (side * 0.48, 0.01)]
    yield Fold(cheek, max(0.12 * who.age, 0.6 * act.on(6, side)), 0.018)
    yield Fold(eye.lower[3:15:2] + np.array([0.0, 0.034]), 0.6 * max(act.on(7, side), act.on(44, side)), 0.016)
    x, y = eye.upper[0] - (side * 0.02, 0.0)
    for away in (-0.03, 0.0, 0.03):
        pinch = [(x, y + away), (x - side * 0.05, y + 1.6 * away)]
        yield Fold(pinch, 0.55 * act.on(44, side))


def _nose_to_mouth(who: Identity, act: Activation, face: Geometry, side: int) -> Iterator[Fold]:
    """The nasolabial fold, whole for 12 and its upper part for 10, its middle for 11, and the folds beside the nose."""
    wing, (x, y) = face.alae[side > 0], face.mouth.corner(side)
    smile, raise_ = act.on(12, side), act.on(10, side)
    start = (wing[0] + side * 0.03, wing[1] - 0.03)
    middle = (wing[0] + side * (0.115 + 0.055 * smile + 0.02 * raise_), wing[1] + 0.07 - 0.03 * smile)
    end = (x + side * 0.065, y - 0.02)
    bend = ((start[0] + middle[0]) / 2 + side * 0.012, (start[1] + middle[1]) / 2 - 0.012)
    yield Fold((start, middle, end), max(0.10 + 0.15 * who.age, 0.6 * smile, 0.35 * act.on(13, side)), 0.018)
    yield Fold((start, bend, middle), max(0.6 * raise_, 0.4 * act.on(9, side)), 0.024)
    low = ((middle[0] + end[0]) / 2 + side * 0.01, (middle[1] + end[1]) / 2)
    yield Fold((bend, middle, low), 0.66 * act.on(11, side), 0.024)
    sneer = [(side * 0.085, -0.02), (side * 0.135, 0.09), (wing[0] + side * 0.05, wing[1] - 0.05)]
    yield Fold(sneer, 0.55 * act.on(9, side), 0.018)
    pinched = [(wing[0] * 0.95, wing[1] - 0.14), (wing[0] * 1.05, wing[1] - 0.07)]
    yield Fold(pinched, 0.55 * act.on(39, side), 0.018)


def _mouth_corner(who: Identity, act: Activation, face: Geometry, side: int) -> Iterator[Fold]:
    x, y = face.mouth.corner(side)
    pouch = [(x - side * 0.02, y + 0.02), (x + side * 0.035, y + 0.06), (x + side * 0.04, y + 0.15)]
    yield Fold(pouch, max(0.1 * who.age, 0.7 * act.on(15, side)), 0.02)
    dimple = [(x + side * 0.03, y - 0.07), (x + side * 0.065, y), (x + side * 0.035, y + 0.065)]
    yield Fold(dimple, 0.8 * act.on(14, side), 0.024)
    for gap, half in ((0.05, 0.08), (0.09, 0.06)):
        strain = [(x + side * gap, y - half), (x + side * (gap + 0.012), y), (x + side * gap, y + half)]
        yield Fold(strain, 0.5 * act.on(20, side))
    stretch = [(x + side * 0.07, y - 0.16), (x + side * 0.10, y), (x + side * 0.06, y + 0.16)]
    yield Fold(stretch, 0.4 * act[27])


_PITS = ((-0.07, 0.20), (0.0, 0.215), (0.07, 0.20), (-0.035, 0.165), (0.035, 0.165), (-0.075, 0.12), (0.075, 0.12))
"""Where a tense chin boss is pitted: aside of and above the point of the chin."""


def _chin(act: Activation, face: Geometry) -> Iterator[Fold]:
    x, low, chin = face.shift, float(face.mouth.bottom[12, 1]), float(face.jaw[8, 1])
    sulcus = [(x - 0.15, low + 0.10), (x, low + 0.045), (x + 0.15, low + 0.10)]
    yield Fold(sulcus, 0.8 * act[17], 0.022)
    for aside, above in _PITS:
        pit = [(x + aside - 0.012, chin - above), (x + aside + 0.012, chin - above + 0.006)]
        yield Fold(pit, 0.6 * act[17], 0.02)
    lowered = [(x - 0.12, low + 0.02), (x, low + 0.05), (x + 0.12, low + 0.02)]
    yield Fold(lowered, 0.55 * act[16], 0.018)


def _round_lips(act: Activation, face: Geometry) -> Iterator[Fold]:
    """Fine wrinkles that run away from puckered or tightened lips."""
    for part, edge, outward in (("T", face.mouth.top, -1), ("B", face.mouth.bottom, 1)):
        darkness = max(0.36 * act.lip(18, part), 0.28 * act.lip(23, part))
        for at in range(3, 23, 3) if darkness else ():
            x, y = edge[at]
            ray = [(x, y + 0.012 * outward), (x + 0.004 * (at - 12), y + 0.055 * outward)]
            yield Fold(ray, darkness)
