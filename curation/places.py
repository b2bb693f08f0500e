"""The rows of whatever somebody has at hand: a run, a release, or one JSONL file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from curation.run import RELEASE, STAGES
from curation.splits import SPLITS
from facial_r1.errors import InputError
from facial_r1.sample import Sample, read_samples

__all__ = ["files_of", "rows_of"]


def files_of(place: Path) -> list[Path]:
    """The JSONL files that hold the rows of a run's release, of a release folder, or the file itself.

    Raises:
        InputError: when there are none.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise InputError("there is no such run, release or file", path=place, do="check the path")
    is_run = any((place / stage).is_dir() for stage in STAGES)
    folder = place / RELEASE if is_run else place
    files = [path for split in SPLITS if (path := folder / f"{split}.jsonl").is_file()]
    if files:
        return files
    if is_run:
        do = "do `facial-r1 release RUN` first; `facial-r1 report RUN` shows a run whose release failed"
        raise InputError("this run has no release", path=place, do=do)
    there = ", ".join(sorted(path.name for path in folder.glob("*.jsonl"))[:5]) or "no JSONL"
    expected = f"{', '.join(f'{split}.jsonl' for split in SPLITS)}, or some of them"
    raise InputError("this folder is no release", path=place, found=there, expected=expected, do="give one file")


def rows_of(place: Path, *, label_set: Iterable[str] = ()) -> Iterator[Sample]:
    """Stream the rows of a place, read generously.

    Args:
        place: a run, a release folder or a JSONL file.
        label_set: labels that are allowed beyond the eight.

    Raises:
        InputError: as :func:`files_of`, or naming the first bad line.
    """
    for path in files_of(place):
        yield from read_samples(path, label_set=label_set)
