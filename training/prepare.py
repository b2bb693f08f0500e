"""From a recipe to what a trainer needs, the mistakes first that are cheap to find: machine, model, rows, lengths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facial_r1.errors import InputError, MissingExtra, UsageError
from facial_r1.inference.local.checkpoints import Checkpoint, open_checkpoint, require
from training.arguments import deepspeed_settings
from training.data import Lesson, Lessons, lessons, places
from training.lengths import Lengths
from training.order import balanced
from training.processes import leader_first, rank, world
from training.provenance import release_of, runs_before
from training.recipe import Data, GrpoRecipe, TrainRecipe
from training.rewards import TRUTHS

__all__ = ["ARCHITECTURES", "TINY", "Prepared", "check_machine", "prepare"]

ARCHITECTURES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
"""Model types whose pictures and chats are prepared as here."""
TINY = "tiny"
"""Model of a recipe that is made on the spot."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before any weight is loaded.

    Attributes:
        recipe: what to do.
        checkpoint: where it begins.
        processor: of the checkpoint, with the recipe's limit of pixels.
        train, validation: the rows; validation is None when the recipe has none.
        release: which one, and whose data are in it (:func:`training.provenance.release_of`); None for plain files.
        before: the runs that led to the checkpoint, the last one first.
    """

    recipe: TrainRecipe
    checkpoint: Checkpoint
    processor: Any
    train: Lessons
    validation: Lessons | None
    release: dict[str, Any] | None
    before: list[dict[str, Any]]


def check_machine(recipe: TrainRecipe) -> None:
    """See whether this machine can do what the recipe asks.

    Raises:
        MissingExtra: for a package that is not installed.
        UsageError: without a GPU, for another number of processes than the recipe's, or settings that are no JSON.
    """
    require("train", "torch", "transformers", "trl", "accelerate", "tensorboard")
    if recipe.lora is not None:
        require("train", "peft")
    if recipe.deepspeed is not None:
        require("train", "deepspeed")
        deepspeed_settings(recipe.deepspeed)
    if isinstance(recipe, GrpoRecipe) and recipe.vllm is not None:
        try:
            require("vllm", "vllm")
        except MissingExtra as error:
            what = "the recipe asks for rollouts by vLLM, which is not installed"
            raise MissingExtra(what, do=f"{error.do}, or --set vllm=null") from None
    if not recipe.gpu:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # or DeepSpeed looks for a GPU, and says so, at every import
    import torch

    if recipe.gpu and not torch.cuda.is_available():
        do = "run it where one is, or set gpu: false, which suits the tiny model only"
        raise UsageError("this recipe needs a GPU, and none is there", found="no CUDA device", do=do)
    if recipe.processes != world():
        do = (
            f"torchrun --nproc_per_node {recipe.processes} $(which facial-r1) train …"
            if world() == 1
            else f"--set processes={world()}, and accumulation such that a step has as many rows as before"
        )
        what = f"this recipe is for {recipe.processes} processes, one a device"
        raise UsageError(what, found=f"{world()} started", do=do)


def prepare(recipe: TrainRecipe, out: Path) -> Prepared:
    """Find the model and read the rows.

    Args:
        recipe: what to do.
        out: the folder of the run; the tiny model is made beside it.

    Raises:
        InputError, UsageError: for whatever is wrong with model or rows, before a weight is loaded.
    """
    from facial_r1.inference.local.processor import load_processor

    data, watched = recipe.data, _watched(recipe)
    for rows in (data, watched):
        if rows is not None:
            places(rows)
    release = None if data.release is None else release_of(data.release)
    with leader_first():
        checkpoint = open_checkpoint(_tiny(out) if recipe.model == TINY else recipe.model)
    kind = checkpoint.config.get("model_type")
    if kind not in ARCHITECTURES:
        expected = f"one of {', '.join(ARCHITECTURES)}"
        raise InputError("this checkpoint is of another architecture", path=recipe.model, found=kind, expected=expected)
    _check_adapter(recipe, checkpoint)
    before = runs_before(checkpoint)
    processor = load_processor(checkpoint)
    if not processor.chat_template:
        do = "copy chat_template.jinja of the model it was trained from into this folder"
        raise InputError("this checkpoint has no chat template", path=recipe.model, do=do)
    size = processor.image_processor.size
    size["longest_edge"] = min(recipe.max_pixels, size["longest_edge"])
    size["shortest_edge"] = min(size["longest_edge"], size["shortest_edge"])
    answer = recipe.max_completion if isinstance(recipe, GrpoRecipe) else None
    lengths, prove = Lengths(processor), rank() == 0
    train = lessons(data, lengths, answer=answer, prove=prove)
    if isinstance(recipe, GrpoRecipe):
        _check_groups(train.rows, recipe)
    validation = None if watched is None else lessons(watched, lengths, answer=answer, prove=prove)
    return Prepared(recipe, checkpoint, processor, train, validation, release, before)


def _check_adapter(recipe: TrainRecipe, checkpoint: Checkpoint) -> None:
    """See whether a checkpoint's adapter can be trained on, or be merged, as the recipe says."""
    lora = recipe.lora
    if checkpoint.adapter is None:
        return
    if lora is None:
        if isinstance(recipe, GrpoRecipe) and recipe.beta:
            what = "beta would draw the model to the one without this adapter"
            do = "give lora the adapter's r and alpha to train it on, or set beta to 0"
            raise UsageError(what, path=checkpoint.adapter, found=f"beta {recipe.beta}, no lora", do=do)
        return
    ranks = {name: checkpoint.settings.get(name) for name in ("r", "lora_alpha")}
    if ranks != {"r": lora.r, "lora_alpha": lora.alpha}:
        found, do = f"r {ranks['r']}, alpha {ranks['lora_alpha']}", "give lora the same r and alpha, or leave it out"
        what = f"the checkpoint's adapter does not fit the recipe's lora of r {lora.r}, alpha {lora.alpha}"
        raise UsageError(what, path=checkpoint.adapter, found=found, do=do)


