"""``facial-r1 train``: supervised fine-tuning and GRPO on the curated splits."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from facial_r1.cli.show import Quiet, progress, table
from facial_r1.cli.show import out as terminal
from facial_r1.errors import InputError, MissingExtra, UsageError

if TYPE_CHECKING:
    from training.recipe import GrpoRecipe, SftRecipe

__all__ = ["Spread", "train"]

_MANY = ("--data", "--image-folders")


class Spread(TyperCommand):
    """Lets ``--data`` and ``--image-folders`` take several values behind each other, as well as be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """``--data a b`` becomes ``--data a --data b``."""
        spread: list[str] = []
        current = ""
        for word in args:
            if word.startswith("-"):
                current = word if word in _MANY else ""
            elif current and spread[-1] != current:
                spread.append(current)
            spread.append(word)
        return super().parse_args(ctx, spread)


def train(
    method: Annotated[str, typer.Argument(metavar="sft|grpo", help="Stage 1 learns texts, stage 2 earns rewards.")],
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A training recipe, see recipes/tiny-sft.yaml.")],
    out: Annotated[Path | None, typer.Option(help="The run, which ends as a checkpoint; default runs/NAME.")] = None,
    release: Annotated[Path | None, typer.Option(help="The release to train on, such as demo/5-release.")] = None,
    data: Annotated[list[Path] | None, typer.Option(help="JSONL files in the published schema, instead.")] = None,
    image_folders: Annotated[
        list[Path] | None, typer.Option(help="The folders of their pictures: one, or one each.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The checkpoint to begin from, instead of the recipe's.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override the recipe.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint of this run.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a vision-language model on the curated splits; for several devices see docs/training.md."""
    if method not in ("sft", "grpo"):
        raise UsageError("unknown way to train", found=method, expected="sft or grpo")
    from facial_r1.inference.local.checkpoints import require

    require("train", "torch", "transformers", "trl")
    from training import grpo, sft
    from training.processes import rank
    from training.reading import load_training
    from training.recipe import GrpoRecipe

    stage: Literal["sft", "grpo"] = "sft" if method == "sft" else "grpo"
    read = _given(load_training(recipe, stage, sets=sets or ()), release, data, image_folders, model)
    if isinstance(read, GrpoRecipe):
        grpo.rewards_of(read)
    if dry_run:
        _plan(read)
        return
    folder = out or Path("runs") / read.name
    try:
        with progress(quiet or rank() > 0) as bar:
            if isinstance(read, GrpoRecipe):
                grpo.train(read, folder, resume=resume, progress=bar)
            else:
                sft.train(read, folder, resume=resume, progress=bar)
    except (InputError, MissingExtra, UsageError) as error:
        if rank() > 0:  # every process finds the same mistake; the first one says it
            raise typer.Exit(error.exit_code) from None
        raise
    if rank() == 0:
        terminal.print(f"done: {folder} loads as a checkpoint; run.json in it says how it was made")
        terminal.print(f"curves: tensorboard --logdir {folder / 'tensorboard'}")


def _given(
    read: SftRecipe | GrpoRecipe,
    release: Path | None,
    data: list[Path] | None,
    image_folders: list[Path] | None,
    model: str | None,
) -> SftRecipe | GrpoRecipe:
    """The recipe with what the command line says instead."""
    if release is not None and data:
        raise UsageError("--release and --data exclude each other", do="give one of them")
    update: dict[str, object] = {}
    if release is not None:
        update = {"release": release, "files": (), "image_folders": ()}
    if data:
        update = {"release": None, "files": tuple(data)}
    if image_folders:
        update["image_folders"] = tuple(image_folders)
    changes: dict[str, object] = {"data": read.data.model_copy(update=update)}
    if model is not None:
        changes["model"] = model
    return read.model_copy(update=changes)


def _plan(recipe: SftRecipe | GrpoRecipe) -> None:
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # or DeepSpeed looks for a GPU, and says so among the figures
    from training.estimate import footprint, require_room
    from training.prepare import prepare
    from training.run import calm

    calm()
    with tempfile.TemporaryDirectory() as scratch:  # the tiny model's
        prepared = prepare(recipe, Path(scratch) / "run")
        found = footprint(prepared)
    left_out = ", ".join(f"{why}: {count:,}" for why, count in prepared.train.dropped.most_common())
    gib = 2**30
    rows: list[tuple[str, str]] = [
        ("parameters", f"{found.parameters:,}"),
        ("trained of them", f"{found.trainable:,}"),
        ("rows", f"{found.rows:,}"),
        ("rows left out", left_out or "none"),
        ("rows whose Action Units are not used", f"{prepared.train.unscored:,}"),
        ("steps", f"{found.steps:,}"),
        ("rows a step", f"{recipe.rows_a_step:,}"),
        ("tokens a step", f"{found.tokens:,}"),
        ("memory of a device", f"{found.memory / gib:.2f} GiB"),
        ("– weights, gradients, optimizer", f"{found.states / gib:.2f} GiB"),
        ("– activations", f"{found.activations / gib:.2f} GiB"),
        ("– or rollouts, if more", f"{found.rollouts / gib:.2f} GiB"),
    ]
    table("What it would take", ("", f"on {recipe.processes} devices" if recipe.processes > 1 else ""), rows)
    require_room(found, recipe)
