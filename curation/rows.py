"""What selection knows about a row: a fraction of a sample, so that hundreds of thousands fit into memory."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from datasets_builders.common.corpus import Dropped
from facial_r1.sample import Sample

__all__ = ["Row", "drop", "read_chosen", "read_rows", "to_rows"]


class Row(NamedTuple):
    """One sample as selection sees it (a tuple: half the time and memory of a frozen dataclass).

    Attributes:
        id, dataset, subject, origins, frame, aus, labels, source: as in the sample.
        group: the unit that never crosses a split; the row itself where the corpus names none.
        official: the split that the corpus' owner put the row in, or None.
        scored: whether AUs were scored at all (``aus`` may then be empty).
        offset: where the row's line starts in its file, in bytes.
    """

    id: str
    dataset: str
    group: str
    subject: str | None
    origins: tuple[str, ...]
    official: str | None
    frame: int | None
    aus: tuple[str, ...]
    labels: tuple[str, ...]
    scored: bool
    source: str
    offset: int

    @property
    def video(self) -> str:
        """The sequence that ``frame`` counts in: the label file, for a group may own several videos."""
        return f"{self.group}|{self.source.rpartition(':')[0]}"


def to_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """The rows of the lines of a stage-1 file."""
    offset = 0
    # Few different values stand in very many rows: each is kept once.
    tuples: dict[tuple[str, ...], tuple[str, ...]] = {}

    def once(values: list[str]) -> tuple[str, ...]:
        key = tuple(values)
        return tuples.setdefault(key, key)

    for line in lines:
        row = orjson.loads(line)
        meta = row["meta_info"]
        yield Row(
            id=row["id"],
            dataset=sys.intern(row["dataset"]),
            group=sys.intern(meta["group"] or row["id"]),
            subject=_interned(meta["subject"]),
            origins=tuple(meta["origin_ids"]),
            official=_interned(meta["split"]),
            frame=meta["frame"],
            aus=once(row["AUs"]),
            labels=once(row["labels"]),
            scored=bool(meta["au_annotated"]),
            source=meta["source"] or "",
            offset=offset,
        )
        offset += len(line)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a stage-1 file, streaming."""
    with open(path, "rb") as handle:
        yield from to_rows(handle)


def read_chosen(path: Path, rows: Iterable[Row]) -> Iterator[Sample]:
    """The full samples of ``rows``, which all stand in ``path``, in the order given."""
    with open(path, "rb") as handle:
        for row in rows:
            handle.seek(row.offset)
            yield Sample.from_own(orjson.loads(handle.readline()))


def drop(row: Row, reason: str, detail: str) -> Mapping[str, Any]:
    """The line of ``dropped.jsonl`` for a row that selection leaves out for a reason."""
    dropped = Dropped(row.dataset, row.id, reason, detail, row.source, row.aus, row.labels)
    return {name: getattr(dropped, name) for name in Dropped.__slots__}


def _interned(text: str | None) -> str | None:
    return None if text is None else sys.intern(text)
