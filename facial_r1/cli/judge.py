"""The command that has a judge score the texts of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    backend_of,
    show_asked,
    show_estimate,
)
from facial_r1.cli.show import Quiet, out, progress

__all__ = ["judge"]


def judge(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory whose texts are written.")],
    backend: Annotated[str, typer.Option(help="Who judges, such as openai; see `facial-r1 doctor`.")] = "openai",
    model: Model = None,
    base_url: BaseUrl = None,
    option: Options = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Show the judge the pictures as well.")] = False,
    concurrency: Concurrency = 8,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
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

    opened = Run.open(run)
    judge_ = backend_of(backend, model, base_url, option, OPTIONS)
    if dry_run:
        show_estimate(judging.estimated(opened, judge_, pictures=pictures), "judge")
        return
    limits = Limits(concurrency, max_cost=max_cost, max_requests=max_requests, retry_failed=retry_failed)
    with progress(quiet) as bar:
        found = judging.judge(opened, judge_, pictures=pictures, limits=limits, progress=bar)
    show_asked(found.stats)
    mean = "" if found.mean is None else f", mean {found.mean:.2f} of 10"
    out.print(f"scored {found.scored:,} of {found.texts:,} texts{mean}")
    out.print(f"done: {opened.root / JUDGEMENTS}", soft_wrap=True)
