"""Rows that selection dropped because another row has the same picture: both pictures beside each other."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from curation.run import TASKS, Run
from facial_r1.files import inside, read_jsonl, sha256_bytes
from facial_r1.stats import Section, thumbnail

__all__ = ["SHOWN", "Pair", "duplicates", "pairs_of"]

SHOWN = 24
"""Pairs at most that a page shows, chosen by the SHA-256 of the dropped row's id."""

REASON = "duplicate"
"""What the reasons of such rows have in their name; their detail ends with the id of the row that was kept."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A dropped row and the one that was kept instead; a picture is None when it is not in the run."""

    dropped: str
    kept: str
    detail: str
    pictures: tuple[Path | None, Path | None]


def pairs_of(run: Run) -> list[Pair]:
    """All pairs, in the order in which selection dropped them.

    Raises:
        InputError: when the stage ``2-tasks`` is not done.
    """
    folder = run.folder(TASKS)
    lines = [row for _, row in read_jsonl(folder / "dropped.jsonl") if REASON in row["reason"]]
    kept = [row["detail"].split()[-1] for row in lines]
    wanted = {*kept, *(row["id"] for row in lines)}
    pictures = (row for _, row in read_jsonl(folder / "pictures.jsonl") if row["id"] in wanted) if lines else ()
    images = {row["id"]: inside(run.images, row["image"]) for row in pictures}
    pairs = []
    for row, other in zip(lines, kept, strict=True):
        own = images.get(row["id"]) or _left_behind(run.images / row["dataset"], row["id"])
        pairs.append(Pair(row["id"], other, row["detail"], (own, images.get(other))))
    return pairs


def _left_behind(folder: Path, name: str) -> Path | None:
    """The picture that was made for a row before it was dropped."""
    return next(iter(sorted(folder.glob(f"{glob.escape(name)}.*"))), None)


def duplicates(run: Run) -> list[Section]:
    """The section with thumbnails; for pages that stay with the pictures only."""
    every = pairs_of(run)
    if not every:
        return []
    chosen = sorted(every, key=lambda pair: sha256_bytes(pair.dropped.encode()))[:SHOWN]
    note = f"Rows dropped because another row has the same picture: {len(every):,}, of which {len(chosen)} shown."
    return [Section("Duplicate pictures", Markup("").join(map(_shown, chosen)), note)]


def _shown(pair: Pair) -> Markup:
    both = Markup("").join(Markup("") if path is None else thumbnail(path) for path in pair.pictures)
    text = Markup("<div><p><code>{}</code> dropped</p><p class='note'>{}</p></div>").format(pair.dropped, pair.detail)
    return Markup("<article class='example'>{}{}</article>").format(both, text)
