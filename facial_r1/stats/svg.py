"""Inline SVG, as little of it as four kinds of chart need.

Written here and not drawn by a plotting library, because a chart in a page has to follow the reader's colour scheme
(CSS variables, ``currentColor``), stay readable at 400 px (text of 11 px in a drawing of 360), speak to a screen
reader, and have the same bytes on every machine: a library's SVG brings fixed colours, random ids and its version.

Colours are CSS variables with a fallback, so a chart that is copied out of its page keeps its look.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from facial_r1.stats.tables import table

__all__ = [
    "ACCENT",
    "GRID",
    "ON_PALE",
    "ON_STRONG",
    "PAPER",
    "SERIES",
    "SHADE",
    "STRONG",
    "WARM",
    "WARM_SHADE",
    "WIDTH",
    "clipped",
    "element",
    "figure",
    "room_for",
    "text",
    "ticks",
    "width_of",
]

WIDTH = 360
"""Width of a chart in its own pixels; what is wider scrolls on a small screen."""
FONT = 11
_NARROW, _WIDE = frozenset("fijlrtI.,:;!|'()[]/- "), frozenset("mwMW%@")

ACCENT, WARM = "var(--accent,#1f5f8b)", "var(--warm,#b4531a)"
GRID, PAPER = "var(--rule,#d5d9de)", "var(--paper,#ffffff)"
SHADE, WARM_SHADE = "var(--shade,#1a5680)", "var(--warm-shade,#8f3d0c)"
ON_PALE, ON_STRONG = "var(--on-pale,#000)", "var(--on-strong,#fff)"
STRONG = 0.78
"""Opacity of a shade from which text on it is written in ``ON_STRONG``: contrast 4.2 or better on either side, in light
and in dark."""
SERIES: tuple[tuple[str, str], ...] = (
    (ACCENT, ""),
    (WARM, "6 3"),
    ("var(--green,#1a7f5a)", "2 3"),
    ("var(--violet,#7a4fa3)", "8 3 2 3"),
    ("var(--ochre,#8a6d00)", "4 2"),
    ("var(--grey,#5c6773)", "1 2"),
)
"""Colour and dash pattern of the first, second … line: never told apart by colour alone."""


def element(name: str, content: object = "", **attributes: object) -> Markup:
    """One element. ``_`` in a key stands for a hyphen, a trailing one is dropped; None leaves the attribute out."""
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    written = Markup("").join(Markup(' {}="{}"').format(key, _value(value)) for key, value in pairs)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, escape(content))


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(x: float, y: float, content: str, anchor: str = "start", fill: str = "currentColor") -> Markup:
    """A line of text whose middle is at height ``y``."""
    place = {"x": float(x), "y": float(y), "text_anchor": anchor, "fill": fill, "dominant_baseline": "central"}
    return element("text", content, **place)


def clipped(label: str, width: float) -> str:
    """``label`` cut to about ``width`` pixels; the whole of it belongs into the mark's title."""
    if width_of(label) <= width:
        return label
    most = next((size for size in range(len(label), 3, -1) if width_of(f"{label[:size]}…") <= width), 3)
    return f"{label[:most].rstrip()}…"


def room_for(labels: Iterable[str], most: float) -> float:
    """Pixels that the widest of ``labels`` takes, with a gap beside it, at most ``most``."""
    return min(most, max(map(width_of, labels), default=0) + 6)


def width_of(label: str) -> float:
    """Pixels that ``label`` takes in the broader of the usual sans-serif faces, letter by letter."""
    return FONT * sum(map(_ems, label))


def _ems(letter: str) -> float:
    if letter in _NARROW:
        return 0.4
    if letter in _WIDE or letter > "\u2000":
        return 1.0
    return 0.63 if letter.islower() else 0.7


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers that cover ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0, 97), ticks(-0.03, 0.05)
    ([0.0, 25.0, 50.0, 75.0, 100.0], [-0.04, -0.02, 0.0, 0.02, 0.04, 0.06])
    """
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if span / (power * factor) <= about + 0.5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, max(last, first + 1) + 1)]


def figure(
    title: str,
    description: str,
    marks: Iterable[Markup],
    *,
    width: float = WIDTH,
    height: float,
    values: tuple[Sequence[str], Iterable[Sequence[object]]],
) -> Markup:
    """A drawing with its title, a description for who cannot see it, and its numbers as a table that opens.

    Args:
        title: shown above, and the drawing's name.
        description: one sentence with the gist of the numbers.
        marks: the elements.
        width, height: of the drawing, in its own pixels.
        values: columns and rows of the table.
    """
    wide = width > WIDTH + 20
    name = Markup("<title>{}</title><desc>{}</desc>").format(title, description)
    drawing = element(
        "svg",
        name + Markup("").join(marks),
        role="img",
        viewBox=f"0 0 {_value(float(width))} {_value(float(height))}",
        font_size=FONT,
        fill="currentColor",
        style=f"min-width:{width if wide else 300:.0f}px;overflow:visible",
    )
    columns, rows = values[0], list(values[1])
    numbers = Markup("<details><summary>Numbers</summary>{}</details>").format(table(columns, rows, caption=title))
    scroll = Markup(' tabindex="0" role="region" aria-label="{}"').format(title) if wide else Markup("")
    return Markup(
        '<figure class="chart" style="--basis:{}px"><figcaption>{}</figcaption>'
        '<div class="scroll"{}>{}</div>{}</figure>'
    ).format(f"{width:.0f}", title, scroll, drawing, numbers if rows else "")
