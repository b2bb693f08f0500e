"""Components: what hangs together by group and origin, and therefore goes to one split as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from curation.rows import Row

__all__ = ["SPLITS", "Component", "components"]

SPLITS: tuple[str, ...] = ("train", "val", "test")

PARKING = 0.75
"""Rényi's parking constant, rounded: frames drawn at random with a gap between them fill so much of a video at most."""


def components(rows: Iterable[Row]) -> list[int]:
    """For each row the number of its component, in the order of ``rows`` (union-find with path halving).

    Equal group names of two corpora are joined as well: DISFA and DISFA+ share their subjects by name, and a chance
    namesake only keeps two groups together that could have been apart.
    """
    parent: list[int] = []
    numbers: dict[tuple[str, str], int] = {}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def number(kind: str, name: str) -> int:
        node = numbers.setdefault((kind, name), len(parent))
        if node == len(parent):
            parent.append(node)
        return node

    groups = []
    for row in rows:
        group = number("group", row.group)
        groups.append(group)
        for origin in row.origins:
            a, b = root(group), root(number("origin", origin))
            parent[max(a, b)] = min(a, b)
    return [root(group) for group in groups]


@dataclass(slots=True)
class Component:
    """A component, as far as its rows are usable.

    Attributes:
        name: seeds its place among the others.
        loose: corpus → rows that are no frames.
        videos: corpus and video → number of frames, the first and the last of them.
        open_to: splits → rows open to exactly these.
    """

    name: str
    loose: dict[str, int] = field(default_factory=dict)
    videos: dict[tuple[str, str], tuple[int, int, int]] = field(default_factory=dict)
    open_to: dict[frozenset[str], int] = field(default_factory=dict)

    def add(self, row: Row, splits: frozenset[str]) -> None:
        """Count a row that may go to ``splits``."""
        self.open_to[splits] = self.open_to.get(splits, 0) + 1
        loose = self.loose.get(row.dataset, 0)
        if row.frame is None:
            self.loose[row.dataset] = loose + 1
            return
        self.loose[row.dataset] = loose
        count, first, last = self.videos.get((row.dataset, row.video), (0, row.frame, row.frame))
        self.videos[row.dataset, row.video] = count + 1, min(first, row.frame), max(last, row.frame)

    def room(self, corpus: str, frame_gap: int) -> float:
        """About how many of its rows of ``corpus`` can be chosen with ``frame_gap`` frames between them."""
        videos = [extent for (name, _), extent in self.videos.items() if name == corpus]
        if frame_gap < 2:
            return self.loose[corpus] + sum(count for count, _, _ in videos)
        frames = (min(count, PARKING * (1 + (last - first) / frame_gap)) for count, first, last in videos)
        return self.loose[corpus] + sum(frames)

    def choices(self) -> list[str]:
        """The splits open to all its rows; where the rows disagree, only the one open to most of them."""
        common = frozenset(SPLITS).intersection(*self.open_to)
        if common:
            return [split for split in SPLITS if split in common]
        votes = {split: sum(n for splits, n in self.open_to.items() if split in splits) for split in SPLITS}
        # Equal votes go to the later split: a test row that strays into training is worse than the reverse.
        return [max(reversed(SPLITS), key=lambda split: votes[split])]
