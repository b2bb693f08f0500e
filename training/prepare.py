"""From a recipe to everything a trainer needs, mistakes first that are cheap to find: files, lengths, then weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from facial_r1.errors import InputError, MissingExtra, UsageError
from facial_r1.files import canonical_json, sha256_bytes
from facial_r1.inference.local.checkpoints import Checkpoint, open_checkpoint, require
from training.data import Lessons, lengths_with, lessons
from training.recipe import GrpoRecipe, TrainRecipe

__all__ = ["DEEPSPEED", "Prepared", "arguments", "load_model", "prepare"]

DEEPSPEED = Path(__file__).parent / "deepspeed"
ARCHITECTURES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
"""Model types whose pictures and chat are prepared as here."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before the weights are loaded."""

    recipe: TrainRecipe
    checkpoint: Checkpoint
    processor: Any
    lessons: Lessons
    identity: str
    manifest: Mapping[str, Any] | None


def prepare(recipe: TrainRecipe, out: Path, *, with_text: bool) -> Prepared:
    """Check the machine, the model and the rows.

    Args:
        recipe: what to do; its model ``tiny`` is made beside ``out``.
        out: the folder of the run.
        with_text: the rows' texts are learnt (SFT).

    Raises:
        MissingExtra, UsageError, InputError: for whatever cannot work, before any weight is loaded.
    """
    require("train", "torch", "transformers", "trl", *(("peft",) if recipe.lora else ()))
    if recipe.deepspeed is not None:
        require("train", "deepspeed")
    if isinstance(recipe, GrpoRecipe) and recipe.vllm != "off":
        _require_vllm(recipe)
    from training.trainer import on_gpu

    if recipe.gpu and not on_gpu():
        do = "run it where one is, or set gpu: false (the tiny recipes do; a real model would take months)"
        raise UsageError("this recipe needs a GPU, and none is there", found="no CUDA device", do=do)
    checkpoint = open_checkpoint(_tiny(out) if recipe.model == "tiny" else recipe.model)
    kind = checkpoint.config.get("model_type")
    if kind not in ARCHITECTURES:
        expected = f"one of {', '.join(ARCHITECTURES)}"
        raise InputError("this checkpoint is of another architecture", path=recipe.model, found=kind, expected=expected)
    from facial_r1.inference.local.processor import load_processor

    processor = load_processor(checkpoint)
    if recipe.data.max_pixels is not None:
        size = processor.image_processor.size
        size["longest_edge"] = min(recipe.data.max_pixels, size["longest_edge"])
    found = lessons(recipe.data, with_text=with_text, tokens_of=lengths_with(processor))
    identity = sha256_bytes(canonical_json([recipe.identity(), found.source, checkpoint.name(), with_text]))
    return Prepared(recipe, checkpoint, processor, found, identity, _manifest(recipe.data.release))


def _tiny(out: Path) -> Path:
    from facial_r1.inference.local.tiny import make_tiny

    folder = out.with_name(f"{out.name}-tiny")
    return folder if (folder / "config.json").is_file() else make_tiny(folder)


def _require_vllm(recipe: GrpoRecipe) -> None:
    try:
        require("vllm", "vllm")
    except MissingExtra as error:
        if recipe.vllm == "colocate":
            do = f"{error.do}, or set vllm: off"
            raise MissingExtra("vllm: colocate needs vLLM in this environment", do=do) from None
        raise


def _manifest(release: Path | None) -> Mapping[str, Any] | None:
    path = None if release is None else release / "manifest.json"
    return None if path is None or not path.is_file() else dict(orjson.loads(path.read_bytes()))


def load_model(prepared: Prepared) -> Any:
    """The weights, in bf16 on a GPU and float32 on a CPU; a LoRA adapter is merged into its base."""
    import torch
    from transformers import AutoModelForImageTextToText

    recipe = prepared.recipe
    dtype = torch.bfloat16 if recipe.gpu else torch.float32
    model = AutoModelForImageTextToText.from_pretrained(prepared.checkpoint.base, dtype=dtype)
    if prepared.checkpoint.adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, prepared.checkpoint.adapter).merge_and_unload()
    if recipe.freeze_vision:
        from training.trainer import frozen_vision

        frozen_vision(model)
    return model


def peft_of(recipe: TrainRecipe) -> Any:
    """The adapter's settings for TRL; None for full fine-tuning. Vision blocks keep their weights."""
    if recipe.lora is None:
        return None
    from peft import LoraConfig

    targets = rf".*language_model.*\.({'|'.join(recipe.lora.targets)})"
    return LoraConfig(
        r=recipe.lora.r,
        lora_alpha=recipe.lora.alpha,
        lora_dropout=recipe.lora.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def arguments(recipe: TrainRecipe, out: Path) -> dict[str, Any]:
    """The arguments that TRL's two configurations share."""
    steps: dict[str, Any] = {"max_steps": recipe.steps} if recipe.steps else {"num_train_epochs": recipe.epochs}
    deepspeed = recipe.deepspeed
    if isinstance(deepspeed, str):
        deepspeed = DEEPSPEED / f"{deepspeed}.json"
    return {
        **steps,
        "output_dir": str(out),
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
        "gradient_checkpointing": recipe.activation_checkpointing,
        "deepspeed": None if deepspeed is None else str(deepspeed),
        "logging_steps": recipe.log_every,
        "logging_nan_inf_filter": False,
        "save_steps": recipe.save_every,
        "save_total_limit": recipe.keep,
        "report_to": ["tensorboard"],
        "disable_tqdm": True,
        "dataloader_num_workers": 0 if not recipe.gpu else 4,
    }
