"""The arguments that TRL's configurations for SFT and GRPO share, from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from facial_r1.errors import UsageError, clip
from training.recipe import TrainRecipe

__all__ = ["DEEPSPEED", "arguments", "deepspeed_settings"]

DEEPSPEED = Path(__file__).parent / "deepspeed"
"""Our settings of DeepSpeed, by the names that a recipe gives them."""


def arguments(recipe: TrainRecipe, folder: Path, *, measure: str, greater: bool) -> dict[str, Any]:
    """Keyword arguments for a configuration.

    Args:
        recipe: what to do.
        folder: where checkpoints go.
        measure: the figure on the validation rows by which the best checkpoint is chosen.
        greater: whether more of it is better.
    """
    length = {"max_steps": recipe.steps} if recipe.steps else {"num_train_epochs": recipe.epochs}
    watch: dict[str, Any] = {}
    if recipe.validation is not None:
        watch = {
            "eval_strategy": "steps",
            "eval_steps": recipe.validate_every,
            "per_device_eval_batch_size": recipe.batch,
            "metric_for_best_model": measure,
            "greater_is_better": greater,
            "load_best_model_at_end": recipe.best,
        }
    return {
        **length,
        **watch,
        "output_dir": str(folder),
        "seed": recipe.seed,
        "learning_rate": recipe.lr,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": recipe.warmup,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "per_device_train_batch_size": recipe.batch,
        "gradient_accumulation_steps": recipe.accumulation,
        "use_cpu": not recipe.gpu,
        "bf16": recipe.gpu,
        "activation_checkpointing": recipe.activation_checkpointing,
        "deepspeed": None if recipe.deepspeed is None else str(_deepspeed_file(recipe.deepspeed)),
        "logging_steps": recipe.log_every,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # or a broken loss would be shown as the one before
        "save_steps": recipe.save_every,
        "save_total_limit": recipe.keep,
        "report_to": ["tensorboard"],
        "disable_tqdm": True,
        "dataloader_num_workers": recipe.workers if recipe.workers is not None else 4 if recipe.gpu else 0,
        "remove_unused_columns": False,
    }


def deepspeed_settings(named: str | Path | None) -> dict[str, Any]:
    """DeepSpeed's settings that a recipe names; empty without it.

    Raises:
        UsageError: for a file that is no JSON object.
    """
    if named is None:
        return {}
    path = _deepspeed_file(named)
    try:
        settings = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        found = str(error)
    else:
        if isinstance(settings, dict):
            return settings
        found = clip(settings)
    raise UsageError("deepspeed names no JSON file of settings", path=path, found=found, do="zero2 is one of ours")


def _deepspeed_file(named: str | Path) -> Path:
    """One of ours by its name, or a file as it is."""
    return DEEPSPEED / f"{named}.json" if isinstance(named, str) else named
