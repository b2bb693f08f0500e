"""``facial-r1 iterate``: the rounds of training and synthesis."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facial_r1.cli.show import Quiet, With, out, progress, roots, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curation.round import RoundRecipe, RoundRow

__all__ = ["iterate"]


def iterate(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A round recipe (YAML), see recipes/tiny-round.yaml.")
    ],
    release: Annotated[Path | None, typer.Option(help="The release to begin with, such as demo/5-release.")] = None,
    run: Annotated[Path | None, typer.Option("--out", help="The run; default runs/<name of the recipe>.")] = None,
    corpora: With = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the synthesis recipe."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the steps and their commands, do nothing.")] = False,
    quiet: Quiet = False,
) -> None:
    """SFT, GRPO, a release by the trained model, training again on it. Goes on where an earlier call stopped."""
    from curation.round import iterate as rounds
    from curation.round import load_round, plan

    resolved, synthesis = load_round(recipe, sets=sets or (), release=release, roots=roots(corpora))
    _check_training(resolved)
    folder = run or Path("runs") / resolved.name
    if dry_run:
        for step in plan(resolved, synthesis):
            out.print(f"{step.name}: {step.what}{' (done)' if step.done(folder) else ''}")
            out.print(f"  {shlex.join(step.words(Path('facial-r1')))}", soft_wrap=True)
        return
    with progress(quiet) as bar:
        rows = rounds(resolved, synthesis, folder, progress=bar)
    _show(rows)
    out.print(f"done: {folder}")


def _check_training(recipe: RoundRecipe) -> None:
    """Find now what is wrong with the recipe of stage 2, and not when stage 1 is done; curation knows no training."""
    from training.reading import load_training
    from training.recipe import GrpoRecipe
    from training.rewards import resolve

    load_training(recipe.sft, "sft", sets=recipe.sets.get("sft", ()))
    if recipe.grpo is not None:
        grpo = load_training(recipe.grpo, "grpo", sets=recipe.sets.get("grpo", ()))
        assert isinstance(grpo, GrpoRecipe)
        for reward in grpo.rewards:
            resolve(reward.name, reward.params)


def _show(rows: Sequence[RoundRow]) -> None:
    columns = ("round", "training rows", "accepted", "after", "AU F1 %", "accuracy %", "well-formed %")
    lines = [
        (
            row.round,
            row.rows,
            f"{row.accepted:,} of {row.tried:,}",
            stage.upper(),
            *(None if value is None else 100 * value for value in figures.values()),
        )
        for row in rows
        for stage, figures in row.scores.items()
    ]
    table("On the frozen test", columns, lines)
