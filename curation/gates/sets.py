"""What set gates may decide: which of the accepted rows repeat one that was kept before them.

Only what the row gates accept comes here, in the order of the tasks (cell by cell, rank by rank), and only until the
quota of its cell is full: the rows that a set gate compares are those that a release would hold. Of a row with several
accepted answers the first that no set gate rejects is kept. The order is fixed, so nothing depends on workers, on the
order of answers or on where a run was resumed. Stage 3 draws the next candidate for a row that is rejected here, and
stage 4 comes to the same verdicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from curation.gates.registry import Candidate, Panel, Verdict, rejection

__all__ = ["Admission"]


class Admission:
    """One pass over the accepted answers of a run.

    Args:
        panel: the gates of the recipe.
        quotas: cell → rows that are released of it.

    Attributes:
        kept: cell → rows kept so far.
    """

    def __init__(self, panel: Panel, quotas: Mapping[str, int]) -> None:
        self.kept: Counter[str] = Counter()
        self._quotas = quotas
        self._gates = [(name, corpora, fresh()) for name, corpora, fresh in panel.sets]
        self._last: str | None = None  # the row that was kept last; its other answers are not compared

    def judge(self, cell: str, candidate: Candidate) -> list[Verdict]:
        """What the set gates say of an answer that the row gates accept; none where it will not be released anyway."""
        row = candidate.sample.id
        if row == self._last or self.kept[cell] >= self._quotas[cell]:
            return []
        corpus = candidate.sample.dataset
        asked = [(name, one) for name, corpora, one in self._gates if not corpora or corpus in corpora]
        reads = [one.read(candidate) for _, one in asked]
        verdicts = [Verdict(name, *one.rule(read)) for (name, one), read in zip(asked, reads, strict=True)]
        if rejection(verdicts) is None:
            for (_, one), read in zip(asked, reads, strict=True):
                one.keep(read, row)
            self.kept[cell] += 1
            self._last = row
        return verdicts
