"""Commands that show what a data set is like: ``stats``, ``compare`` of two, and the ``report`` of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from facial_r1.cli.show import Quiet, out, progress, table
from facial_r1.facs import au_name

if TYPE_CHECKING:
    from curation.compare import Comparison
    from curation.report import Pages
    from curation.run import Run
    from facial_r1.progress import Progress
    from facial_r1.stats.rows import Stats

__all__ = ["compare", "report", "stats", "write_report"]

_EXCERPT = 44
"""Characters of a changed value that are shown,"""
_BEFORE = 12
"""and how many of them stand before the first difference."""
_PLACE = "A run, a release folder, or a JSONL file in the published schema."
Labels = Annotated[
    list[str] | None, typer.Option("--label", metavar="WORD", help="A further label to allow; may be repeated.")
]


def stats(
    place: Annotated[Path, typer.Argument(metavar="RELEASE|FILE.jsonl", help=_PLACE)],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write a page with charts; it holds no picture.")
    ] = None,
    label_set: Labels = None,
) -> None:
    """What a data set holds: rows, emotions, Action Units over the rows that annotate them, and how its texts are."""
    from curation.places import rows_of
    from facial_r1.files import write_atomic
    from facial_r1.stats import page
    from facial_r1.stats.panels import panels
    from facial_r1.stats.rows import collect

    found = collect(rows_of(place, label_set=label_set or ()))
    _show_stats(found)
    if html is not None:
        title, rows = f"{place.resolve().name}: statistics", f"{found.counts.rows:,} rows."
        write_atomic(html, page(title, panels(found), lead=rows))
        out.print(f"page: {html}", soft_wrap=True)


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help=_PLACE)],
    second: Annotated[Path, typer.Argument(metavar="B", help="The same; what came later.")],
    label_set: Labels = None,
) -> None:
    """Compare two data sets by the ids of their rows: added, dropped, changed, and how far distributions moved."""
    from curation.compare import compare as compare_places

    found = compare_places(first, second, label_set=label_set or ())
    _show_rows(found)
    _show_shift(found)


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory whose gates have judged.")],
    quiet: Quiet = False,
) -> None:
    """Write the report of a run: 6-report/report.html with faces, report-shareable.html without, report.md."""
    from curation.run import Run

    with progress(quiet) as bar:
        pages = write_report(Run.open(run), bar)
    for what, path in (("report", pages.full), ("to share", pages.shareable), ("for a card", pages.markdown)):
        out.print(f"  {what:<11}{path}", soft_wrap=True)


def write_report(run: Run, bar: Progress) -> Pages:
    """The report of a run, for commands that end with one."""
    from curation.report import report as write

    return write(run, progress=bar)


def _show_stats(found: Stats) -> None:
    counts, texts = found.counts, found.texts
    lines: list[tuple[object, ...]] = [(*key, rows) for key, rows in counts.composition().items()]
    table("Rows", ("corpus", "split", "task", "rows"), [*lines, ("all", "", "", counts.rows)], total=True)
    of = counts.labelled()
    labels = [(name, n, 100 * n / of) for name, n in counts.labels().items()]
    if labels:
        table(f"Emotions, of {of:,} rows that have one", ("emotion", "rows", "%"), labels)
    aus = [
        (au_name(code), au.present, au.annotated, None if au.rate is None else 100 * au.rate, au.unsure)
        for code, au in counts.aus().items()
    ]
    if aus:
        columns = ("Action Unit", "present", "annotated", "% of annotated", "listed, not annotated")
        last = None if any(line[-1] for line in aus) else -1
        table("Action Units", columns[:last], [line[:last] for line in aus])
    if not texts.rows:
        out.print("no row has a text")
        return
    _show_texts({"": found})
    begins = sorted(texts.openings.items(), key=lambda entry: (-entry[1], entry[0]))[:5]
    table("Most common openings", ("first words", "texts", "%"), [(w, n, 100 * n / texts.rows) for w, n in begins])


def _show_texts(sets: dict[str, Stats], most: int | None = None) -> None:
    import numpy as np

    from facial_r1.stats.texts import SAMPLE

    columns: list[list[str]] = []
    for found in sets.values():
        varied, words = found.texts.diversity(SAMPLE if most is None else most), found.texts.lengths()
        spread = (
            "–" if not words.size else " ".join(str(n) for n in np.percentile(words, (5, 50, 95), method="nearest"))
        )
        shares = [f"{share:.4f}" for share in varied.distinct.values()]
        columns.append(
            [f"{found.texts.rows:,}", spread, *shares, f"{100 * varied.repeated:.1f} %", f"{varied.texts:,}"]
        )
    names = ("texts", "words: 5 %, median, 95 %", *(f"distinct-{n}" for n in (1, 2, 3)), "phrases of 4 words shared")
    lines = zip((*names, "diversity measured on"), *columns, strict=True)
    table("Texts", ("", *sets), lines)


def _show_rows(found: Comparison) -> None:
    from curation.compare import SHOWN

    first, second = found.first.counts.rows, found.second.counts.rows
    counts = [("in A", first), ("in B", second), ("unchanged", found.unchanged), ("changed", len(found.changed))]
    table("Rows", ("", "rows"), [*counts, ("added", len(found.added)), ("dropped", len(found.dropped))])
    if found.changed:
        table("What changed", ("field", "rows"), list(found.fields().items()))
        lines = [
            (change.id, name, *_where_they_differ(old, new))
            for change in found.changed[:SHOWN]
            for name, (old, new) in change.values.items()
        ]
        table(f"The first {min(SHOWN, len(found.changed))} changed rows", ("id", "field", "A", "B"), lines)
    for what, names in (("added", found.added), ("dropped", found.dropped)):
        if names:
            more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
            out.print(f"{what}: {', '.join(names[:5])}{more}", soft_wrap=True)


def _where_they_differ(old: Any, new: Any) -> tuple[str, str]:
    """Both values in short; of long ones what stands around the first difference."""
    texts = [value if isinstance(value, str) else str(orjson.dumps(value), "utf-8") for value in (old, new)]
    same = next((place for place, pair in enumerate(zip(*texts, strict=False)) if len(set(pair)) > 1), 0)
    start, end = max(0, same - _BEFORE), max(0, same - _BEFORE) + _EXCERPT
    first, second = ("…" * (start > 0) + text[start:end] + "…" * (end < len(text)) for text in texts)
    return first, second


def _show_shift(found: Comparison) -> None:
    lines = []
    for shift in found.shifts():
        shares = [None if not of else 100 * n / of for n, of in (shift.first, shift.second)]
        gap = shift.difference
        moved = (None, "") if gap is None else (100 * gap[0], f"{100 * gap[1]:+.1f} to {100 * gap[2]:+.1f}")
        lines.append((shift.kind, shift.name, *shares, *moved, "*" if shift.clear else ""))
    table("Shares", ("", "", "A %", "B %", "difference", "95 % interval", ""), lines)
    out.print("* the interval leaves out 0; as if all rows were independent, which frames of one video are not")
    far = [(name, None if value is None else f"{value:.3f}") for name, value in found.variations().items()]
    table("Total variation (0 alike, 1 disjoint)", ("distribution of", ""), far)
    both = {"A": found.first, "B": found.second}
    if all(one.texts.rows for one in both.values()):
        _show_texts(both, min(one.texts.rows for one in both.values()))
