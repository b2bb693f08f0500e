"""Where everything in a face is, given who it is and what its muscles do. All lengths in face units (draw.py).

Each AU moves points in its own direction, and the movements add up, so that two AUs on one place stay readable
together; the skin's own signs (furrows, folds, bulges) are in folds.py. Movements follow the FACS descriptions
of :mod:`facial_r1.facs`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets_builders.synthetic.activation import SIDES, Activation
from datasets_builders.synthetic.draw import Points, curve, mirrored
from datasets_builders.synthetic.identity import Identity

__all__ = ["Eye", "Geometry", "Mouth", "geometry", "landmarks"]

EYE_LINE, NOSE_BASE, MOUTH_LINE, CHIN = -0.10, 0.29, 0.55, 0.98

_U = np.linspace(-1.0, 1.0, 25)  # across the mouth, the picture's left corner to the right one
_ARCH = (1.0 - _U**2) ** 0.75  # a lip's fullness from corner to corner
_ROUND = np.sqrt(1.0 - _U**2)  # a mouth opening
_BOW = _ARCH * (0.80 + 0.28 * np.exp(-(((np.abs(_U) - 0.24) / 0.2) ** 2)))  # Cupid's bow
_FLANK = np.exp(-(((np.abs(_U) - 0.4) / 0.3) ** 2)) * _ARCH  # where AU10 lifts the upper lip
_HALVES = [0.5 + 0.5 * side * np.sin(_U * np.pi / 2) for side in SIDES]  # what a one-sided AU reaches
_T = np.linspace(0.0, 1.0, 17)  # across an eye, inner to outer corner
_LID = np.sin(np.pi * _T) ** 0.8 * (1.12 - 0.24 * _T)


@dataclass(frozen=True, slots=True)
class Eye:
    """Lids run from the inner to the outer corner; ``openness`` is 1 at rest."""

    upper: Points
    lower: Points
    crease: Points
    iris: tuple[float, float]
    radius: float
    openness: float


@dataclass(frozen=True, slots=True)
class Mouth:
    """Four lip lines with common x, corner to corner; ``gap`` is the opening in the middle."""

    top: Points
    inner_top: Points
    inner_bottom: Points
    bottom: Points
    gap: float

    def corner(self, side: int) -> tuple[float, float]:
        """The lip corner on one of ``activation.SIDES``."""
        x, y = self.top[-1 if side > 0 else 0]
        return float(x), float(y)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Points of one face. Pairs are (picture's left, picture's right).

    Attributes:
        outline: closed outline of the head, hairless.
        jaw: 17 points from temple over the chin to temple, as in the 68-point scheme.
        brows: five points each, inner to outer end.
        alae: lower outer end of each nostril wing; ``nostril`` is the radius of the nostrils' width.
        shift: how far the jaw is moved to the picture's right.
    """

    outline: Points
    jaw: Points
    brows: tuple[Points, Points]
    eyes: tuple[Eye, Eye]
    alae: tuple[tuple[float, float], tuple[float, float]]
    nose_tip: tuple[float, float]
    nostril: float
    mouth: Mouth
    shift: float


def geometry(who: Identity, act: Activation) -> Geometry:
    """The face of ``who`` while ``act`` acts."""
    drop = 0.17 * act[26] * (1 - act[27]) + 0.29 * act[27] + 0.03 * act[19]
    shift = 0.19 * (act.on(30, 1) or -act.on(30, -1))
    outline, jaw = _outline(who, act, drop, shift)
    tip = NOSE_BASE * who.nose_length - 0.02 * act[9]
    return Geometry(
        outline=outline,
        jaw=jaw,
        brows=(_brow(who, act, -1), _brow(who, act, 1)),
        eyes=(_eye(who, act, -1), _eye(who, act, 1)),
        alae=(_ala(who, act, -1), _ala(who, act, 1)),
        nose_tip=(0.0, tip),
        nostril=0.034 * who.nose_width * (1 + 0.9 * act[38] - 0.6 * act[39] + 0.2 * act[9]),
        mouth=_mouth(who, act, drop, shift),
        shift=shift,
    )


