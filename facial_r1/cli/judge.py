"""The command that has a judge score the texts of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facial_r1.cli.show import Quiet, options_of, out, progress
from facial_r1.cli.teachers import Concurrency, MaxCost, MaxRequests, RetryFailed, show_estimate
from facial_r1.errors import UsageError

__all__ = ["judge"]


def judge(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory whose texts are written.")],
    backend: Annotated[str, typer.Option(help="Who judges, such as openai; see `facial-r1 doctor`.")] = "openai",
    model: Annotated[str | None, typer.Option(help="Its model.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Its server, such as http://127.0.0.1:8000/v1.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="A further option of the backend.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Show the judge the pictures as well.")] = False,
    concurrency: Concurrency = 8,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    retry_failed: RetryFailed = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print requests, tokens and cost; ask nothing.")] = False,
    quiet: Quiet = False,
) -> None:
    """Have a model score every accepted text of a run, 1-10; the gate `judge_score` of a recipe turns low ones down.

    The scores stay beside the stages. Build the run again to have its gates see them and short quotas filled.
    """
    from curation import judging
    from curation.evidence import JUDGEMENTS
    from curation.run import Run
    from curation.spending import Limits
    from facial_r1.evaluation.judge import OPTIONS
    from facial_r1.inference.backends import create

    opened = Run.open(run)
    named = {name: value for name, value in {"model": model, "base_url": base_url}.items() if value}
    options = {**OPTIONS, **named, **options_of(option)}
    if "model" not in options:
        raise UsageError("a judge needs a model", found=f"the backend {backend} without one", do="name it with --model")
    judge_ = create(backend, **options)
    if dry_run:
        show_estimate(judging.estimated(opened, judge_, pictures=pictures), "judge")
        return
    limits = Limits(concurrency, max_cost=max_cost, max_requests=max_requests, retry_failed=retry_failed)
    with progress(quiet) as bar:
        found = judging.judge(opened, judge_, pictures=pictures, limits=limits, progress=bar)
    cost = "" if found.stats.cost is None else f", {found.stats.cost:.4f} USD"
    out.print(f"asked {found.stats.asked:,}, reused {found.stats.reused:,}{cost}")
    mean = "" if found.mean is None else f", mean {found.mean:.2f} of 10"
    out.print(f"scored {found.scored:,} of {found.texts:,} texts{mean}")
    out.print(f"done: {opened.root / JUDGEMENTS}", soft_wrap=True)
