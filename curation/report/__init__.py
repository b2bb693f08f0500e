"""The report of a run: one page with pictures for those who have the corpora, one without for everybody else.

``6-report/`` lies outside the release: thumbnails of licensed faces must never travel with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from curation.report.checked import checked, checks_of
from curation.report.facts import Facts, gather
from curation.report.markdown import summary
from curation.report.pages import render_page
from curation.report.pairs import duplicates
from curation.run import Run, writing
from facial_r1.files import inside, write_atomic
from facial_r1.progress import Progress
from facial_r1.sample import Sample
from facial_r1.stats import thumbnail

__all__ = ["REPORT", "Facts", "Pages", "gather", "report", "summary"]

REPORT = "6-report"
"""The folder of a run that holds its report."""


class Pages(NamedTuple):
    """The files of a report: with pictures, without anything that names a row, and a Markdown summary for a card."""

    full: Path
    shareable: Path
    markdown: Path


def report(run: Run, *, progress: Progress | None = None) -> Pages:
    """Write the report of a run whose gates have judged; the release may be there or not.

    The same run gives the same bytes, wherever it lies and whenever it is asked.

    Raises:
        InputError: when a stage before the release is not done.
        CorruptState: when a finished file was changed by another hand.
        FacialR1Error: when the disk is full; an older report stays as it was.
    """
    facts = gather(run, progress=progress)
    checks = checks_of(run)
    folder = run.root / REPORT
    pages = Pages(folder / "report.html", folder / "report-shareable.html", folder / "report.md")

    def picture(sample: Sample) -> Markup:
        return thumbnail(inside(run.images, sample.image))

    with writing(folder):
        write_atomic(pages.shareable, render_page(facts, checked(checks, rows=False), None))
        write_atomic(pages.markdown, summary(facts, checks))
        write_atomic(pages.full, render_page(facts, [*checked(checks, rows=True), *duplicates(run)], picture))
    return pages
