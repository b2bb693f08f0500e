"""Charts over numbers: how values are spread, and how they run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from facial_r1.stats.svg import ACCENT, GRID, SERIES, WIDTH, clipped, element, figure, text, ticks
from facial_r1.stats.tables import number

__all__ = ["histogram", "lines"]

Numbers: TypeAlias = NDArray[np.float64]

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 182.0, 40.0, 346.0, 18.0, 146.0
"""The plot's frame inside its drawing, in pixels."""


class _Frame:
    """Two axes with round ticks, and the way from values to pixels."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.x_ticks, self.y_ticks = ticks(*x, 5), ticks(*y, 4)
        self.x0, self.x1 = self.x_ticks[0], self.x_ticks[-1]
        self.y0, self.y1 = self.y_ticks[0], self.y_ticks[-1]

    def across(self, value: float) -> float:
        return _LEFT + (value - self.x0) / (self.x1 - self.x0) * (_RIGHT - _LEFT)

    def up(self, value: float) -> float:
        return _BOTTOM - (value - self.y0) / (self.y1 - self.y0) * (_BOTTOM - _TOP)

    def marks(self, x: str, y: str) -> Iterable[Markup]:
        for value in self.y_ticks:
            height = self.up(value)
            yield element("line", x1=_LEFT, x2=_RIGHT, y1=height, y2=height, stroke=GRID, stroke_width=0.7)
            yield text(_LEFT - 5, height, _tick(value), anchor="end")
        for value in self.x_ticks:
            at = self.across(value)
            yield element("line", x1=at, x2=at, y1=_BOTTOM, y2=_BOTTOM + 4, stroke="currentColor", stroke_width=0.7)
            yield text(at, _BOTTOM + 13, _tick(value), anchor="middle")
        yield element("line", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM, stroke="currentColor", stroke_width=0.7)
        yield text(_RIGHT, _BOTTOM + 28, x, anchor="end")
        yield text(_LEFT, 6, y)


def _tick(value: float) -> str:
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if abs(value) >= 10_000 else f"{value:,g}"


def histogram(values: ArrayLike, *, title: str, unit: str = "", bins: int = 30) -> Markup:
    """How values are spread: bars of equal width, and their quartiles in words.

    Args:
        values: any shape; NaN (unknown) is left out and counted.
        title: what is shown.
        unit: of the values; names the axis.
        bins: number of bars; fewer where whole numbers have a smaller range.
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    known = given[~np.isnan(given)]
    if not known.size:
        empty = [text(WIDTH / 2, 20, "no values", anchor="middle")]
        return figure(title, "No values.", empty, height=40, values=(("",), []))
    counts, edges = np.histogram(known, _edges(known, bins))
    frame = _Frame((float(edges[0]), float(edges[-1])), (0.0, float(counts.max())))
    marks = list(frame.marks(unit, "number"))
    for count, start, end in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count:
            x, width, top = frame.across(start), frame.across(end) - frame.across(start), frame.up(count)
            tip = element("title", f"{number(start)} to {number(end, unit)}: {count:,}")
            gap = min(1.0, width / 5)
            bar = element("rect", tip, x=x, y=top, width=width - gap, height=max(_BOTTOM - top, 0.5), fill=ACCENT)
            marks.append(bar)
    low, first, median, third, high = (float(value) for value in np.percentile(known, (0, 25, 50, 75, 100)))
    missing = int(given.size - known.size)
    gist = (
        f"{known.size:,} values from {number(low)} to {number(high, unit)}, median {number(median)}, "
        f"half of them from {number(first)} to {number(third)}{f'; {missing:,} unknown' if missing else ''}."
    )
    rows = zip(map(number, edges[:-1].tolist()), map(number, edges[1:].tolist()), counts.tolist(), strict=True)
    return figure(title, gist, marks, height=_HEIGHT, values=(("from", "to", "number"), rows))


def _edges(values: Numbers, bins: int) -> Numbers:
    """Edges of the bars; whole numbers get whole widths, so that no bar covers one number more than its neighbour."""
    low, high = float(values.min()), float(values.max())
    if np.all(values == np.round(values)):
        step = max(1, math.ceil((high - low + 1) / bins))
        return np.arange(low, high + step + 1, step, dtype=np.float64) - 0.5
    return np.linspace(low, high, bins + 1)


def lines(series: Mapping[str, Sequence[tuple[float, float]]], *, title: str, x: str, y: str) -> Markup:
    """Values over a number, one line per name, told apart by colour and dashes.

    Args:
        series: name → (x, y) points in the order of drawing; NaN breaks a line.
        title: what is shown.
        x, y: names of the axes.
    """
    points = np.array([point for line in series.values() for point in line], dtype=np.float64).reshape(-1, 2)
    points = points[~np.isnan(points).any(axis=1)]
    if not points.size:
        empty = [text(WIDTH / 2, 20, "no values", anchor="middle")]
        return figure(title, "No values.", empty, height=40, values=(("",), []))
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    frame = _Frame((x0, x1), (y0, y1))
    marks, rows = list(frame.marks(x, y)), []
    for place, (name, line) in enumerate(series.items()):
        colour, dashes = SERIES[place % len(SERIES)]
        tip = element("title", name)
        marks.append(_line(frame, line, tip, colour, dashes))
        height = _HEIGHT + place * 16
        key = {"x1": _LEFT, "x2": _LEFT + 26, "y1": height, "y2": height}
        marks.append(element("line", **key, stroke=colour, stroke_width=2, stroke_dasharray=dashes or None))
        marks.append(text(_LEFT + 33, height, clipped(name, _RIGHT - _LEFT - 33)))
        known = [value for _, value in line if not math.isnan(value)]
        rows.append((name, len(line), *((known[0], known[-1], min(known), max(known)) if known else (None,) * 4)))
    gist = f"{len(series)} lines over {x}, {y} from {number(y0)} to {number(y1)}."
    columns = (y, "points", "first", "last", "lowest", "highest")
    return figure(title, gist, marks, height=_HEIGHT + 16 * len(series), values=(columns, rows))


def _line(frame: _Frame, line: Sequence[tuple[float, float]], tip: Markup, colour: str, dashes: str) -> Markup:
    path, pen = [], "M"
    for at, value in line:
        if math.isnan(at) or math.isnan(value):
            pen = "M"
            continue
        path.append(f"{pen}{frame.across(at):.1f} {frame.up(value):.1f}")
        pen = "L"
    style = {"fill": "none", "stroke": colour, "stroke_width": 2, "stroke_linejoin": "round", "stroke_linecap": "round"}
    return element("path", tip, d="".join(path), **style, stroke_dasharray=dashes or None)
