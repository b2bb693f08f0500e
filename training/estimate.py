"""What a training run would take, before any weight is loaded: parameters, tokens a step, memory a device.

Memory of model states follows ZeRO (Rajbhandari et al. 2020, §3): mixed-precision Adam holds 2 bytes a parameter of
weights and 2 of gradients, and 12 of optimizer states (float32 weights, momentum, variance) for each *trainable* one.
Stage 2 divides gradients and optimizer states by the number of devices, stage 3 the weights too; offloading moves
optimizer states to the host. Activations with checkpointing are one hidden state a layer and token, without it about
34 bytes a hidden unit and token (Korthikanti et al. 2022, eq. 1, without its attention term).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from facial_r1.errors import UsageError
from training.prepare import Prepared
from training.recipe import GrpoRecipe

__all__ = ["Footprint", "footprint", "require_room"]

SPARE = 2 * 2**30
"""Bytes of a device that the driver, the allocator and kernels take."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Sizes of a run.

    Attributes:
        parameters, trainable: of the model; LoRA trains only its own.
        rows: rows to train on.
        steps: optimizer steps.
        tokens: tokens of one optimizer step over all devices.
        states, activations: bytes on one device.
    """

    parameters: int
    trainable: int
    rows: int
    steps: int
    tokens: int
    states: int
    activations: int

    @property
    def memory(self) -> int:
        """Bytes on one device."""
        return self.states + self.activations + SPARE


def footprint(prepared: Prepared) -> Footprint:
    """Reckon a run.

    Raises:
        UsageError: when the checkpoint's architecture cannot be built.
    """
    recipe, rows = prepared.recipe, prepared.lessons.rows
    parameters, vision = _parameters(prepared)
    text = prepared.checkpoint.config.get("text_config") or prepared.checkpoint.config
    hidden, layers = int(text["hidden_size"]), int(text["num_hidden_layers"])
    trainable = parameters - (vision if recipe.freeze_vision else 0)
    if recipe.lora is not None:
        inner, kv = (
            int(text["intermediate_size"]),
            hidden * int(text["num_key_value_heads"]) // int(text["num_attention_heads"]),
        )
        wide = {"q_proj": hidden, "o_proj": hidden, "k_proj": kv, "v_proj": kv}
        trainable = layers * sum(recipe.lora.r * (hidden + wide.get(name, inner)) for name in recipe.lora.targets)
    mean = sum(row.tokens for row in rows) / len(rows)
    longest = max(row.tokens for row in rows)
    if isinstance(recipe, GrpoRecipe):
        mean, longest = mean + recipe.max_completion, longest + recipe.max_completion
    together = recipe.batch * recipe.accumulation * recipe.gpus
    each = together // recipe.generations if isinstance(recipe, GrpoRecipe) else together
    return Footprint(
        parameters=parameters,
        trainable=trainable,
        rows=len(rows),
        steps=recipe.steps or max(1, round(recipe.epochs * len(rows) / each)),
        tokens=round(mean * together),
        states=_states(prepared, parameters, trainable),
        activations=recipe.batch * longest * hidden * layers * (2 if recipe.activation_checkpointing else 34),
    )


def _parameters(prepared: Prepared) -> tuple[int, int]:
    """Of the whole model and of its vision tower; built without memory for weights."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    try:
        config = AutoConfig.from_pretrained(prepared.checkpoint.base)
        with torch.device("meta"):
            model: Any = AutoModelForImageTextToText.from_config(config)  # type: ignore[no-untyped-call]
    except (ValueError, OSError, KeyError) as error:
        found = str(error).splitlines()[0]
        raise UsageError("this architecture cannot be built here", path=prepared.checkpoint.base, found=found) from None
    sizes = {name: value.numel() for name, value in model.named_parameters()}
    return sum(sizes.values()), sum(size for name, size in sizes.items() if "visual" in name.split("."))


def _states(prepared: Prepared, parameters: int, trainable: int) -> int:
    recipe = prepared.recipe
    width = 2 if recipe.gpu else 4
    weights, gradients, optimizer = width * parameters, width * trainable, 12 * trainable
    stage = str(recipe.deepspeed or "")
    if "zero" in stage:
        gradients, optimizer = gradients // recipe.gpus, optimizer // recipe.gpus
    if "zero3" in stage:
        weights //= recipe.gpus
    if "offload" in stage:
        optimizer = 0
    return weights + gradients + optimizer


def require_room(found: Footprint, recipe_gpus: int) -> None:
    """Refuse what cannot fit into the devices that are here.

    Raises:
        UsageError: with the sizes, and what would make it fit.
    """
    import torch

    if not torch.cuda.is_available():
        return
    there = torch.cuda.get_device_properties(0).total_memory
    if found.memory > there:
        do = "lower batch, raise gpus with deepspeed: zero3, use lora, or lower data.max_pixels"
        have = f"{there / 2**30:.0f} GiB on each of {recipe_gpus} devices"
        raise UsageError("this run does not fit", found=f"{found.memory / 2**30:.0f} GiB needed", expected=have, do=do)
