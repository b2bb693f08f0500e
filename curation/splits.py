"""Which split a row belongs to: whole groups only, joined where two groups hold the same picture by name.

A *component* is everything that hangs together by ``group`` and ``origin_ids``; it goes to exactly one split. Where
the recipe or the corpus' owner leaves a choice, the seed decides: components are shared out in a seeded order until
each split has its part, in proportion to the rows wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from curation.components import SPLITS, Component
from curation.ranking import position
from curation.rows import Row
from facial_r1.recipe import Part, Select

__all__ = ["SPLITS", "Rules", "assign"]


class Rules:
    """Which parts of a recipe a row may serve.

    Without ``official`` in a part, the owner's splits are kept: train takes official training rows, test takes
    official test rows (official validation rows where the corpus publishes no test part, and training rows where it
    has neither), val takes official validation rows, or is cut from the training rows where those serve as test or
    do not exist. Rows without an official split may go anywhere.
    """

    def __init__(self, select: Select, rows: Iterable[Row]) -> None:
        """``rows``: all rows, for which official splits a corpus has."""
        self.select = select
        official: dict[str, set[str]] = {part.corpus: set() for part in select.parts}
        for dataset, split in {(row.dataset, row.official) for row in rows}:
            if dataset in official and split is not None:
                official[dataset].add(split)
        self.usual = {corpus: _usual(splits) for corpus, splits in official.items()}
        self._known: dict[tuple[object, ...], tuple[int, ...]] = {}

    def parts_for(self, row: Row) -> tuple[int, ...]:
        """The positions in ``select.parts`` of the parts that ``row`` may serve."""
        subject = row.subject if row.dataset in self.select.subjects else None
        key = (row.dataset, row.official, row.scored, bool(row.labels), subject)
        if key not in self._known:
            parts = enumerate(self.select.parts)
            self._known[key] = tuple(place for place, part in parts if self._serves(row, part))
        return self._known[key]

    def _serves(self, row: Row, part: Part) -> bool:
        if row.dataset != part.corpus:
            return False
        scored = row.scored or (part.where not in ("aus", "both") and part.balance != "au")
        labelled = bool(row.labels) or (part.where not in ("labels", "both") and part.balance != "label")
        subjects = self.select.subjects.get(row.dataset)
        listed = subjects is None or row.subject in subjects.get(part.split, ())
        official = part.official or self.usual[row.dataset][part.split]
        return scored and labelled and listed and row.official in official


def _usual(official: set[str]) -> dict[str, set[str | None]]:
    test = next((split for split in ("test", "val") if split in official), "train")
    val = "val" if "val" in official and test != "val" else "train"
    return {"train": {None, "train"}, "val": {None, val}, "test": {None, test}}


def assign(
    rows: Sequence[Row], component: Sequence[int], rules: Rules, seed: int, only_test: Collection[int] = ()
) -> dict[int, str]:
    """Give every component that has a usable row one split: component number → split.

    Args:
        rows: all rows with a truth, corpora in name order.
        component: the component number of each, see :func:`curation.components.components`.
        rules: what the recipe and the owners allow.
        seed: the recipe's.
        only_test: components that may serve in no other split.
    """
    parts = rules.select.parts
    splits_of = {use: frozenset(parts[place].split for place in use) for use in {*map(rules.parts_for, rows)}}
    found: dict[int, Component] = {}
    for row, number in zip(rows, component, strict=True):
        splits = splits_of[rules.parts_for(row)]
        if number in only_test:
            splits &= {"test"}
        if splits:
            if number not in found:
                found[number] = Component(row.group)
            found[number].add(row, splits)
    order = sorted(found, key=lambda number: (position(seed, "split", found[number].name), found[number].name))
    of: dict[int, str] = {}
    for corpus in sorted({part.corpus for part in parts}):
        mine = {number: found[number] for number in order if corpus in found[number].loose}
        _Sharing(corpus, mine, of, rules.select).share_out()
    return of


class _Sharing:
    """Decides the components of one corpus, in the order given, and writes the splits into ``of``."""

    def __init__(self, corpus: str, mine: Mapping[int, Component], of: dict[int, str], select: Select) -> None:
        self.of = of
        self.choices = {number: [of[number]] if number in of else entry.choices() for number, entry in mine.items()}
        self.room = {number: entry.room(corpus, select.frame_gap) for number, entry in mine.items()}
        self.wanted: Counter[str] = Counter()
        for part in select.parts:
            if part.corpus == corpus:
                self.wanted[part.split] += part.rows
        supply = sum(self.room.values())
        self.target = {split: supply * rows / self.wanted.total() for split, rows in self.wanted.items()}
        self.got = dict.fromkeys(SPLITS, 0.0)

    def share_out(self) -> None:
        """First those without a choice, then the others: the smallest split takes its share first."""
        for number, choices in self.choices.items():
            if len(choices) == 1:
                self._give(number, choices[0])
        order = [number for number, choices in self.choices.items() if len(choices) > 1]
        left = sum(self.room[number] for number in order)
        for place, number in enumerate(order):
            *smaller, largest = sorted(self.choices[number], key=lambda split: (self.wanted[split], split))
            left -= self.room[number]
            # Each of the larger splits is to get at least one component, too.
            may = [split for rank, split in enumerate(smaller) if len(order) - place > len(smaller) - rank]
            self._give(number, next((split for split in may if self._takes(split, number, left)), largest))

    def _takes(self, split: str, number: int, left: float) -> bool:
        """Whether a split takes the component: one at least, then its share, rounded to whole components; and beyond
        that as long as it lacks rows and what is ``left`` holds all that the other splits lack."""
        got, room = self.got[split], self.room[number]
        if not got or got + room / 2 <= self.target[split]:
            return True
        others = sum(max(0.0, rows - self.got[other]) for other, rows in self.wanted.items() if other != split)
        return got < self.wanted[split] and others <= left

    def _give(self, number: int, split: str) -> None:
        self.of[number] = split
        self.got[split] += self.room[number]
