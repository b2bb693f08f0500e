"""Stage 1: supervised fine-tuning. The loss is on the answer alone; the question and the picture are only read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facial_r1.progress import Progress
from training.data import columns
from training.prepare import Prepared, arguments, load_model, peft_of, prepare
from training.recipe import SftRecipe
from training.run import run

__all__ = ["train", "trainer"]


def train(recipe: SftRecipe, out: Path, *, resume: bool = False, progress: Progress | None = None) -> Path:
    """Fine-tune a model on the texts of a release.

    Returns:
        ``out``, a folder that loads as a checkpoint, with ``run.json``, TensorBoard's log and a model card.

    Raises:
        FacialR1Error: see :func:`training.prepare.prepare` and :func:`training.run.run`.
    """
    prepared = prepare(recipe, out, with_text=True)
    return run(
        prepared,
        "sft",
        out,
        lambda folder, callbacks: trainer(prepared, recipe, folder, callbacks),
        resume=resume,
        progress=progress or Progress(),
    )


def trainer(prepared: Prepared, recipe: SftRecipe, folder: Path, callbacks: list[Any]) -> Any:
    """TRL's trainer over the rows, as the recipe says."""
    from trl import SFTConfig, SFTTrainer

    from training.trainer import Exact

    class Trainer(Exact, SFTTrainer):  # type: ignore[misc]
        """TRL's, with an exact resume."""

    config = SFTConfig(
        **arguments(recipe, folder),
        max_length=None,  # lengths were checked; a cut picture would end the run at some later step
        completion_only_loss=True,
        train_sampling_strategy="group_by_length" if recipe.group_by_length else "random",
        length_column_name="length",
        include_num_input_tokens_seen=True,
        remove_unused_columns=False,  # or `length` would be gone before the sampler reads it
    )
    return Trainer(
        model=load_model(prepared),
        args=config,
        train_dataset=columns(prepared.lessons, with_text=True),
        processing_class=prepared.processor,
        peft_config=peft_of(recipe),
        callbacks=callbacks,
    )
