"""Painting the parts of the face, from the backdrop to the hair."""

from __future__ import annotations

import cv2
import numpy as np

from datasets_builders.synthetic.activation import SIDES, Activation
from datasets_builders.synthetic.draw import Canvas, Colour, Image, Points, between, curve, ellipse, mirrored, mix
from datasets_builders.synthetic.geometry import EYE_LINE, Eye, Geometry
from datasets_builders.synthetic.identity import Identity

__all__ = ["backdrop", "eyes", "hair_before", "hair_behind", "head", "mouth", "nose_and_brows"]

_BLACK: Colour = (24, 18, 18)
_WHITE: Colour = (244, 240, 236)
_TEETH: Colour = (238, 232, 220)
_CAVITY: Colour = (62, 18, 22)
_TONGUE: Colour = (206, 92, 96)
_HALF_TURN = ellipse(0.0, 0.0, 1.0, 1.0)[:13]
_FADE = (np.linspace(0, 1, 8)[:, None] + np.linspace(0, 1, 8)) / 2
_SEAM = np.sqrt(1 - np.linspace(-1, 1, 25) ** 2)
_BROW_TAPER = np.interp(np.linspace(0, 1, 17), (0, 0.15, 0.6, 1), (0.75, 1, 0.85, 0.12))


def backdrop(who: Identity, width: int, height: int) -> Image:
    """An out-of-focus wall: one colour fading into another."""
    bright, dark = (np.array(colour) for colour in who.backdrop)
    fade = _FADE if who.light > 0 else _FADE[:, ::-1]
    small = (bright + (dark - bright) * fade[..., None]).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def head(canvas: Canvas, who: Identity, face: Geometry) -> None:
    """Shoulders, neck, ears and the bare head."""
    shadow = mix(who.skin, (70, 30, 24), 0.28)
    torso = mirrored([(0.36, 1.16), (0.8, 1.24), (1.35, 1.45), (1.5, 2.2)])
    canvas.fill(curve(torso), who.clothes)
    neck = mirrored([(0.0, 1.34), (0.45, 1.18), (0.37, 0.95), (0.40, 0.4)])
    canvas.fill(curve(neck), mix(who.skin, shadow, 0.45))
    canvas.fill(face.jaw * (0.9, 1.0) + (0.0, 0.09), shadow)
    for side in SIDES:
        x = side * 0.715 * who.face_width
        canvas.fill(ellipse(x, 0.0, 0.085, 0.17), mix(who.skin, shadow, 0.25))
        canvas.fill(ellipse(x, 0.01, 0.045, 0.11), mix(who.skin, shadow, 0.7))
    canvas.fill(face.outline, who.skin)


def eyes(canvas: Canvas, who: Identity, face: Geometry) -> None:
    """Lids, iris and pupil of both eyes."""
    lash = mix(who.hair, _BLACK, 0.7)
    crease = mix(who.skin, (60, 24, 20), 0.42)
    for eye in face.eyes:
        canvas.stroke(eye.crease[1:], crease, 0.012)
        if eye.openness > 0.08:
            canvas.fill(between(eye.upper, eye.lower), mix(_WHITE, who.skin, 0.12))
            colours = (mix(who.iris, _BLACK, 0.45), who.iris, _BLACK)
            for disc, colour in zip(_between_lids(eye, (1.0, 0.84, 0.45)), colours, strict=True):
                canvas.fill(disc, colour)
            if eye.openness > 0.5:
                x, y = eye.iris
                canvas.fill(ellipse(x - 0.02, y - 0.012, 0.012, 0.012), (255, 255, 255))
            canvas.stroke(eye.lower[2:], mix(crease, lash, 0.25), 0.010)
        canvas.stroke(eye.upper, lash, 0.026)


