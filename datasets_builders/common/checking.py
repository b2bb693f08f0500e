"""Checking a copy of a corpus: what it holds, what of the published figures it does not reproduce, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets_builders import corpus, looks_like
from datasets_builders.common.corpus import Check, Difference, Report
from facial_r1.errors import InputError, NotThisCorpus
from facial_r1.progress import Progress
from facial_r1.sample import Sample

__all__ = ["check"]


def check(name: str, root: Path, *, progress: Progress | None = None, **options: Any) -> Check:
    """Scan the labels of a copy, open no picture, and compare with what was published.

    A difference is a count that is not the published one; a gap is a part that is not there or cannot be read. A
    copy may have neither, or differences without gaps (a subset), or gaps without differences (labels only).

    Args:
        name: the corpus it should be.
        root: its folder.
        progress: told how many rows were read.
        options: the corpus' options.

    Raises:
        UsageError: for an unknown corpus or option.
        InputError: when there is no such folder.
    """
    wanted = corpus(name)
    if not root.is_dir():
        raise InputError(f"{wanted.title}: there is no such folder", path=root, do="give the folder of your copy")
    if not wanted.recognises(root):
        return _foreign(name, root)
    report = Report(keep_going=True)
    try:
        samples = _counted(wanted.scan(root, report, **options), wanted.title, progress or Progress())
        counts = wanted.count(samples, report)
    except NotThisCorpus:
        return _foreign(name, root)
    published = wanted.published(**wanted.variant(root, **options))
    differences = [
        Difference(what, n, counts[what])
        for what, n in published.items()
        if abs(counts[what] - n) > wanted.tolerances.get(what, 0)
    ]
    gaps = list(report.missing)
    if report.errors:
        gaps.append(f"{len(report.errors):,} rows or files cannot be read, the first: {report.errors[0]}")
    return Check(name, counts, differences, gaps)


def _foreign(name: str, root: Path) -> Check:
    return Check(name, looks_like=looks_like(root), usable=False)


def _counted(samples: Iterator[Sample], title: str, progress: Progress) -> Iterator[Sample]:
    for number, sample in enumerate(samples, 1):
        if number % 10_000 == 0:
            progress.step(f"{title} rows", number, None)
        yield sample
