"""Quota cells and the drawing of their candidates.

A cell is the smallest unit with a quota: a corpus and a split, and with ``balance: label`` a class. Candidates are
drawn in rank order, cell by cell in turn, until each cell has its quota and reserve; what :class:`Examine` rejects
(no picture, a copy of another picture) is replaced by the next in rank until the cell is full or exhausted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from curation.ranking import FrameGap, by_hash, by_rarest_au, reserved, share
from curation.rows import Row
from facial_r1.recipe import Part, Select

__all__ = ["Cell", "Examine", "PartCells", "draw_all", "part_names"]

Examine = Callable[[Sequence["Cell"]], Mapping[str, object]]
"""Looks at the candidates of all cells; the keys of the result are the ids of those to replace."""


@dataclass(slots=True)
class Cell:
    """One quota and its candidates.

    Attributes:
        name: ``corpus/split`` or ``corpus/split/class``; a second part of the same corpus and split adds ``.2``.
        label: the class, with ``balance: label``.
        pool: rows that could serve it, before frame gaps and pictures.
        quota: rows to release.
        kept: the candidates in rank order.
    """

    name: str
    corpus: str
    split: str
    label: str | None
    pool: int
    stream: Iterator[Row]
    quota: int = 0
    kept: list[Row] = field(default_factory=list)
    exhausted: bool = False

    @property
    def available(self) -> int:
        """How many candidates it can have at most, as far as is known by now."""
        return len(self.kept) if self.exhausted else self.pool


@dataclass(frozen=True, slots=True)
class PartCells:
    """A part of the recipe, under its name, and its cells."""

    name: str
    part: Part
    cells: list[Cell]

    def set_quotas(self) -> None:
        """Spread the part's rows over its cells; one that is exhausted passes the rest on to the others."""
        quotas = share(self.part.rows, {cell.name: cell.available for cell in self.cells})
        for cell in self.cells:
            cell.quota = quotas[cell.name]

    def passed_on(self) -> dict[str, int]:
        """Cell name → rows of its even share that it could not give and other cells took."""
        even = share(self.part.rows, {cell.name: self.part.rows for cell in self.cells})
        return {cell.name: even[cell.name] - cell.quota for cell in self.cells if cell.quota < even[cell.name]}


def part_names(parts: Iterable[Part]) -> list[str]:
    """A name for each part: ``corpus/split``, numbered from the second of the same corpus and split on."""
    seen: dict[str, int] = defaultdict(int)
    names = []
    for part in parts:
        name = f"{part.corpus}/{part.split}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return names


def _cells(name: str, part: Part, rows: Sequence[Row], seed: int, take: Callable[[Row], bool]) -> list[Cell]:
    ranked = by_hash(rows, seed, f"{part.corpus}/{part.split}")
    if part.balance == "au":
        return [Cell(name, part.corpus, part.split, None, len(ranked), by_rarest_au(ranked, take))]
    if part.balance == "none" or not ranked:
        return [Cell(name, part.corpus, part.split, None, len(ranked), filter(take, ranked))]
    classes: dict[str, list[Row]] = defaultdict(list)
    for row in ranked:
        classes["+".join(row.labels)].append(row)  # a compound is a class of its own
    return [
        Cell(f"{name}/{label}", part.corpus, part.split, label, len(classes[label]), filter(take, classes[label]))
        for label in sorted(classes)
    ]


def draw_all(
    pools: Sequence[tuple[Part, Sequence[Row]]], select: Select, seed: int, examine: Examine
) -> list[PartCells]:
    """Fill the cells of all parts.

    Args:
        pools: each part with the rows that may serve it; a row in several pools goes to the first that draws it.
        select: the recipe's reserve and frame gap.
        seed: the recipe's.
        examine: called after every round of drawing, until it rejects nothing that could be replaced.
    """
    taken: set[str] = set()
    gap = FrameGap(select.frame_gap)

    def take(row: Row) -> bool:
        # A frame keeps its neighbours out even when its picture fails later: the neighbours' turn is over by then.
        if row.id in taken or not gap.take(row):
            return False
        taken.add(row.id)
        return True

    names = part_names(part for part, _ in pools)
    groups = [
        PartCells(name, part, _cells(name, part, rows, seed, take))
        for name, (part, rows) in zip(names, pools, strict=True)
    ]
    cells = [cell for group in groups for cell in group.cells]
    for ahead in count():
        for group in groups:
            group.set_quotas()
        drawn = [_draw(group.cells, select.reserve, 2**ahead) for group in groups]
        if not any(drawn):
            break
        rejected = examine(cells)
        for cell in cells:
            cell.kept = [row for row in cell.kept if row.id not in rejected]
    for cell in cells:
        del cell.kept[reserved(cell.quota, select.reserve) :]
    return groups


def _draw(cells: Sequence[Cell], reserve: float, times: int) -> bool:
    """Draw what every cell lacks of its quota and reserve, one row for each in turn; False when nothing was left to do.

    ``times`` as much is drawn, twice as much in each further round: of the replacements some fail as well, and a round
    may mean decoding every video again.
    """
    need = {cell.name: times * (reserved(cell.quota, reserve) - len(cell.kept)) for cell in cells}
    hungry = [cell for cell in cells if need[cell.name] > 0 and not cell.exhausted]
    anything = bool(hungry)
    while hungry:
        for cell in hungry:
            row = next(cell.stream, None)
            if row is None:
                cell.exhausted = True
            else:
                cell.kept.append(row)
                need[cell.name] -= 1
        hungry = [cell for cell in hungry if need[cell.name] > 0 and not cell.exhausted]
    return anything
