"""A schematic face that shows where Action Units act; the face looks at the reader, so its left is on the right."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from facial_r1.facs import number
from viewer.markup import STATES, explain

__all__ = ["SPOTS", "face"]

SPOTS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((88, 78), (112, 78)),
    2: ((58, 76), (142, 76)),
    4: ((100, 88),),
    5: ((72, 98), (128, 98)),
    6: ((54, 128), (146, 128)),
    7: ((72, 114), (128, 114)),
    8: ((100, 176),),
    9: ((92, 122), (108, 122)),
    10: ((86, 162), (114, 162)),
    11: ((80, 154), (120, 154)),
    12: ((68, 170), (132, 170)),
    13: ((66, 164), (134, 164)),
    14: ((62, 176), (138, 176)),
    15: ((68, 186), (132, 186)),
    16: ((100, 194),),
    17: ((100, 210),),
    18: ((100, 178),),
    19: ((100, 184),),
    20: ((60, 180), (140, 180)),
    21: ((80, 244), (120, 244)),
    22: ((92, 176), (108, 176)),
    23: ((84, 178), (116, 178)),
    24: ((100, 178),),
    25: ((100, 180),),
    26: ((100, 222),),
    27: ((100, 188),),
    28: ((100, 182),),
    29: ((100, 226),),
    30: ((70, 216), (130, 216)),
    31: ((48, 192), (152, 192)),
    32: ((104, 186),),
    33: ((58, 160), (142, 160)),
    34: ((56, 164), (144, 164)),
    35: ((60, 168), (140, 168)),
    36: ((132, 184),),
    37: ((112, 186),),
    38: ((90, 144), (110, 144)),
    39: ((92, 146), (108, 146)),
    41: ((72, 100), (128, 100)),
    42: ((72, 106), (128, 106)),
    43: ((72, 106), (128, 106)),
    44: ((72, 108), (128, 108)),
    45: ((72, 104), (128, 104)),
    46: ((128, 106),),
}
"""FACS number → where it acts, in the units of the drawing (200 wide, 260 high). Head and gaze have no place."""

_OUTLINE = (
    '<path d="M100 22C152 22 170 66 168 118C166 176 138 234 100 234C62 234 34 176 32 118C30 66 48 22 100 22Z"/>'
    '<path d="M54 84Q70 74 88 84M112 84Q130 74 146 84"/>'
    '<path d="M56 106Q72 96 88 106Q72 116 56 106ZM112 106Q128 96 144 106Q128 116 112 106Z"/>'
    '<circle cx="72" cy="106" r="4.5"/><circle cx="128" cy="106" r="4.5"/>'
    '<path d="M96 112Q94 136 88 146Q100 154 112 146Q106 136 104 112"/>'
    '<path d="M72 178Q88 170 100 174Q112 170 128 178Q114 190 100 190Q86 190 72 178ZM72 178Q100 182 128 178"/>'
    '<path d="M78 232L76 256M122 232L124 256"/>'
)


def face(states: Mapping[str, str]) -> Markup:
    """The drawing as SVG.

    Args:
        states: code → a key of :data:`viewer.markup.STATES`, or ``missed`` for a present one that was not claimed.
    """
    spots = []
    for code, state in states.items():
        said = STATES.get(state, "present, and not named in the text")
        for x, y in SPOTS.get(number(code), ()):
            spots.append(
                Markup(
                    '<g class="spot {}" tabindex="0"><title>{}</title><circle cx="{}" cy="{}" r="8"/>'
                    '<text x="{}" y="{}">{}</text></g>'
                ).format(state, f"{explain(code)} — {said}", x, y, x, y + 3, number(code))
            )
    named = ", ".join(f"{code} ({state})" for code, state in states.items()) or "none"
    outline = Markup('<g class="outline">{}</g>').format(Markup(_OUTLINE))
    label = f"Action Units on a schematic face: {named}"
    drawing = '<svg class="face" viewBox="20 10 160 250" role="img" aria-label="{}">{}{}</svg>'
    return Markup(drawing).format(label, outline, Markup("").join(spots))
