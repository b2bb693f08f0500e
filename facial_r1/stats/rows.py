"""One pass over rows that counts everything the tables and charts about a data set need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from facial_r1.sample import Sample
from facial_r1.stats.counts import Counts
from facial_r1.stats.texts import Texts

__all__ = ["Stats", "collect"]


@dataclass(slots=True)
class Stats:
    """The numbers of a data set: what its rows hold, and what their texts are like."""

    counts: Counts = field(default_factory=Counts)
    texts: Texts = field(default_factory=Texts)

    def add(self, sample: Sample) -> None:
        """Count one row."""
        self.counts.add(sample)
        self.texts.add(sample)


def collect(samples: Iterable[Sample]) -> Stats:
    """Count rows, streaming: memory does not grow with their number beyond four bytes a text."""
    stats = Stats()
    for sample in samples:
        stats.add(sample)
    return stats
