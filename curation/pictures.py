"""The pictures of candidates: made once, those that are no use or copies of others dropped with their reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.cells import Cell
from curation.copies import Copies
from curation.duplicates import Face
from curation.frozen import Frozen, frozen_faces
from curation.rows import Row, drop, read_chosen
from curation.run import Run
from datasets_builders import corpus
from datasets_builders.common.corpus import Picture
from datasets_builders.synthetic import MARKER
from facial_r1.files import inside
from facial_r1.progress import Progress
from facial_r1.sample import Sample

__all__ = ["Pictures"]

KEEPS_FIRST = ("test", "val", "train")
"""Of two copies of a picture the one in the earlier of these splits stays: a test set loses nothing to training."""

BLANK = 2.0
"""Contrast (standard deviation of the greys, which are 0-255) below which a picture shows nothing."""

_NOT_BESIDE = "frozen_test: near-duplicates were not looked for, because its pictures do not lie beside the file"


class Pictures:
    """Makes the pictures of candidates as they are drawn.

    Attributes:
        dropped: id → the line of ``dropped.jsonl``, in the order in which they were found.
        remarks: what could not be looked for.
    """

    def __init__(self, run: Run, files: Mapping[str, Path], workers: int, progress: Progress, frozen: Frozen) -> None:
        self.run, self.files, self.workers, self.progress, self.frozen = run, files, workers, progress, frozen
        self.dropped: dict[str, Mapping[str, Any]] = {}
        self._made: dict[str, Picture] = {}
        tested = frozen_faces(run.recipe.select.frozen_test)
        self._copies = Copies(run.recipe.duplicates, tested or [], workers, progress)
        self.remarks: list[str] = [] if tested is not None else [_NOT_BESIDE]

    def examine(self, cells: Sequence[Cell]) -> Mapping[str, object]:
        """Make what is not made yet; returns the candidates that cannot be used."""
        for name in sorted({cell.corpus for cell in cells}):
            new = [row for cell in cells if cell.corpus == name for row in cell.kept if row.id not in self._made]
            if new:
                self._make(name, new)
                self._drop_useless([row for row in new if row.id not in self.dropped])
        self._drop_copies(cells)
        self._drop_near_copies(cells)
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

    def _drop_useless(self, rows: Sequence[Row]) -> None:
        """Pictures that are too small, or of one even grey, show nothing."""
        least = self.run.recipe.duplicates.min_side
        for row, found in zip(rows, self._copies.read(list(map(self._path, rows))), strict=True):
            made = self._made[row.id]
            if min(made.width, made.height) < least:
                size = f"{made.width} × {made.height} pixels, expected at least {least} a side"
                self.dropped[row.id] = drop(row, "too_small", size)
            elif found.contrast < BLANK:
                self.dropped[row.id] = drop(row, "blank", f"contrast {found.contrast:.1f}, expected at least {BLANK}")

    def _path(self, row: Row) -> Path:
        image = self._made[row.id].image
        assert image is not None  # a row whose picture failed is dropped before
        return inside(self.run.images, image)

    def _is_rendered(self, name: str) -> bool:
        """Whether a program drew its pictures: they lie below the root, a joined corpus brings labels only."""
        source = self.run.recipe.corpora[name]
        return source.root is not None and (source.root / MARKER).is_file()

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

    def _drop_near_copies(self, cells: Sequence[Cell]) -> None:
        """Of pictures that are one although their bytes differ, only one stays."""
        ordered = sorted(cells, key=lambda cell: KEEPS_FIRST.index(cell.split))
        kept = [(cell, row) for cell in ordered for row in cell.kept if row.id not in self.dropped]
        rendered = {name for name in self.files if self._is_rendered(name)}
        faces = [
            Face(row.id, self._path(row), row.dataset, cell.split, row.group, row.dataset in rendered)
            for cell, row in kept
        ]
        rows = {row.id: row for _, row in kept}
        for pair in self._copies.among(faces):
            reason = "frozen_test" if pair.first in self._copies.tested else "near_duplicate"
            detail = f"a copy, with a similarity of {pair.similarity:.3f}, of {pair.first.id}"
            self.dropped[pair.second.id] = drop(rows[pair.second.id], reason, detail)