def _between_lids(eye: Eye, radii: tuple[float, ...]) -> list[Points]:
    """The parts of discs around the iris' centre (radii as shares of the iris) that the lids leave free."""
    reach = eye.radius * np.array(radii)[:, None]
    x, y = eye.iris[0] - reach * _HALF_TURN[:, 0], reach * _HALF_TURN[:, 1]
    step = 1 if eye.upper[0, 0] < eye.upper[-1, 0] else -1
    roof, floor = (np.interp(x, lid[::step, 0], lid[::step, 1]) for lid in (eye.upper, eye.lower))
    top = np.clip(eye.iris[1] - y, roof, np.maximum(roof, floor))
    bottom = np.clip(eye.iris[1] + y, top, np.maximum(top, floor))
    return [between(*lines) for lines in zip(np.stack([x, top], axis=2), np.stack([x, bottom], axis=2), strict=True)]


def nose_and_brows(canvas: Canvas, who: Identity, face: Geometry) -> None:
    """Nostrils, wings and brows."""
    dark = mix(who.skin, (50, 16, 14), 0.55)
    hair = mix(mix(who.hair, who.skin, 0.15), (40, 26, 22), 0.45)
    x, tip = face.nose_tip
    for (ax, ay), brow in zip(face.alae, face.brows, strict=True):
        wing = [(ax * 0.86, ay - 0.085), (ax * 1.03, ay - 0.045), (ax, ay), (ax * 0.78, ay + 0.018)]
        canvas.stroke(curve(wing), dark, 0.014)
        nostril = ellipse(ax * 0.52, 0.65 * (tip - 0.035) + 0.35 * ay, face.nostril, 0.006 + 0.36 * face.nostril)
        canvas.fill(nostril, mix(dark, _BLACK, 0.45))
        canvas.fill(_brow_shape(brow, 0.030 * who.brow_thickness), hair)
    canvas.stroke(curve([(x - 0.055, tip - 0.008), (x, tip + 0.006), (x + 0.055, tip - 0.008)]), dark, 0.012)


def _brow_shape(spine: Points, thickness: float) -> Points:
    line = curve(spine, steps=4)
    lift = np.outer(thickness * _BROW_TAPER, (0.0, 1.0))
    return between(line - lift, line + lift)


def mouth(canvas: Canvas, who: Identity, act: Activation, face: Geometry) -> None:
    """Cavity, teeth, tongue and lips."""
    lips = face.mouth
    canvas.fill(between(lips.top, lips.inner_top), mix(who.lips, _CAVITY, 0.16))
    canvas.fill(between(lips.inner_bottom, lips.bottom), who.lips)
    shine = 0.55 * lips.inner_bottom + 0.45 * lips.bottom
    canvas.stroke(shine[8:17], mix(who.lips, (255, 236, 230), 0.28), 0.016)
    # A closed mouth is a seam, an open one a wide seam: drawn alike, so that parting lips never jump.
    dark, edge = mix(who.lips, _CAVITY, 0.85), np.outer(_SEAM, (0.0, 0.012 * act[24] + 0.005 * act[28]))
    roof, floor = lips.inner_top - edge, lips.inner_bottom + edge
    canvas.fill(between(roof, floor), dark)
    canvas.stroke(roof, dark, 0.012)
    canvas.stroke(floor, dark, 0.012)
    if lips.gap > 0.004:
        _inside(canvas, act, face)
    _over_lips(canvas, act, face)


def _inside(canvas: Canvas, act: Activation, face: Geometry) -> None:
    top, bottom, gap = face.mouth.inner_top, face.mouth.inner_bottom, face.mouth.gap
    if gap > 0.14:
        tongue = between((0.45 * top + 0.55 * bottom)[5:20], bottom[5:20])
        canvas.fill(tongue, mix(_TONGUE, _CAVITY, 0.3))
    upper = min(0.85, 0.062 * max(act[25], 0.9 * act[27], 0.6 * act[10]) / gap)
    lower = min(0.9 - upper, 0.045 * max(act[16], 0.6 * act[27]) / gap)
    if upper > 0:
        canvas.fill(between(top, top + (bottom - top) * upper), _TEETH)
    if lower > 0:
        edge = bottom + (top - bottom) * lower
        canvas.fill(between(bottom[3:22], edge[3:22]), mix(_TEETH, _CAVITY, 0.12))


