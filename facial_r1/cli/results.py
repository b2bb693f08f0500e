"""The tables at the end of a build: rows per stage, quotas, reasons, and what the data set looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from facial_r1.cli.show import out, table
from facial_r1.facs import au_name

if TYPE_CHECKING:
    from curation.plan import Plan
    from curation.release import Cell
    from curation.results import Result
    from curation.run import Run
    from facial_r1.recipe import Recipe

__all__ = [
    "show_absent",
    "show_acceptance",
    "show_build",
    "show_cells",
    "show_plan",
    "show_quotas",
    "show_shortage",
    "show_verdicts",
]

BAR = 20
"""Characters of the longest bar: with the longest name of an Action Unit beside it, it fits a terminal of 80."""
_STAGES = ("samples", "candidates", "tried", "accepted", "released", "short")


def show_build(result: Result) -> None:
    """Everything a person wants to see at the end of a build."""
    show_cells(result)
    show_quotas(result.cells)
    show_shortage(result.run)
    reasons = [("before asking", reason, count) for reason, count in result.dropped.items()]
    reasons += [("by a gate", reason, count) for reason, count in result.rejected.items()]
    if reasons:
        table("Left out", ("when", "reason", "rows"), reasons)
    total = sum(result.splits.values())
    labelled = sum(result.labels.values())
    _shares("Emotions in the release", "% of labels", {name: (n, labelled) for name, n in result.labels.items()})
    aus = {au_name(code): counts for code, counts in result.aus.items()}
    _shares("Action Units in the release", "% of annotated", aus)
    splits = ", ".join(f"{name} {count:,}" for name, count in result.splits.items())
    out.print(f"released {total:,} rows ({splits})")
    for what, path in (
        ("data", result.release),
        ("card", result.release / "README.md"),
        ("manifest", result.release / "manifest.json"),
        ("report", result.run.root / "6-report" / "report.html"),
    ):
        out.print(f"  {what:<9}{path}", soft_wrap=True)
    for error in result.errors:
        out.print(f"left out: {error}", soft_wrap=True)


def show_cells(result: Result) -> None:
    """Rows per corpus and stage."""
    rows = [(name, *(getattr(entry, stage) for stage in _STAGES)) for name, entry in result.corpora.items()]
    rows.append(("all", *(sum(row[index + 1] for row in rows) for index in range(len(_STAGES)))))
    table("Rows per corpus and stage", ("corpus", *_STAGES), rows, total=True)


def show_quotas(cells: Sequence[Cell]) -> None:
    """Wanted, tried, accepted and short rows per corpus and split."""
    parts: dict[tuple[str, str], list[int]] = {}
    for cell in cells:
        sums = parts.setdefault((cell.corpus, cell.split), [0, 0, 0, 0])
        for place, count in enumerate((cell.quota, cell.tried, cell.accepted, cell.short)):
            sums[place] += count
    rows: list[tuple[object, ...]] = [(f"{corpus}/{split}", *sums) for (corpus, split), sums in parts.items()]
    rows.append(("all", *map(sum, zip(*parts.values(), strict=True))))
    table("Quotas", ("corpus/split", "wanted", "tried", "accepted", "short"), rows, total=True)


def show_absent(recipe: Recipe, absent: Sequence[str]) -> None:
    """The corpora of a recipe, which of them are there, and what each was to give."""
    rows: list[tuple[object, ...]] = []
    for name, source in sorted(recipe.corpora.items()):
        parts = [part for part in recipe.select.parts if part.corpus == name]
        wanted = [sum(part.rows for part in parts if part.split == split) for split in ("train", "val", "test")]
        rows.append((name, *wanted, "absent" if name in absent else str(source.root)))
    table("Corpora of the recipe", ("corpus", "train", "val", "test", "folder"), rows)


def show_shortage(run: Run) -> None:
    """The quotas that could not be filled, if any."""
    from curation.release import cell_table

    cells = [cell for cell in cell_table(run) if cell.short]
    if cells:
        rows = [(cell.cell, cell.quota, cell.tried, cell.accepted, cell.short) for cell in cells]
        table("Quotas that are short", ("quota", "wanted", "tried", "accepted", "short"), rows)


def show_acceptance(summary: Mapping[str, Any]) -> None:
    """Accepted answers of all that were given, per corpus, label and Action Unit: what is hard, and would be skewed."""
    groups = [("all", {"": summary}), *((name, summary[name]) for name in ("corpus", "label", "au"))]
    rows = []
    for group, entries in groups:
        for name, entry in entries.items():
            accepted, answers = entry["accepted"], entry["accepted"] + sum(entry["rejected"].values())
            rows.append((f"{group} {name}".strip(), answers, accepted, 100 * accepted / answers if answers else None))
    table("Acceptance", ("", "answers", "accepted", "%"), rows)


def show_verdicts(summary: dict[str, Any]) -> None:
    """What the gates said."""
    table("Rejected by a gate", ("reason", "answers"), list(summary["rejected"].items()))


def show_plan(plan: Plan) -> None:
    """What a build would do and cost."""
    rows = [(u.corpus, u.rows, sum(u.dropped.values()), len(u.errors)) for u in plan.corpora]
    table("Rows that can be read", ("corpus", "rows", "left out", "bad rows"), rows)
    for unified in plan.corpora:
        for gap in unified.missing:
            out.print(f"{unified.corpus}: gap: {gap}", soft_wrap=True)
    parts = [(p.name, p.wanted, p.pool, p.candidates, p.short) for p in plan.parts]
    table("Quotas", ("part", "wanted", "could serve", "chosen", "short"), parts)
    out.print(f"requests to the teacher: {plan.requests:,}, at most {plan.requests_at_most:,}")
    out.print(f"tokens, estimated: {plan.input_tokens:,} in (text only), {plan.output_tokens:,} out")
    cost = "not known (teacher.prices in the recipe states it)" if plan.cost is None else f"{plan.cost:.2f} USD"
    out.print(f"cost: {cost}; nothing was written")


def _shares(title: str, share: str, counts: Mapping[str, tuple[int, int]]) -> None:
    if not counts:
        return
    widest = max(1, *(n for n, _ in counts.values()))
    rows = [(name, n, 100 * n / of, "█" * round(BAR * n / widest)) for name, (n, of) in counts.items()]
    table(title, ("", "rows", share, ""), rows)
