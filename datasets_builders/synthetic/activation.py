"""How strongly each muscle acts on each side of the face, from FACS intensities and sides."""

from __future__ import annotations

from collections.abc import Mapping

from facial_r1.errors import InputError
from facial_r1.facs import BY_NUMBER

__all__ = ["RENDERED", "SIDES", "Activation"]

RENDERED: tuple[int, ...] = tuple(BY_NUMBER)
"""The FACS numbers the renderer can show: the whole registry."""

SIDES: tuple[int, int] = (-1, 1)
"""Sides as the sign of x: -1 is the picture's left, the person's right."""

_GAMMA = 0.75  # a trace (intensity 1) shows as 0.3 of the full movement, so that even A-level AUs can be learnt


class Activation:
    """Strengths 0-1 of the AUs of one face.

    Args:
        intensities: FACS number → 0 (absent) to 5 (maximum).
        sides: FACS number → where it acts when not everywhere: ``L``/``R`` the *person's* left or right, ``U`` one
            side (shown on the left), ``T``/``B`` top or bottom lip only; letters may be combined (``RB``).

    Raises:
        InputError: for a number outside :data:`RENDERED`, an intensity outside 0-5 or an unknown side.
    """

    def __init__(self, intensities: Mapping[int, float], sides: Mapping[int, str] | None = None) -> None:
        for au, intensity in intensities.items():
            if au not in BY_NUMBER:
                raise InputError("unknown Action Unit", found=au, expected="a FACS number such as 12")
            if not 0 <= intensity <= 5:
                raise InputError(f"intensity of AU{au} out of range", found=intensity, expected="0 (absent) to 5")
        for au, letters in (sides or {}).items():
            if not letters or set(letters) - set("LRTBU"):
                raise InputError(f"unknown side of AU{au}", found=letters, expected="letters out of L R U T B")
        self._most: dict[int, float] = {au: float(intensity / 5) ** _GAMMA for au, intensity in intensities.items()}
        where = {46: "L"} | {au: letters.replace("U", "L") for au, letters in (sides or {}).items()}  # 46: a wink
        self._at: dict[str, dict[int, float]] = {
            place: {au: strength for au, strength in self._most.items() if _acts(where.get(au, ""), place, axis)}
            for axis in ("LR", "TB")
            for place in axis
        }

    def __getitem__(self, au: int) -> float:
        """Strength where the AU acts most."""
        return self._most.get(au, 0.0)

    def on(self, au: int, side: int) -> float:
        """Strength on one of :data:`SIDES`."""
        return self._at["L" if side > 0 else "R"].get(au, 0.0)

    def lip(self, au: int, part: str) -> float:
        """Strength in the top (``T``) or bottom (``B``) lip."""
        return self._at[part].get(au, 0.0)


def _acts(letters: str, place: str, axis: str) -> bool:
    """Whether ``letters`` leave ``place`` free to act: they name it, or nothing on its axis."""
    return place in letters or not set(letters) & set(axis)
