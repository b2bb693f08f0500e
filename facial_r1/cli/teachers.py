"""The options of commands that ask a teacher: who it is, how fast, how far; and what it will cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facial_r1.cli.show import Quiet, out, progress
from facial_r1.errors import UsageError

if TYPE_CHECKING:
    from facial_r1.inference.estimate import Estimate
    from facial_r1.recipe import Recipe

__all__ = ["Concurrency", "MaxCost", "MaxRequests", "RetryFailed", "Rpm", "Tpm", "generate", "show_estimate"]

Concurrency = Annotated[int, typer.Option(min=1, help="Requests in flight at once, at most.")]
Rpm = Annotated[float | None, typer.Option(min=1, help="Requests a minute, at most.")]
Tpm = Annotated[float | None, typer.Option(min=1, help="Tokens a minute, at most.")]
MaxCost = Annotated[float | None, typer.Option(help="Stop before this many USD could be passed.")]
MaxRequests = Annotated[int | None, typer.Option(help="Stop after this many requests.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Ask again what ended in a permanent error.")]


def generate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    teacher: Annotated[
        str | None, typer.Option(help="The backend to ask instead of the recipe's, such as openai.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Its model.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Its server, such as http://127.0.0.1:8000/v1.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="A further option of the backend.")
    ] = None,
    labels_only: Annotated[bool, typer.Option("--labels-only", help="Show the teacher no picture.")] = False,
    concurrency: Concurrency = 8,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    retry_failed: RetryFailed = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print requests, tokens and cost; ask nothing.")] = False,
    quiet: Quiet = False,
) -> None:
    """Stage 3: have a teacher write the reasoning; every answer is kept in a journal as it comes.

    Another teacher than the recipe's is written into the recipe of the run. What was answered before is not asked
    again: the journal holds the answers of all teachers.
    """
    import curation
    from curation.run import ANSWERS, Run
    from curation.spending import Limits, may_send
    from curation.teach import estimated
    from facial_r1.inference.backends import create

    opened = Run.open(run)
    recipe = _taught_by(opened.recipe, teacher, model, base_url, option, labels_only)
    if dry_run:
        show_estimate(estimated(Run(run, recipe)))
        return
    if recipe != opened.recipe:
        may_send(recipe, create(recipe.teacher.backend, **recipe.teacher.options))  # before the run changes its teacher
        opened = Run.create(run, recipe)
    limits = Limits(concurrency, rpm, tpm, max_cost, max_requests, retry_failed)
    with progress(quiet) as bar:
        stats = curation.generate(opened, limits=limits, progress=bar)
    if stats is not None:
        outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(stats.outcomes.items()))
        cost = "" if stats.cost is None else f", {stats.cost:.4f} USD"
        out.print(f"asked {stats.asked:,}, reused {stats.reused:,}: {outcomes}{cost}")
    out.print(f"done: {opened.folder(ANSWERS)}")


def show_estimate(found: Estimate) -> None:
    """What a run would ask at least, and what that costs at most."""
    out.print(f"requests to the teacher: {found.requests:,}, when every answer is accepted")
    source = f"corrected by {found.measured:,} answers of the journal" if found.measured else "by rule of thumb"
    out.print(f"tokens: {found.text:,} of text and {found.pictures:,} of pictures in ({source}), {found.output:,} out")
    if found.online is None:
        out.print("cost: the price of this model is not known (teacher.prices in the recipe states it)")
    else:
        out.print(f"cost at most: {found.online:.2f} USD, {found.batch:.2f} USD through the Batch API")
    out.print("nothing was asked")


def _taught_by(
    recipe: Recipe,
    teacher: str | None,
    model: str | None,
    base_url: str | None,
    written: list[str] | None,
    labels_only: bool,
) -> Recipe:
    from facial_r1.cli.show import options_of
    from facial_r1.recipe import Teacher

    options = {**({"model": model} if model else {}), **({"base_url": base_url} if base_url else {})}
    options |= options_of(written)
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
