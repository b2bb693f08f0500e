"""Charts over named things: bars with intervals, and a grid of shades."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from facial_r1.errors import UsageError
from facial_r1.stats.svg import (
    ACCENT,
    GRID,
    ON_PALE,
    ON_STRONG,
    PAPER,
    SHADE,
    STRONG,
    WARM,
    WARM_SHADE,
    WIDTH,
    clipped,
    element,
    figure,
    room_for,
    text,
)
from facial_r1.stats.tables import number, numbers

__all__ = ["bars", "heatmap"]

_ROW = 20
_LABELS = 165.0
"""Pixels that the names of rows take at most."""
_NARROW = 132.0
"""The same beside a grid, so that eight columns fit a telephone."""
_SLANT = 22.0
"""Pixels that the slanted name of the last column needs beyond it."""


def bars(
    values: Mapping[str, float],
    *,
    title: str,
    unit: str = "",
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> Markup:
    """Horizontal bars in the order given, from zero; negative values go to the left, NaN (unknown) has no bar.

    Args:
        values: name → value.
        title: what is shown, of what.
        unit: written behind every value, such as ``%``.
        intervals: name → lower and upper end, in the unit of the values; drawn as whiskers.
    """
    intervals = intervals or {}
    known = {name: float(value) for name, value in values.items() if not math.isnan(value)}
    ends = [0.0, *known.values(), *(end for name in known if name in intervals for end in intervals[name])]
    low, high = min(ends), max(ends)
    shown = dict(zip(values, numbers(list(values.values()), unit), strict=True))
    left, right = room_for(values, _LABELS), WIDTH - room_for(shown.values(), 90.0)
    scale = (right - left - 6) / ((high - low) or 1.0)

    def at(value: float) -> float:
        return left + (value - low) * scale

    def mark(place: int, name: str) -> Iterator[Markup]:
        middle = place * _ROW + _ROW / 2
        tip = f"{name}: {shown[name]}{_range(intervals.get(name), unit)}"
        yield element("title", tip)
        yield text(left - 6, middle, clipped(name, left - 6), "end")
        if name in known:
            start, end = sorted((at(0.0), at(known[name])))
            colour = WARM if known[name] < 0 else ACCENT
            yield element("rect", x=start, y=middle - 6, width=max(end - start, 0.5), height=12, fill=colour)
            if name in intervals:
                yield _whisker(at(intervals[name][0]), at(intervals[name][1]), middle)
        yield text(WIDTH, middle, shown[name], "end")

    marks = [element("g", Markup("").join(mark(place, name))) for place, name in enumerate(values)]
    height = max(1, len(values)) * _ROW
    marks.append(element("line", x1=at(0.0), x2=at(0.0), y1=0, y2=height, stroke="currentColor", stroke_width=0.5))
    columns = ("", f"value{f' ({unit})' if unit else ''}", *(("from", "to") if intervals else ()))
    rows = [(name, value, *(intervals.get(name, (None, None)) if intervals else ())) for name, value in values.items()]
    return figure(title, _gist(known, unit), marks, height=height, values=(columns, rows))


def _range(interval: tuple[float, float] | None, unit: str) -> str:
    return f" ({number(interval[0])} to {number(interval[1], unit)})" if interval else ""


def _whisker(start: float, end: float, middle: float) -> Markup:
    path = f"M{start:.1f} {middle - 3:.1f}v6m0 -3H{end:.1f}m0 -3v6"
    halo = element("path", d=path, fill="none", stroke=PAPER, stroke_width=3)
    return halo + element("path", d=path, fill="none", stroke="currentColor", stroke_width=1)


def _gist(values: Mapping[str, float], unit: str) -> str:
    if not values:
        return "No values."
    most, least = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    return (
        f"{len(values)} bars; highest {most} with {number(values[most], unit)}, "
        f"lowest {least} with {number(values[least], unit)}."
    )


def heatmap(values: ArrayLike, rows: Sequence[str], columns: Sequence[str], *, title: str) -> Markup:
    """A grid of cells, each shaded by its value and with its number in it; negative values have a second colour.

    Args:
        values: ``len(rows) × len(columns)``; NaN is unknown: no shade, and a dash.
        rows, columns: their names.
        title: what is shown.

    Raises:
        UsageError: when names and values do not fit together.
    """
    given = np.asarray(values)
    grid: NDArray[np.float64] = given.astype(np.float64)
    if grid.shape != (len(rows), len(columns)):
        found = f"values of shape {grid.shape}, {len(rows)} rows, {len(columns)} columns"
        raise UsageError("the names of a heat map do not fit its values", found=found)
    whole = bool(np.issubdtype(given.dtype, np.integer))
    written = [[_short(value, whole) for value in line] for line in grid.tolist()]
    known = grid[~np.isnan(grid)]
    most = float(np.abs(known).max(initial=0.0)) or 1.0
    left, head = room_for(rows, _NARROW), 0.7 * room_for(columns, 90.0) + 6
    box = max(26.0, room_for(chain(*written), WIDTH) - 3, (WIDTH - _SLANT - left) / max(1, len(columns)))

    def mark(row: int, column: int) -> Markup:
        value, x, y = float(grid[row, column]), left + column * box, head + row * _ROW
        shade = 0.0 if math.isnan(value) else abs(value) / most
        tip = element("title", f"{rows[row]}, {columns[column]}: {written[row][column]}")
        size = {"width": box - 1, "height": _ROW - 1, "stroke": GRID, "stroke_width": 0.5}
        colour = WARM_SHADE if value < 0 else SHADE
        square = element("rect", x=x + 0.5, y=y + 0.5, fill=colour, fill_opacity=shade, **size)
        ink = ON_STRONG if shade >= STRONG else ON_PALE
        return element("g", tip + square + text(x + box / 2, y + _ROW / 2, written[row][column], "middle", ink))

    marks = [_row_name(name, left, head + (place + 0.5) * _ROW) for place, name in enumerate(rows)]
    marks += [_column_name(name, left + (place + 0.5) * box, head - 5) for place, name in enumerate(columns)]
    marks += [mark(row, column) for row in range(len(rows)) for column in range(len(columns))]
    body = [(name, *line) for name, line in zip(rows, written, strict=True)]
    ends = (_short(float(end), whole) for end in (known.min(), known.max())) if known.size else ("none", "none")
    gist = f"{len(rows)} rows and {len(columns)} columns; values from {' to '.join(ends)}."
    size = {"width": left + box * len(columns) + _SLANT, "height": head + len(rows) * _ROW + 2}
    return figure(title, gist, marks, **size, values=(("", *columns), body))


def _row_name(name: str, right: float, middle: float) -> Markup:
    return element("g", element("title", name) + text(right - 6, middle, clipped(name, right - 6), "end"))


def _column_name(name: str, x: float, y: float) -> Markup:
    turned = element("text", clipped(name, 90.0), transform=f"translate({x:.1f} {y:.1f}) rotate(-40)")
    return element("g", element("title", name) + turned)


def _short(value: float, whole: bool) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if whole or abs(value) >= 100 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
