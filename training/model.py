"""The weights that are trained: loaded in the right precision, partly frozen, or with low-rank adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facial_r1.errors import InputError, UsageError
from facial_r1.inference.local.checkpoints import Checkpoint
from training.recipe import TrainRecipe

__all__ = ["load_model", "lora_config", "vision"]


def load_model(recipe: TrainRecipe, checkpoint: Checkpoint) -> Any:
    """The model, ready for a trainer, which adds new adapters itself (:func:`lora_config`).

    Full weights that are trained without DeepSpeed stay in float32, the forward pass being in bf16: a small learning
    rate is lost in bf16 weights. DeepSpeed keeps float32 copies of its own, adapters are float32 over a bf16 base.

    Raises:
        InputError: when the weights cannot be loaded, or some are missing.
        UsageError: when there is no vision tower to freeze.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    halved = recipe.gpu and (recipe.deepspeed is not None or recipe.lora is not None)
    base = Path(checkpoint.base)
    place = base.absolute() if base.is_dir() else checkpoint.base
    how: dict[str, Any] = {"dtype": torch.bfloat16 if halved else torch.float32, "output_loading_info": True}
    try:
        loaded: Any = AutoModelForImageTextToText.from_pretrained(place, **how)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        mismatch = "ignore_mismatched_sizes" in str(error)
        found = "weights of other sizes than config.json says" if mismatch else str(error).strip().splitlines()[0]
        raise InputError("this checkpoint cannot be loaded", path=place, found=found, do="copy it anew") from error
    model, report = loaded
    if report["missing_keys"]:  # transformers would begin with noise there
        found = f"no {min(report['missing_keys'])}"
        raise InputError("these weights are not all of the model's", path=place, found=found, do="copy it anew")
    if checkpoint.adapter is not None:
        model = _adapted(model, checkpoint, trained_on=recipe.lora is not None)
    if recipe.freeze_vision:
        frozen = [parameter for name, parameter in model.named_parameters() if vision(name)]
        if not frozen:
            raise UsageError(
                "this model has no vision tower to freeze", path=checkpoint.base, do="freeze_vision: false"
            )
        for parameter in frozen:
            parameter.requires_grad_(False)
    return model


def _adapted(model: Any, checkpoint: Checkpoint, *, trained_on: bool) -> Any:
    """With the checkpoint's adapter: trained on where the recipe has one too, else merged into the weights."""
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(model, checkpoint.adapter, is_trainable=trained_on)
    return adapted if trained_on else adapted.merge_and_unload().requires_grad_(requires_grad=True)  # peft froze them


def vision(name: str) -> bool:
    """Whether a parameter of this name belongs to the vision tower or its merger."""
    return "visual" in name.split(".")


def lora_config(recipe: TrainRecipe, checkpoint: Checkpoint) -> Any:
    """Settings of new adapters; None for full fine-tuning, and where the checkpoint brings its own."""
    if recipe.lora is None or checkpoint.adapter is not None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=recipe.lora.r,
        lora_alpha=recipe.lora.alpha,
        lora_dropout=recipe.lora.dropout,
        target_modules=rf".*language_model.*\.({'|'.join(recipe.lora.targets)})",  # the tower has such names too
        task_type="CAUSAL_LM",
    )
