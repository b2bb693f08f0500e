"""Two versions of a data set side by side: which rows came, went or changed, and how far the distributions moved."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import orjson

from curation.places import rows_of
from facial_r1.errors import InputError
from facial_r1.sample import KEYS, META_KEYS, Sample
from facial_r1.stats.rows import Stats
from facial_r1.stats.shift import Shift, shifts, total_variation
from facial_r1.stats.texts import SAMPLE, Diversity

__all__ = ["SHOWN", "Change", "Comparison", "compare"]

SHOWN = 5
"""Changed rows of which the values before and after are kept."""

_FIELDS: tuple[str, ...] = (
    *(key for key in KEYS if key not in ("id", "meta_info")),
    *(f"meta_info.{key}" for key in META_KEYS),
)
_PACKED = struct.Struct(f"{len(_FIELDS)}q")


@dataclass(frozen=True, slots=True)
class Change:
    """A row that stands in both, with other values.

    Attributes:
        id: of the row.
        fields: what differs, such as ``AUs`` or ``meta_info.split``.
        values: field → (before, after), for the first :data:`SHOWN` rows; empty for the rest.
    """

    id: str
    fields: tuple[str, ...]
    values: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Comparison:
    """What became of A in B.

    Attributes:
        first, second: the numbers of A and of B.
        added, dropped: ids of rows that only B, only A has, in their order there.
        changed: rows that both have with other values, in the order of B.
    """

    first: Stats = field(default_factory=Stats)
    second: Stats = field(default_factory=Stats)
    added: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        """Rows that are alike in every field."""
        return self.second.counts.rows - len(self.added) - len(self.changed)

    def fields(self) -> dict[str, int]:
        """Field → rows in which it changed, in the order of the record."""
        counter = Counter(name for change in self.changed for name in change.fields)
        return {name: counter[name] for name in _FIELDS if counter[name]}

    def shifts(self) -> list[Shift]:
        """Shares of corpora, splits, emotions and Action Units in both."""
        return shifts(self.first.counts, self.second.counts)

    def variations(self) -> dict[str, float | None]:
        """Total variation of the distributions over corpus × split × task, and over emotions."""
        one, other = self.first.counts, self.second.counts
        return {
            "corpus × split × task": total_variation(dict(one.composition()), dict(other.composition())),
            "emotions": total_variation(dict(one.labels()), dict(other.labels())),
        }

    def diversities(self) -> tuple[Diversity, Diversity]:
        """The diversity of both, measured on equally many texts, for it falls with their number."""
        most = min(self.first.texts.rows, self.second.texts.rows, SAMPLE)
        return self.first.texts.diversity(most), self.second.texts.diversity(most)


def compare(first: Path, second: Path, *, label_set: Iterable[str] = ()) -> Comparison:
    """Compare two data sets by the ids of their rows. Both are read generously: ``AU04`` and ``AU4`` are no change.

    Args:
        first, second: A and B, each a run with a release, a release folder or a JSONL file.
        label_set: labels that are allowed beyond the eight.

    Raises:
        InputError: when a place has no file of rows, a line is bad, or an id stands twice in one of them.
    """
    allowed, found = frozenset(label_set), Comparison()
    before: dict[str, bytes] = {}
    for sample in _unique(first, allowed, before.keys()):
        found.first.add(sample)
        before[sample.id] = _packed(sample)
    after: set[str] = set()
    shown: dict[str, Sample] = {}
    for sample in _unique(second, allowed, after):
        found.second.add(sample)
        after.add(sample.id)
        old, new = before.get(sample.id), _packed(sample)
        if old is None:
            found.added.append(sample.id)
        elif old != new:
            differ = map(int.__ne__, _PACKED.unpack(old), _PACKED.unpack(new))
            found.changed.append(Change(sample.id, tuple(compress(_FIELDS, differ))))
            if len(shown) < SHOWN:
                shown[sample.id] = sample
    found.dropped = [name for name in before if name not in after]
    _fill(found.changed, shown, rows_of(first, label_set=allowed))
    return found


def _unique(place: Path, label_set: frozenset[str], seen: Container[str]) -> Iterator[Sample]:
    """The rows of a place; ``seen`` is filled by the caller as they pass."""
    for sample in rows_of(place, label_set=label_set):
        if sample.id in seen:
            do = "give every row an id of its own; `facial-r1 validate FILE` lists the lines"
            raise InputError(
                "two rows have the same id, so rows cannot be told apart", path=place, found=sample.id, do=do
            )
        yield sample


def _packed(sample: Sample) -> bytes:
    """A hash of every field. Only compared within this process, so Python's own hash serves."""
    return _PACKED.pack(*(hash(orjson.dumps(_value(sample, name))) for name in _FIELDS))


def _value(sample: Sample, name: str) -> Any:
    owner, _, key = name.rpartition(".")
    return getattr(sample.meta_info, key) if owner else getattr(sample, key)


def _fill(changes: list[Change], after: dict[str, Sample], before: Iterator[Sample]) -> None:
    """Give the first changes their values; reads A again only as far as these rows reach."""
    wanted = {change.id: change for change in changes[: len(after)]}
    while wanted:
        old = next(before)
        change = wanted.pop(old.id, None)
        if change is not None:
            new = after[old.id]
            change.values.update({name: (_value(old, name), _value(new, name)) for name in change.fields})
