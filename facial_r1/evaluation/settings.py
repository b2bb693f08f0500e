"""How an evaluation is made; all of it stands in its result."""

from __future__ import annotations

from dataclasses import dataclass

from facial_r1.evaluation.rouge import DEFAULT

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices that numbers depend on.

    Attributes:
        allow_missing: score what there is, and lower the coverage.
        assume_annotated: rows that list no annotated Action Units know the protocol's.
        part: score one part of the protocol alone.
        label_rule: with several true labels: ``any`` suffices, or the ``set``.
        label_set: labels beyond the eight.
        rouge: implementations to compute.
        with_tags: compare texts with their tags, to reproduce numbers that were computed so.
        resamples, seed: of the bootstrap and the paired tests.
    """

    allow_missing: bool = False
    assume_annotated: bool = False
    part: int | None = None
    label_rule: str = "any"
    label_set: tuple[str, ...] = ()
    rouge: tuple[str, ...] = DEFAULT
    with_tags: bool = False
    resamples: int = 1000
    seed: int = 0
