"""How often each Action Unit is seen in a corpus: ranges outside of which a release should not lie unnoticed.

The figures are the per-cent of rows with the unit in the subsets on which the method was published (training and test
part where both are known; the smaller and the larger of the two stand here). They say what is usual, not what is right:
a swapped column or a unit that is set in every row lies far outside, another choice of rows does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["USUAL", "Range", "allowed", "wilson"]

Range = tuple[float, float]
"""Least and greatest rate, 0-1."""

# Per corpus: number of the Action Unit, then its lower and upper per-cent.
_TABLE = {
    "disfa": "1 10.2 12.3, 2 8.1 11.3, 4 20.2 35.5, 5 2.3 4.0, 6 17.9 25.8, 9 7.2 9.3, 12 36.1 36.2, 15 7.8 13.1, "
    "17 12.9 17.1, 20 5.3 6.4, 25 49.6 67.8, 26 25.6 41.0",
    "bp4d": "1 27.1 27.1, 2 24.3 24.3, 4 22.9 22.9, 5 6.3 6.3, 6 48.2 48.2, 7 58.5 58.5, 9 8.1 8.1, 10 63.6 63.6, "
    "12 61.3 61.3, 14 55.0 55.0, 15 25.3 25.3, 16 6.8 6.8, 17 47.7 47.7, 20 4.1 4.1, 22 1.3 1.3, 23 29.8 29.8, "
    "24 19.1 19.1, 27 2.2 2.2",
    "raf_au": "1 23.9 25.0, 2 16.7 18.7, 4 41.1 44.7, 5 20.9 23.1, 6 9.5 10.6, 7 7.9 10.0, 9 17.8 18.1, 10 31.9 32.5, "
    "12 28.6 29.3, 14 2.5 3.0, 15 6.4 8.1, 16 15.7 16.8, 17 11.6 12.7, 20 4.3 5.6, 22 7.6 8.0, 23 2.9 3.5, "
    "24 5.0 5.3, 25 65.0 65.5, 26 23.7 25.4, 27 18.6 18.8",
    "faba": "1 35.0 44.3, 2 24.1 29.3, 4 39.7 45.9, 5 24.4 27.1, 6 24.5 54.1, 7 17.5 20.0, 9 11.5 14.8, 10 13.4 13.9, "
    "12 30.2 52.1, 14 0.6 2.9, 15 14.3 15.1, 16 0.9 1.6, 17 15.6 16.7, 20 9.6 9.9, 23 7.7 11.2, 24 13.0 23.9, "
    "25 43.0 56.9, 26 23.2 23.3, 27 6.5 8.9",
}


def _read(text: str) -> dict[str, Range]:
    entries = (entry.split() for entry in text.split(","))
    return {f"AU{number}": (float(low) / 100, float(high) / 100) for number, low, high in entries}


USUAL: dict[str, dict[str, Range]] = {corpus: _read(text) for corpus, text in _TABLE.items()}
"""Corpus → code → rates of its published subsets (arXiv 2511.10254, configuration of its reference code)."""

MOST = 0.9
"""A unit that more rows show than this tells nothing, in any corpus."""

_Z = 3.29  # of the normal distribution, two-sided 99.9 %: a release has hundreds of rates


def allowed(usual: Mapping[str, Range], code: str, factor: float | None) -> Range:
    """The range that the rate of a unit may lie in.

    Args:
        usual: the rates known of its corpus, perhaps none.
        code: the unit.
        factor: how far the odds ``rate / (1 - rate)`` may lie outside of them; None allows anything.

    >>> [round(rate, 3) for rate in allowed({"AU5": (0.02, 0.04)}, "AU5", 4)]
    [0.005, 0.143]
    """
    if factor is None:
        return (0.0, 1.0)
    if code not in usual:
        return (0.0, MOST)
    low, high = usual[code]
    return _rate(_odds(low) / factor), min(MOST, _rate(_odds(high) * factor))


def _odds(rate: float) -> float:
    return rate / (1 - rate)


def _rate(odds: float) -> float:
    return odds / (1 + odds)


def wilson(hits: int, of: int) -> Range:
    """The rates that ``hits`` of ``of`` rows are compatible with: Wilson's score interval at 99.9 % (JASA 22, 1927).

    >>> [round(rate, 3) for rate in wilson(0, 100)]
    [0.0, 0.098]
    """
    rate, squared = hits / of, _Z**2 / of
    middle = (rate + squared / 2) / (1 + squared)
    half = _Z / (1 + squared) * math.sqrt(rate * (1 - rate) / of + squared / (4 * of))
    return min(rate, max(0.0, middle - half)), max(rate, min(1.0, middle + half))
