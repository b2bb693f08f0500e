"""The set gate on openings: texts that all begin alike teach a phrase, not a face."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from curation.gates.registry import PASSED, Candidate, Ruling, SetGate, set_gate
from curation.gates.words import prose_of
from facial_r1.wording import words_of

__all__ = ["opening"]


@set_gate
def opening(
    words: Annotated[int, Field(ge=1, le=20)] = 4,
    share: Annotated[float, Field(gt=0, le=1)] = 0.05,
    least: Annotated[int, Field(ge=1)] = 20,
) -> SetGate:
    """How many kept rows begin with the same words. That is the value.

    Args:
        words: length of an opening.
        share: largest part of the rows kept so far that may have one opening; a row beyond it has an
            ``opening_repeated``, and the detail names the first row that began so.
        least: as many rows may have it in any case, however few are kept.
    """
    return _Openings(words, share, least)


class _Openings:
    def __init__(self, words: int, share: float, least: int) -> None:
        self.words, self.share, self.least = words, share, least
        self.total = 0
        self.counts: dict[tuple[str, ...], tuple[int, str]] = {}  # opening → kept rows, the first of them

    def read(self, candidate: Candidate) -> tuple[str, ...]:
        return words_of(prose_of(candidate))[: self.words]

    def rule(self, read: tuple[str, ...]) -> Ruling:
        count, first = self.counts.get(read, (0, ""))
        if count < max(self.least, int(self.share * self.total)):
            return Ruling(True, value=count) if count else PASSED
        return Ruling(False, "opening_repeated", f"“{' '.join(read)}” opens {count} rows, first {first}", count)

    def keep(self, read: tuple[str, ...], row: str) -> None:
        count, first = self.counts.get(read, (0, row))
        self.counts[read] = count + 1, first
        self.total += 1
