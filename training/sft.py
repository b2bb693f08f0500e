"""Stage 1: supervised fine-tuning. The loss is on the answer alone; the question and the picture are only read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facial_r1.progress import Progress
from training.arguments import arguments
from training.columns import sft_columns
from training.model import load_model, lora_config
from training.order import Grouped, balanced
from training.outputs import CHECKPOINTS
from training.prepare import Prepared
from training.processes import world
from training.recipe import SftRecipe
from training.run import run

__all__ = ["train", "trainer"]


def train(recipe: SftRecipe, out: Path, *, resume: bool = False, progress: Progress | None = None) -> Path:
    """Fine-tune a model on the texts of a release.

    Returns:
        ``out``, a folder that loads as a checkpoint, with ``run.json``, TensorBoard's log and a model card.

    Raises:
        FacialR1Error: see :func:`training.run.run`.
    """
    return run(recipe, "sft", out, trainer, resume=resume, progress=progress or Progress())


def trainer(prepared: Prepared, out: Path, callbacks: list[Any]) -> Any:
    """TRL's trainer over the rows, as the recipe says."""
    from trl import SFTConfig, SFTTrainer

    from training.trainer import Exact

    recipe = prepared.recipe
    assert isinstance(recipe, SftRecipe)
    rows = balanced(prepared.train.rows, recipe.data.balance)
    order = Grouped(rows, batch=recipe.batch, processes=world(), by_length=recipe.group_by_length, seed=recipe.seed)

    class Trainer(Exact, SFTTrainer):  # type: ignore[misc]
        """TRL's, with an exact resume and our order of the rows."""

        def _get_train_sampler(self, train_dataset: Any = None) -> Grouped:
            del train_dataset
            return order

    config = SFTConfig(
        **arguments(recipe, out / CHECKPOINTS, measure="eval_loss", greater=False),
        max_length=None,  # lengths were checked; a cut picture would end the run at some later step
        completion_only_loss=True,
        include_num_input_tokens_seen="non_padding",
    )
    watched = prepared.validation
    return Trainer(
        model=load_model(recipe, prepared.checkpoint),
        args=config,
        train_dataset=sft_columns(rows),
        eval_dataset=None if watched is None else sft_columns(watched.rows),
        processing_class=prepared.processor,
        peft_config=lora_config(recipe, prepared.checkpoint),
        callbacks=callbacks,
    )