def _outline(who: Identity, act: Activation, drop: float, shift: float) -> tuple[Points, Points]:
    width, chin, low = who.face_width, who.jaw_width * (1 + 0.12 * act[29]), CHIN * who.face_length + drop
    halves = []
    for side in SIDES:
        cheek = 0.085 * max(act.on(34, side), act.on(33, side)) - 0.075 * act.on(35, side)
        cheek += 0.02 * act.on(12, side) - 0.05 * act[27]
        angle = 0.05 * act.on(31, side) + 0.6 * cheek + 0.02 * act.on(20, side)
        halves.append(
            [
                (side * 0.68 * width, -0.40),
                (side * 0.715 * width, -0.12),
                (side * (0.70 * width + 0.5 * cheek), 0.14),
                (side * (0.655 * width + cheek), 0.38 + 0.1 * drop),
                (side * (0.545 * who.jaw_width + angle) + 0.4 * shift, 0.63 + 0.35 * drop),
                (side * 0.395 * chin + 0.8 * shift, low - 0.155),
                (side * 0.20 * chin + shift, low - 0.03 + 0.01 * act[29]),
            ]
        )
    point = (shift, low + 0.04 * act[29] - 0.02 * act[17])
    crown = mirrored([(0.0, -1.09), (0.42 * width, -0.98), (0.64 * width, -0.72)])
    outline = curve([*halves[0], point, *reversed(halves[1]), *reversed(crown)], closed=True, steps=8)
    return outline, outline[: 14 * 8 + 1 : 7]


_BROW_X = np.array([0.115, 0.205, 0.305, 0.405, 0.50])
_BROW_Y = np.array([-0.30, -0.335, -0.355, -0.345, -0.305])
_INNER = np.array([1.0, 0.80, 0.40, 0.08, 0.0])
_OUTER = np.array([0.0, 0.20, 0.60, 1.0, 0.95])
_FROWN = np.array([1.0, 0.90, 0.62, 0.36, 0.22])


def _brow(who: Identity, act: Activation, side: int) -> Points:
    inner, outer, frown = (act.on(au, side) for au in (1, 2, 4))
    y = _BROW_Y + who.brow_height - who.brow_arch * np.array([0.0, 0.5, 1.0, 0.8, 0.1])
    y = y - 0.15 * inner * _INNER - 0.135 * outer * _OUTER
    y = y + 0.10 * frown * _FROWN * (1 - 0.45 * inner * _INNER)  # 1+4 slants the brow instead of cancelling
    y = y + 0.035 * act.on(9, side) * _INNER
    x = _BROW_X * (0.4 + 0.6 * who.eye_spacing) - 0.05 * frown * np.array([1.0, 0.8, 0.4, 0.1, 0.0])
    return np.stack([side * x, y], axis=1)


def _eye(who: Identity, act: Activation, side: int) -> Eye:
    lids = {au: act.on(au, side) for au in (5, 6, 7, 41, 42, 43, 44, 45, 46)}
    shut = max(lids[43], lids[45], lids[46])
    narrow = max(0.9 * lids[7], lids[44])
    upper = 0.068 * who.eye_size * (1 + 0.85 * lids[5] - 0.24 * narrow - 0.5 * lids[41] - 0.62 * lids[42])
    lower = 0.046 * who.eye_size * (1 + 0.12 * lids[5] - 0.30 * lids[6] - 0.95 * narrow - 0.5 * lids[42])
    upper = upper * (1 - shut) - 0.9 * lower * shut
    centre, half = 0.305 * who.eye_spacing, 0.152 * who.eye_size
    x = centre + half * (2 * _T - 1)
    line = EYE_LINE - (who.eye_slope + 0.008) * (2 * _T - 1)
    across = 0.050 * (act[61] - act[62])  # the person's left is the picture's right
    inward = 0.050 * (act[66] - act[65])
    lift = 0.034 * (act[63] - act[64])
    crease = line - np.maximum(upper, 0.02) * _LID - 0.036 + 0.012 * lids[5] - 0.008 * lids[41]
    return Eye(
        upper=np.stack([side * x, line - upper * _LID], axis=1),
        lower=np.stack([side * x, line + lower * _LID], axis=1),
        crease=np.stack([side * x, crease], axis=1),
        iris=(side * (centre - inward) + across, EYE_LINE - 0.008 - lift),
        radius=0.062 * (0.5 + 0.5 * who.eye_size),
        openness=1 - shut,
    )


def _ala(who: Identity, act: Activation, side: int) -> tuple[float, float]:
    width = 0.132 * who.nose_width * (1 + 0.32 * act.on(38, side) - 0.32 * act.on(39, side) + 0.1 * act.on(9, side))
    return side * width, NOSE_BASE * who.nose_length - 0.035 - 0.05 * act.on(9, side) - 0.018 * act.on(10, side)


def _corner(who: Identity, act: Activation, side: int, drop: float) -> tuple[float, float]:
    """A lip corner: each muscle pulls it in its own direction."""
    a = {au: act.on(au, side) for au in (12, 13, 14, 15, 18, 20, 22, 23, 28, 33)}
    out = 0.275 * who.mouth_width + 0.095 * a[12] + 0.02 * a[13] + 0.125 * a[20] - 0.045 * a[14] - 0.065 * a[23]
    out -= 0.02 * a[28] + 0.05 * a[33] + 0.07 * act[27] + 0.02 * act[35]
    out *= (1 - 0.48 * a[18]) * (1 - 0.30 * a[22])
    down = 0.45 * drop - 0.008 - 0.125 * a[12] - 0.165 * a[13] + 0.125 * a[15] + 0.025 * a[20] - 0.028 * a[14]
    return side * out, MOUTH_LINE + down


