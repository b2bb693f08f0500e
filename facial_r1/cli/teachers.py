"""The two commands that have a teacher write the reasoning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facial_r1.cli.backends import (
    BaseUrl,
    Concurrency,
    DryRun,
    MaxCost,
    MaxRequests,
    Model,
    Options,
    RetryFailed,
    Rpm,
    Tpm,
    named_options,
    show_asked,
    show_estimate,
)
from facial_r1.cli.results import show_acceptance, show_quotas, show_verdicts
from facial_r1.cli.show import Quiet, out, progress
from facial_r1.errors import UsageError

if TYPE_CHECKING:
    from curation.run import Run
    from curation.spending import Limits
    from facial_r1.inference.estimate import Estimate
    from facial_r1.inference.runner import Stats
    from facial_r1.recipe import Recipe

__all__ = ["generate", "synthesize"]

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]
TeacherName = Annotated[
    str | None, typer.Option("--teacher", help="The backend to ask instead of the recipe's, such as openai.")
]
LabelsOnly = Annotated[bool, typer.Option("--labels-only", help="Show the teacher no picture.")]


def generate(
    run: RunFolder,
    teacher: TeacherName = None,
    model: Model = None,
    base_url: BaseUrl = None,
    option: Options = None,
    labels_only: LabelsOnly = False,
    concurrency: Concurrency = 8,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Stage 3: have a teacher write the reasoning; every answer is kept in a journal as it comes.

    Another teacher than the recipe's is written into the recipe of the run. What was answered before is not asked
    again: the journal holds the answers of all teachers.
    """
    import curation
    from curation.run import Run
    from curation.spending import Limits
    from curation.teach import estimated

    opened = Run.open(run)
    recipe = _taught_by(opened.recipe, teacher, model, base_url, option, labels_only)
    recipe = recipe.model_copy(update={"synthesis": None})
    limits = Limits(concurrency, rpm, tpm, max_cost, max_requests, retry_failed)
    _ask(opened, recipe, curation.generate, estimated, limits, dry_run=dry_run, quiet=quiet)


def synthesize(
    run: RunFolder,
    teacher: TeacherName = None,
    model: Model = None,
    base_url: BaseUrl = None,
    option: Options = None,
    labels_only: LabelsOnly = False,
    samples: Annotated[
        int | None, typer.Option(help="Answers to each question; the best accepted one is taken.")
    ] = None,
    repairs: Annotated[int | None, typer.Option(help="Further questions that name what failed.")] = None,
    conditioned: Annotated[
        bool | None,
        typer.Option("--conditioned/--unconditioned", help="Tell the truth at once, or only in the last repair."),
    ] = None,
    blind: Annotated[int | None, typer.Option(help="Answers without the truth, to measure agreement.")] = None,
    min_agreement: Annotated[
        float | None, typer.Option(help="Turn down texts that agree less with these, 0-1.")
    ] = None,
    concurrency: Concurrency = 8,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Stage 3, the other way: ask, repair what the gates reject, keep the best; then stage 4 and what was accepted.

    What the options say is written into the recipe of the run. What was answered before is not asked again.
    """
    import curation
    from curation.release import cell_table
    from curation.run import Run
    from curation.spending import Limits
    from curation.synthesize import estimated

    opened = Run.open(run)
    rules = {"samples": samples, "repairs": repairs, "conditioned": conditioned, "blind": blind}
    recipe = _taught_by(opened.recipe, teacher, model, base_url, option, labels_only)
    recipe = _synthesized(recipe, {**rules, "min_agreement": min_agreement})
    limits = Limits(concurrency, rpm, tpm, max_cost, max_requests, retry_failed)
    filled = _ask(opened, recipe, curation.synthesize, estimated, limits, dry_run=dry_run, quiet=quiet)
    if filled is None:
        return
    with progress(quiet) as bar:
        summary = curation.gate(filled, progress=bar)
    show_acceptance(summary)
    show_verdicts(summary)
    show_quotas(cell_table(filled))


def _ask(
    opened: Run,
    recipe: Recipe,
    stage: Callable[..., Stats | None],
    estimated: Callable[[Run], Estimate],
    limits: Limits,
    *,
    dry_run: bool,
    quiet: bool,
) -> Run | None:
    """Fill stage 3 of a run by ``recipe``, which becomes the run's; returns the run, None when nothing was asked."""
    from curation.run import ANSWERS, Run
    from curation.spending import may_send
    from facial_r1.inference.backends import create

    if dry_run:
        show_estimate(estimated(Run(opened.root, recipe)))
        return None
    if recipe != opened.recipe:
        may_send(recipe, create(recipe.teacher.backend, **recipe.teacher.options))  # before the run changes its teacher
        opened = Run.create(opened.root, recipe)
    with progress(quiet) as bar:
        stats = stage(opened, limits=limits, progress=bar)
    if stats is not None:
        show_asked(stats)
    out.print(f"done: {opened.folder(ANSWERS)}", soft_wrap=True)
    return opened


def _taught_by(
    recipe: Recipe,
    teacher: str | None,
    model: str | None,
    base_url: str | None,
    written: list[str] | None,
    labels_only: bool,
) -> Recipe:
    from facial_r1.recipe import Teacher

    options = named_options(model, base_url, written)
    if options and teacher is None and recipe.teacher.backend == "template":
        raise UsageError("the template teacher has no options", found=", ".join(options), do="name a --teacher as well")
    changes: dict[str, Any] = {}
    if teacher is not None and teacher != recipe.teacher.backend:
        changes = {"backend": teacher, "options": options}
    elif options:
        changes = {"options": {**recipe.teacher.options, **options}}
    if labels_only:
        changes["pictures"] = False
    taught = Teacher(**{**recipe.teacher.model_dump(), **changes})
    return recipe.model_copy(update={"teacher": taught})


def _synthesized(recipe: Recipe, rules: Mapping[str, Any]) -> Recipe:
    """The recipe with ``rules`` in its ``synthesis``, None left out; checked as if they stood in its file."""
    from facial_r1.recipe import Synthesis, load_recipe

    given = {name: value for name, value in rules.items() if value is not None}
    plain = {**(recipe.synthesis or Synthesis()).model_dump(), **given}
    return load_recipe({**recipe.model_dump(mode="json"), "synthesis": plain})
