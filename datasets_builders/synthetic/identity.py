"""Who is in the picture: bone, skin, hair and light, all of it derived from a seed and an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets_builders.synthetic.draw import Colour, mix
from facial_r1.errors import InputError

__all__ = ["HAIR_STYLES", "Identity", "identity"]

HAIR_STYLES: tuple[str, ...] = ("bald", "short", "parted", "long", "curly", "tied")
"""What ``Identity.hair_style`` can be."""

_SKIN: tuple[Colour, ...] = (
    (230, 198, 178),
    (222, 184, 158),
    (213, 170, 138),
    (204, 156, 121),
    (190, 138, 101),
    (158, 109, 78),
    (130, 88, 65),
    (106, 73, 56),
)
_HAIR: tuple[Colour, ...] = (
    (30, 26, 28),
    (44, 32, 28),
    (70, 46, 34),
    (112, 74, 44),
    (150, 78, 42),
    (206, 168, 108),
)
_IRIS: tuple[Colour, ...] = ((66, 42, 28), (96, 62, 36), (110, 104, 54), (76, 112, 92), (84, 124, 160))


@dataclass(frozen=True, slots=True)
class Identity:
    """One synthetic person. Lengths are factors around 1 unless said; colours are RGB.

    Attributes:
        key: the (seed, index) it was derived from; pictures of it are seeded with the same key.
        face_width, jaw_width, face_length: bone.
        eye_size, eye_spacing, nose_width, nose_length, mouth_width, lip_fullness: features.
        eye_slope: lift of the outer eye corner, face units.
        brow_height, brow_arch: offsets in face units; ``brow_thickness`` a factor.
        hair_style: one of :data:`HAIR_STYLES`.
        age: 0-1; how much the resting folds show.
        stubble: 0-1; shade of a shaven beard.
        glasses: thin frames that leave lids and brows free.
        light: -1 (from the picture's left) to 1 (from its right).
        exposure: factor on the whole picture; chosen for the skin, as a photographer does.
    """

    key: tuple[int, int]
    face_width: float
    jaw_width: float
    face_length: float
    eye_size: float
    eye_spacing: float
    eye_slope: float
    brow_height: float
    brow_arch: float
    brow_thickness: float
    nose_width: float
    nose_length: float
    mouth_width: float
    lip_fullness: float
    age: float
    stubble: float
    glasses: bool
    hair_style: str
    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    clothes: Colour
    backdrop: tuple[Colour, Colour]
    light: float
    exposure: float


def _between(table: tuple[Colour, ...], share: float) -> Colour:
    """The colour at ``share`` (0-1) of the way through ``table``."""
    at = share * (len(table) - 1)
    return mix(table[int(at)], table[min(int(at) + 1, len(table) - 1)], at % 1)


def identity(seed: int, index: int) -> Identity:
    """Person number ``index`` of the population ``seed`` (both ≥ 0); equal arguments give an equal person.

    Raises:
        InputError: for a negative seed or index.
    """
    if seed < 0 or index < 0:
        raise InputError("seed and index of a synthetic person must not be negative", found=f"({seed}, {index})")
    # A key of its own keeps faces independent of whatever else is drawn from the same two numbers.
    rng = np.random.default_rng(np.random.SeedSequence((seed, index), spawn_key=(0,)))

    def factor(spread: float) -> float:
        return float(rng.uniform(1 - spread, 1 + spread))

    tone = float(rng.uniform(0, 1))
    skin = _between(_SKIN, tone)
    # Dark skin seldom goes with fair hair; old age greys any.
    shade = rng.uniform(0, 1 - 0.55 * tone)
    hair = mix(_between(_HAIR, shade), (188, 186, 184), float(rng.uniform(0.5, 1)) if rng.random() < 0.15 else 0.0)
    female = rng.random() < 0.5
    styles = HAIR_STYLES[1:] if female else ("bald", "short", "short", "parted", "curly")
    walls = (rng.uniform(110, 225) + rng.uniform(-28, 28, 3), rng.uniform(50, 170) + rng.uniform(-28, 28, 3))
    return Identity(
        key=(seed, index),
        face_width=factor(0.08),
        jaw_width=factor(0.12) * (0.96 if female else 1.05),
        face_length=factor(0.05),
        eye_size=factor(0.1),
        eye_spacing=factor(0.07),
        eye_slope=float(rng.uniform(-0.012, 0.022)),
        brow_height=float(rng.uniform(-0.02, 0.02)),
        brow_arch=float(rng.uniform(0.0, 0.035)),
        brow_thickness=factor(0.25) * (0.85 if female else 1.15),
        nose_width=factor(0.16),
        nose_length=factor(0.08),
        mouth_width=factor(0.1),
        lip_fullness=factor(0.2) * (1.1 if female else 0.95),
        age=float(rng.uniform(0, 1)) ** 1.5,
        stubble=0.0 if female else float(rng.uniform(0, 1)),
        glasses=bool(rng.random() < 0.12),
        hair_style=str(rng.choice(styles)),
        skin=skin,
        hair=hair,
        iris=_between(_IRIS, float(rng.uniform(0, 1 - 0.6 * tone))),
        lips=mix(skin, (168 + 30 * tone, 58 + 40 * tone, 68 + 36 * tone), 0.52 if female else 0.40),
        clothes=tuple((rng.uniform(60, 190) + rng.uniform(-45, 45, 3)).tolist()),
        backdrop=(tuple(walls[0].tolist()), tuple(walls[1].tolist())),
        light=float(rng.uniform(-1, 1)),
        exposure=(0.93 + 0.25 * tone) * factor(0.11),
    )