def _check_groups(rows: Sequence[Lesson], recipe: GrpoRecipe) -> None:
    """See whether there is something to reinforce: a truth for the rewards, and rows for one step."""
    there = {"au_annotated": any(row.sample.meta_info.au_annotated for row in rows)}
    there["labels"] = any(row.sample.labels for row in rows)
    asked = [one.name for one in recipe.rewards if one.name in TRUTHS]
    if asked and not any(there[TRUTHS[name]] for name in asked):  # or the format would be trained alone
        do = "choose rewards whose truth the rows have"
        raise UsageError("no row has a truth that these rewards compare with", found=", ".join(asked), do=do)
    prompts, shown = recipe.rows_a_step // recipe.generations, len(balanced(rows, recipe.data.balance))
    if shown < prompts:  # TRL leaves out a step that is not full, and would end without having trained
        do = "give more rows, or lower batch or accumulation"
        raise UsageError("there are fewer rows than one step has prompts", found=f"{shown} of {prompts}", do=do)


def _tiny(out: Path) -> Path:
    from facial_r1.inference.local.tiny import make_tiny

    folder = out.absolute().with_name(f"{out.absolute().name}-{TINY}")
    return folder if (folder / "config.json").is_file() else make_tiny(folder)


def _watched(recipe: TrainRecipe) -> Data | None:
    data, watched = recipe.data, recipe.validation
    if watched is None:
        return None
    if watched.release is None and not watched.files:
        if data.release is None:
            do = "give them files and image_folders as well, or --set validation=null --set best=false"
            raise UsageError("the validation rows are to come from a release, and there is none", do=do)
        watched = watched.model_copy(update={"release": data.release})
    if (watched.release, watched.split, watched.files) == (data.release, data.split, data.files):
        do = "name a split, such as validation: {split: val}, or files"
        raise UsageError("the validation rows are the rows that are trained on", do=do)
    return watched
