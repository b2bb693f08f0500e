"""The four kinds of chart draw what they are given, at the place where it belongs."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.errors import UsageError
from facial_r1.stats import bars, heatmap, histogram, lines
from facial_r1.stats.svg import FONT, WIDTH, ticks

finite = st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 6))


def boxes(markup: str) -> list[dict[str, float]]:
    """The rectangles of a drawing."""
    found = re.findall(r"<rect ([^>]*)>", markup)
    return [{k: float(v) for k, v in re.findall(r'([\w-]+)="([-\d.]+)"', box)} for box in found]


def test_bars_are_as_long_as_their_values_and_begin_at_zero() -> None:
    first, second, third = boxes(bars({"a": 10.0, "b": 20.0, "c": -10.0}, title="t"))
    assert second["width"] == pytest.approx(2 * first["width"], abs=0.05)
    assert first["x"] == second["x"] == pytest.approx(third["x"] + third["width"], abs=0.05)


def test_what_is_unknown_has_a_dash_and_no_bar() -> None:
    shown = bars({"a": 1.0, "unknown": float("nan")}, title="t")
    assert len(boxes(shown)) == 1
    assert "unknown: –" in shown


def test_intervals_reach_from_their_lower_to_their_upper_end() -> None:
    shown = bars({"a": 50.0, "b": 100.0}, title="t", unit="%", intervals={"a": (25.0, 75.0)})
    full = boxes(shown)[1]
    start, end = map(float, re.findall(r"M([\d.]+) [\d.]+v6m0 -3H([\d.]+)", shown)[0])
    assert start == pytest.approx(full["x"] + full["width"] / 4, abs=0.2)
    assert end == pytest.approx(full["x"] + 3 * full["width"] / 4, abs=0.2)
    assert "(25.0 to 75.0 %)" in shown


@given(st.dictionaries(st.text(max_size=30), finite, max_size=8))
def test_any_bars_stay_inside_their_drawing(values: dict[str, float]) -> None:
    for box in boxes(bars(values, title="t")):
        assert -0.1 <= box["x"] <= box["x"] + box["width"] <= WIDTH + 1


def test_names_get_the_room_that_their_letters_take() -> None:
    """The left edge of a name, in the broadest of the usual faces, lies inside the drawing."""
    ems = {"A": 0.69, "U": 0.74, "D": 0.78, "W": 0.99, "1": 0.64, "0": 0.64, "2": 0.64, "m": 0.98, "i": 0.28, "e": 0.62}
    for names in (["AU10", "AD12"], ["WWWW"], ["mmm", "i"], ["emme"]):
        shown = bars(dict.fromkeys(names, 1.0), title="t")
        for name in names:
            (end,) = re.findall(rf'<text x="([\d.]+)"[^>]*>{name}</text>', shown)
            assert float(end) >= FONT * sum(ems[letter] for letter in name)


def test_a_name_that_is_too_long_is_cut_and_told_in_full() -> None:
    name = "a rather long name of a row that goes on and on"
    shown = bars({name: 1.0}, title="t")
    assert f"<title>{name}: 1.00</title>" in shown
    (cut,) = re.findall(r">([^<]*…)</text>", shown)
    assert name.startswith(cut.removesuffix("…"))
    assert "AU16 lower lip depressor</text>" in bars({"AU16 lower lip depressor": 1.0}, title="t")


def test_a_grid_shades_by_value_and_leaves_the_unknown_blank() -> None:
    shown = heatmap([[0.5, 1.0], [np.nan, 0.0]], ["a", "b"], ["c", "d"], title="t")
    assert [box["fill-opacity"] for box in boxes(shown)] == [0.5, 1.0, 0.0, 0.0]
    assert "b, c: –" in shown
    assert "a, d: 1.00" in shown


def test_counts_are_written_whole_and_losses_in_another_colour() -> None:
    shown = heatmap(np.array([[1200, -3]]), ["a"], ["b", "c"], title="t")
    assert "1,200" in shown
    assert shown.count("var(--warm-shade") == 1


def test_names_that_do_not_fit_a_grid_are_an_error() -> None:
    with pytest.raises(UsageError, match="names of a heat map do not fit"):
        heatmap([[1, 2]], ["a"], ["b"], title="t")


def test_an_empty_grid_is_a_chart_too() -> None:
    assert "<svg" in heatmap(np.empty((0, 0)), [], [], title="t")


@given(st.lists(st.one_of(finite, st.just(float("nan"))), max_size=60), st.integers(1, 40))
def test_a_histogram_counts_every_value_once(values: list[float], bins: int) -> None:
    shown = histogram(values, title="t", bins=bins)
    counted = [int(n.replace(",", "")) for n in re.findall(r"<title>[^<]*: ([\d,]+)</title>", shown)]
    assert sum(counted) == sum(not np.isnan(value) for value in values)
    assert len(counted) <= bins + 1


def test_whole_numbers_get_bars_of_their_own() -> None:
    shown = histogram([1, 1, 2, 4], title="t", unit="words")
    widths = {round(box["width"], 1) for box in boxes(shown)}
    assert len(widths) == 1
    assert len(boxes(shown)) == 3  # three has no bar
    assert "median 1.50" in shown


def test_unknown_values_are_said_not_drawn() -> None:
    assert "2 unknown" in histogram([1.5, np.nan, np.nan], title="t")


@pytest.mark.parametrize("markup", [histogram([], title="t"), lines({}, title="t", x="x", y="y"), bars({}, title="t")])
def test_no_values_are_said(markup: str) -> None:
    assert "no values" in markup.lower()


def test_lines_rise_where_values_rise_and_break_where_they_are_unknown() -> None:
    shown = lines({"a": [(0, 1), (1, 2), (2, float("nan")), (3, 3)]}, title="t", x="step", y="loss")
    path = re.findall(r'<path d="([^"]*)"', shown)[0]
    points = [tuple(map(float, part.split())) for part in re.findall(r"[\d.]+ [\d.]+", path) for part in [part]]
    assert path.count("M") == 2
    assert points[0][1] > points[1][1] > points[2][1]  # down the page is smaller


def test_lines_are_told_apart_by_more_than_colour() -> None:
    shown = lines({f"line {n}": [(0, n), (1, n)] for n in range(5)}, title="t", x="x", y="y")
    dashes = re.findall(r'<path d="[^"]*"[^>]*>', shown)
    patterns = [re.findall(r'stroke-dasharray="([^"]*)"', line) for line in dashes]
    assert len({tuple(pattern) for pattern in patterns}) == 5


@given(finite, st.floats(0, 1e9).map(lambda value: round(value, 6)))
def test_ticks_are_few_and_cover_the_range(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 8
    assert found == sorted(set(found))
    step = found[1] - found[0]
    assert found[0] <= low + step * 1e-6
    assert low + span <= found[-1] + step * 1e-6
