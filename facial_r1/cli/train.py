"""``train``: supervised fine-tuning and GRPO on the curated splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from facial_r1.cli.show import out as terminal
from facial_r1.cli.show import progress, table
from facial_r1.errors import UsageError

__all__ = ["train"]


def train(
    method: Annotated[str, typer.Argument(help="sft or grpo.")],
    recipe: Annotated[Path, typer.Argument(help="A training recipe, such as recipes/tiny-sft.yaml.")],
    out: Annotated[Path, typer.Option(help="The folder of the run; it ends as a checkpoint.")],
    release: Annotated[Path | None, typer.Option(help="A release to train on.")] = None,
    data: Annotated[list[Path] | None, typer.Option(help="JSONL in the published schema, instead; repeatable.")] = None,
    image_folder: Annotated[list[Path] | None, typer.Option(help="Its image folder; one, or one each.")] = None,
    model: Annotated[str | None, typer.Option(help="Begin from this checkpoint instead of the recipe's.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of the recipe; may be repeated.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint in --out.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only what matters in the end.")] = False,
) -> None:
    """Train a vision-language model: `sft` on the texts of a release, `grpo` on its truth.

    On several devices start it through the path of this script:
    `accelerate launch --num_processes 8 $(which facial-r1) train sft …`.
    """
    if method not in ("sft", "grpo"):
        raise UsageError("unknown way to train", found=method, expected="sft or grpo")
    from facial_r1.inference.local.checkpoints import require
    from training.recipe import GrpoRecipe, load_training

    require("train", "torch", "transformers", "trl")
    chosen = cast('Literal["sft", "grpo"]', method)
    read = load_training(recipe, chosen, sets=sets or ())
    update: dict[str, object] = {}
    if release is not None:
        update |= {"release": release.absolute(), "files": (), "image_folders": ()}
    if data:
        update |= {"release": None, "files": tuple(path.absolute() for path in data)}
    if image_folder:
        update["image_folders"] = tuple(path.absolute() for path in image_folder)
    read = read.model_copy(update={"data": read.data.model_copy(update=update)})
    if model is not None:
        read = read.model_copy(update={"model": model})
    if dry_run:
        _show_footprint(read, chosen, out)
        return
    from training import grpo, sft

    with progress(quiet) as bar:
        if isinstance(read, GrpoRecipe):
            done = grpo.train(read, out, resume=resume, progress=bar)
        else:
            done = sft.train(read, out, resume=resume, progress=bar)
    terminal.print(f"done: {done} loads as a checkpoint; run.json in it says how it was made")
    terminal.print(f"curves: tensorboard --logdir {done / 'tensorboard'}")


def _show_footprint(recipe: object, method: str, out: Path) -> None:
    from training.estimate import footprint, require_room
    from training.prepare import prepare
    from training.recipe import TrainRecipe

    read = cast(TrainRecipe, recipe)
    prepared = prepare(read.model_copy(update={"gpu": False}), out, with_text=method == "sft")
    found = footprint(prepared)
    rows = [
        ("parameters", f"{found.parameters:,}"),
        ("trainable", f"{found.trainable:,}"),
        ("rows", f"{found.rows:,}"),
        ("left out", ", ".join(f"{why} {n:,}" for why, n in prepared.lessons.dropped.most_common()) or "none"),
        ("steps", f"{found.steps:,}"),
        ("tokens a step", f"{found.tokens:,}"),
        ("model states on a device", f"{found.states / 2**30:.2f} GiB"),
        ("activations on a device", f"{found.activations / 2**30:.2f} GiB"),
        ("together", f"{found.memory / 2**30:.2f} GiB on each of {read.gpus}"),
    ]
    table("What it would take", ("", ""), rows)
    require_room(found, read.gpus)