def _mouth(who: Identity, act: Activation, drop: float, shift: float) -> Mouth:
    left, right = _corner(who, act, -1, drop), _corner(who, act, 1, drop)
    x = left[0] * (1 - _U) / 2 + right[0] * (1 + _U) / 2 + 0.7 * shift
    raised = 0.042 * act[17]
    middle = MOUTH_LINE - raised + 0.30 * drop * (1 - act[27])
    line = middle + (np.where(_U < 0, left[1], right[1]) - middle) * _U**2

    lift, lowered = np.zeros_like(_U), np.zeros_like(_U)
    for side, share in zip(SIDES, _HALVES, strict=True):
        lift += (0.07 * act.on(10, side) + 0.02 * act.on(9, side)) * share
        lowered += 0.065 * act.on(16, side) * share * _ARCH

    open_top, open_bottom = _opening(act, drop)
    parted = min(1.0, (open_top + open_bottom) / 0.06)  # on closed lips 10 and 16 move only the outer edges
    inner_top = line - open_top * _ROUND - 0.75 * parted * lift * _ARCH
    inner_bottom = line + open_bottom * _ROUND + parted * lowered
    top = inner_top - 0.066 * who.lip_fullness * _fullness(act, "T") * _BOW
    top -= lift * (1.2 * _FLANK + 0.35 * _ARCH)
    bottom = inner_bottom + 0.092 * who.lip_fullness * _fullness(act, "B") * _ARCH
    bottom += (1 - 0.75 * parted) * lowered - 0.4 * raised * _ARCH
    gap = float(inner_bottom[12] - inner_top[12])
    lines = [np.stack([x, y], axis=1) for y in (top, inner_top, inner_bottom, bottom)]
    return Mouth(lines[0], lines[1], lines[2], lines[3], gap)


def _fullness(act: Activation, part: str) -> float:
    """Factor on the height of the red of one lip."""
    a = {au: act.lip(au, part) for au in (8, 12, 18, 20, 22, 23, 24, 27, 28)}
    thin = (1 - 0.66 * a[23]) * (1 - 0.45 * a[24]) * (1 - 0.92 * a[28]) * (1 - 0.32 * a[20]) * (1 - 0.2 * a[12])
    return thin * (1 - 0.65 * a[8]) * (1 - 0.25 * a[27]) * (1 + 0.45 * a[18] + 0.75 * a[22])


def _opening(act: Activation, drop: float) -> tuple[float, float]:
    """How far the upper and the lower lip are from the closed lip line, in the middle of the mouth."""
    closing = (1 - 0.75 * act[8]) * (1 - 0.6 * act[24]) * (1 - 0.5 * act[28])
    parting = max(act[25], 0.45 * act[22], 0.5 * act[19], 0.35 * act[33], 0.4 * act[32])
    top = 0.026 * parting + 0.035 * act[27]
    bottom = 0.056 * parting + drop * (0.42 + 0.55 * act[27])
    return top * closing, bottom * closing


def landmarks(face: Geometry, *, count: int = 68) -> Points:
    """The iBUG 68 points of ``face`` in face units, in order; 66 leaves the inner lip corners (61, 65) out.

    Left and right are the picture's: 1-17 jaw, 18-27 brows, 28-36 nose, 37-48 eyes, 49-60 outer and 61-68 inner lip.
    """
    mouth, tip, (left, right) = face.mouth, face.nose_tip, face.alae
    bridge = [(tip[0], y) for y in np.linspace(-0.09, tip[1] - 0.07, 4)]
    outer, inner = [0, 4, 9, 12, 15, 20, 24], [0, 6, 12, 18, 24]
    points = np.concatenate(
        [
            face.jaw,
            face.brows[0][::-1],
            face.brows[1],
            [*bridge, left, (left[0] / 2, tip[1]), tip, (right[0] / 2, tip[1]), right],
            *_eye_points(face.eyes),
            mouth.top[outer],
            mouth.bottom[outer[-2:0:-1]],
            mouth.inner_top[inner],
            mouth.inner_bottom[inner[-2:0:-1]],
        ]
    )
    return points if count == 68 else np.delete(points, (60, 64), axis=0)


def _eye_points(eyes: tuple[Eye, Eye]) -> tuple[Points, Points]:
    """Six points each, clockwise in the picture from its left corner."""
    left, right = eyes
    return (
        np.concatenate([left.upper[[16, 11, 5, 0]], left.lower[[5, 11]]]),
        np.concatenate([right.upper[[0, 5, 11, 16]], right.lower[[11, 5]]]),
    )
