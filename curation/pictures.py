"""The pictures of candidates: made once, failures dropped with their reason, copies of one picture told apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.cells import Cell
from curation.frozen import Frozen
from curation.rows import Row, drop, read_chosen
from curation.run import Run
from datasets_builders import corpus
from datasets_builders.common.corpus import Picture
from facial_r1.progress import Progress
from facial_r1.sample import Sample

__all__ = ["Pictures"]

KEEPS_FIRST = ("test", "val", "train")
"""Of two copies of a picture the one in the earlier of these splits stays: a test set loses nothing to training."""


class Pictures:
    """Makes the pictures of candidates as they are drawn.

    Attributes:
        dropped: id → the line of ``dropped.jsonl``, in the order in which they were found.
    """

    def __init__(self, run: Run, files: Mapping[str, Path], workers: int, progress: Progress, frozen: Frozen) -> None:
        self.run, self.files, self.workers, self.progress, self.frozen = run, files, workers, progress, frozen
        self.dropped: dict[str, Mapping[str, Any]] = {}
        self._made: dict[str, Picture] = {}

    def examine(self, cells: Sequence[Cell]) -> Mapping[str, object]:
        """Make what is not made yet; returns the candidates that cannot be used."""
        for name in sorted({cell.corpus for cell in cells}):
            new = [row for cell in cells if cell.corpus == name for row in cell.kept if row.id not in self._made]
            if new:
                self._make(name, new)
        self._drop_copies(cells)
        return self.dropped

    def complete(self, sample: Sample) -> None:
        """Write into a chosen sample what is known of its picture."""
        picture, meta = self._made[sample.id], sample.meta_info
        assert picture.image is not None  # a failed picture is never chosen
        sample.image, meta.image_sha256 = picture.image, picture.sha256
        meta.crop = self.run.recipe.corpora[sample.dataset].crop
        if picture.box is not None:
            meta.box = list(picture.box)

    def lines(self, cells: Iterable[Cell]) -> Iterator[Mapping[str, Any]]:
        """The manifest: one line per candidate, in the order of the tasks."""
        for row in (row for cell in cells for row in cell.kept):
            made = self._made[row.id]
            size = {"width": made.width, "height": made.height}
            yield {"id": row.id, "dataset": row.dataset, "image": made.image, "sha256": made.sha256, **size}

    def _make(self, name: str, rows: Sequence[Row]) -> None:
        from datasets_builders.common.materialize import materialize

        source = self.run.recipe.corpora[name]
        assert source.root is not None  # stage 1 saw to it
        pictures = materialize(
            corpus(name),
            source.root,
            list(read_chosen(self.files[name], rows)),
            self.run.images,
            crop=source.crop,
            max_side=source.max_side,
            workers=self.workers,
            options=source.arguments,
            progress=self.progress,
        )
        for row, picture in zip(rows, pictures, strict=True):
            self._made[row.id] = picture
            if picture.reason is not None:
                self.dropped[row.id] = drop(row, picture.reason, picture.detail)

    def _drop_copies(self, cells: Sequence[Cell]) -> None:
        """Of byte-identical pictures of different groups only one stays (two faces of one photograph may share it)."""
        first: dict[str, Row] = {}
        for cell in sorted(cells, key=lambda cell: KEEPS_FIRST.index(cell.split)):
            for row in cell.kept:
                sha256 = self._made[row.id].sha256
                if row.id in self.dropped or sha256 is None:
                    continue
                if cell.split != "test" and sha256 in self.frozen.pictures:
                    self.dropped[row.id] = drop(row, "frozen_test", "an earlier release tested on this very picture")
                    continue
                other = first.setdefault(sha256, row)
                if other.group != row.group:
                    self.dropped[row.id] = drop(row, "duplicate_picture", f"the same picture as {other.id}")