def _over_lips(canvas: Canvas, act: Activation, face: Geometry) -> None:
    """What lies over the lips: biting teeth, a shown or wiping tongue."""
    lips, x = face.mouth, 0.7 * face.shift
    if act[32]:
        reach = 0.35 + 0.4 * act[32]
        edge = lips.inner_bottom * (1 - reach) + lips.bottom * reach
        canvas.fill(between(lips.inner_top[6:19], edge[6:19]), _TEETH)
    if act[19]:
        start, end = float(lips.inner_top[12, 1]) + 0.012, float(lips.bottom[12, 1])
        tip = start + 0.04 + (end - start) * act[19]
        shape = [(x - 0.11, start), (x - 0.10, tip), (x, tip + 0.06 * act[19]), (x + 0.10, tip), (x + 0.11, start)]
        canvas.fill(curve(shape), _TONGUE)
        canvas.stroke(np.array([(x, start + 0.02), (x, tip)]), mix(_TONGUE, _CAVITY, 0.35), 0.012)
    if act[37]:
        at = lips.top[17]
        canvas.fill(ellipse(float(at[0]), float(at[1]) + 0.03, 0.04 + 0.06 * act[37], 0.025 + 0.03 * act[37]), _TONGUE)


_SHORT = mirrored([(0.0, -0.80), (0.36, -0.77), (0.62, -0.58), (0.69, -0.30)])
_HAIRLINES: dict[str, list[tuple[float, float]]] = {
    "short": _SHORT,
    "curly": _SHORT,
    "tied": _SHORT,
    "long": mirrored([(0.0, -0.92), (0.54, -0.60), (0.665, -0.20), (0.70, 0.30)]),
    "parted": [
        (-0.70, -0.22),
        (-0.64, -0.50),
        (-0.48, -0.68),
        (0.20, -0.90),
        (0.46, -0.74),
        (0.63, -0.52),
        (0.69, -0.24),
    ],
}
"""Where the hair begins, from ear to ear; high enough to leave raised brows and a wrinkled forehead free."""

_CURLS = [(-0.74 * np.cos(angle), -0.42 - 0.68 * np.sin(angle)) for angle in np.linspace(-0.35, np.pi + 0.35, 15)]


def hair_behind(canvas: Canvas, who: Identity) -> None:
    """Hair that falls or stands behind the head."""
    dark = mix(who.hair, _BLACK, 0.35)
    if who.hair_style == "long":
        mass = mirrored([(0.62, -0.9), (0.86, -0.3), (0.92, 0.5), (0.84, 1.3)])
        canvas.fill(curve(mass, closed=True), dark)
    elif who.hair_style == "tied":
        canvas.fill(ellipse(0.0, -1.16, 0.24, 0.19), dark)
    elif who.hair_style == "curly":
        for x, y in _CURLS:
            canvas.fill(ellipse(x, y, 0.19, 0.19), dark)


def hair_before(canvas: Canvas, who: Identity, face: Geometry) -> None:
    """Hair over the skull, with a lighter strand, and glasses."""
    if who.hair_style != "bald":
        wide = who.face_width
        line = np.array(_HAIRLINES[who.hair_style]) * (wide, 1.0)
        skull = mirrored([(0.0, -1.15), (0.62 * wide, -0.93), (0.785 * wide, -0.55), (0.715 * wide, line[-1, 1])])
        canvas.fill(between(curve(line), curve(skull)), who.hair)
        sheen = curve([(-0.50 * wide, -0.80), (-0.25 * wide, -0.97), (0.1 * wide, -1.02)])
        canvas.stroke(sheen, mix(who.hair, (255, 240, 220), 0.12), 0.06)
    if who.glasses:
        for eye in face.eyes:
            x = float(eye.lower[8, 0])
            rim = ellipse(x, EYE_LINE + 0.015, 0.205, 0.155)
            canvas.stroke(np.concatenate([rim, rim[:1]]), (46, 42, 46), 0.014)
        canvas.stroke(curve([(-0.105, -0.10), (0.0, -0.125), (0.105, -0.10)]), (46, 42, 46), 0.014)
