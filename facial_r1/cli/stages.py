"""The stages of a run, one command each, and ``build`` for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facial_r1.cli.backends import Concurrency, MaxCost, MaxRequests
from facial_r1.cli.checks import show_failed_release
from facial_r1.cli.report import write_report
from facial_r1.cli.results import (
    show_absent,
    show_acceptance,
    show_build,
    show_plan,
    show_quotas,
    show_shortage,
    show_verdicts,
)
from facial_r1.cli.show import Quiet, With, Workers, out, progress, roots
from facial_r1.errors import GateFailed, UsageError

if TYPE_CHECKING:
    from curation.run import Run

__all__ = ["build", "gate", "release", "select", "unify"]

SPARE = 0.1
"""How many more ids a list of candidates holds, for pictures that turn out to be unusable."""
RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe (YAML), see recipes/.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]
Out = Annotated[Path | None, typer.Option("--out", help="The run directory; default runs/<name of the recipe>.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe.")]
AllowShort = Annotated[
    bool, typer.Option("--allow-short", help="Release although corpora are absent or quotas cannot be filled.")
]
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Collect bad rows in a report instead of stopping.")]


def build(
    recipe: RecipeFile,
    run: Out = None,
    corpora: With = None,
    sets: Sets = None,
    workers: Workers = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and its cost, write nothing.")] = False,
    candidates: Annotated[
        Path | None,
        typer.Option(
            help="With --dry-run: a folder for lists of the ids that could be chosen, a tenth of them to spare."
        ),
    ] = None,
    allow_short: AllowShort = False,
    concurrency: Concurrency = 8,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    keep_going: KeepGoing = False,
    quiet: Quiet = False,
) -> None:
    """All stages of a recipe: unify, select, generate, gate, release. Goes on where an earlier call stopped."""
    import curation
    from curation.release import cell_table
    from curation.run import Run
    from curation.spending import Limits
    from curation.unify import absent_corpora
    from facial_r1.files import write_atomic
    from facial_r1.recipe import load_recipe

    more = ("allow_short=true",) if allow_short else ()
    resolved = load_recipe(recipe, sets=(*(sets or ()), *more), roots=roots(corpora))
    if candidates is not None and not dry_run:
        raise UsageError("--candidates lists what a dry run would choose", do="give --dry-run as well")
    absent = absent_corpora(resolved)
    if absent:
        show_absent(resolved, absent)
    if dry_run:
        with progress(quiet) as bar:
            plan = curation.plan(resolved, spare=0.0 if candidates is None else SPARE, progress=bar)
        show_plan(plan)
        if candidates is not None:
            for name, ids in plan.candidates.items():
                write_atomic(candidates / f"{name}.txt", "".join(f"{identity}\n" for identity in ids))
                out.print(f"{candidates / name}.txt: {len(ids):,} ids")
        return
    folder = run or Path("runs") / resolved.name
    limits = Limits(concurrency=concurrency, max_cost=max_cost, max_requests=max_requests)
    how: dict[str, Any] = {"workers": workers, "limits": limits, "keep_going": keep_going}
    try:
        with progress(quiet) as bar:
            result = curation.build(resolved, folder, **how, progress=bar)
            write_report(result.run, bar)
    except GateFailed:
        if not absent or resolved.allow_short:  # otherwise nothing was done
            show_quotas(cell_table(Run.open(folder)))
            show_shortage(Run.open(folder))
            show_failed_release(folder)
        raise
    show_build(result)
    raise typer.Exit(result.exit_code)


def unify(
    recipe: RecipeFile,
    run: Out = None,
    corpora: With = None,
    sets: Sets = None,
    workers: Workers = 2,
    keep_going: KeepGoing = False,
    quiet: Quiet = False,
) -> None:
    """Stage 1: read the labels of every corpus of a recipe into one schema; opens no picture."""
    import curation
    from curation.run import SAMPLES, Run
    from facial_r1.recipe import load_recipe

    resolved = load_recipe(recipe, sets=sets or (), roots=roots(corpora))
    opened = Run.create(run or Path("runs") / resolved.name, resolved)
    with progress(quiet) as bar:
        curation.unify(opened, workers=workers, keep_going=keep_going, progress=bar)
    _done(opened, SAMPLES)


def select(run: RunFolder, workers: Workers = 2, quiet: Quiet = False) -> None:
    """Stage 2: rank, split and choose rows; write their pictures."""
    import curation
    from curation.run import TASKS, Run

    opened = Run.open(run)
    with progress(quiet) as bar:
        curation.select(opened, workers=workers, progress=bar)
    _done(opened, TASKS)


def gate(
    run: RunFolder,
    with_report: Annotated[bool, typer.Option("--report", help="Write the report of the run as well.")] = False,
    quiet: Quiet = False,
) -> None:
    """Stage 4: give every answer its verdicts."""
    import curation
    from curation.run import VERDICTS, Run

    opened = Run.open(run)
    with progress(quiet) as bar:
        summary = curation.gate(opened, progress=bar)
        pages = write_report(opened, bar) if with_report else None
    show_acceptance(summary)
    show_verdicts(summary)
    if pages is not None:
        out.print(f"report: {pages.full}", soft_wrap=True)
    _done(opened, VERDICTS)


def release(run: RunFolder, quiet: Quiet = False) -> None:
    """Stage 5: release the accepted rows with pictures, card and manifest, once all checks pass.

    Exit code 3 when a quota is short or a check fails; the checks stand in RUN/checks.json.
    """
    import curation
    from curation.run import RELEASE, Run

    opened = Run.open(run)
    try:
        with progress(quiet) as bar:
            curation.release(opened, progress=bar)
    finally:
        show_shortage(opened)
        show_failed_release(opened.root)
    _done(opened, RELEASE)


def _done(run: Run, stage: str) -> None:
    out.print(f"done: {run.folder(stage)}", soft_wrap=True)
