"""What a training run would take, before any weight is loaded: parameters, tokens a step, memory of one device.

*Model states* follow ZeRO (Rajbhandari et al. 2020, §3.1): with Adam in mixed precision, 2 bytes of weights for every
parameter, and for every trained one 2 of gradients and 12 of float32 weights and moments. Stage 2 divides gradients and
optimizer among the processes, stage 3 the weights as well, and offloading keeps weights and optimizer in the host's
memory. Without DeepSpeed, fully trained weights are float32 beside their bf16 casts, which comes to 18 bytes.

*Activations* follow Korthikanti et al. 2022 (§4 and 5): 34 bytes a layer, token and hidden unit with an attention that
keeps no matrix of scores, or 2 with checkpointing, and then one layer whole while it is recomputed. TRL makes the
logits in tiles and holds none, but the gradient of a trained output matrix in 4 bytes. GRPO's answers are sampled with
a cache of keys and values of 2 bytes each.

It is an estimate: kernels and fragmentation take more, and a device is refused only when the sum exceeds it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facial_r1.errors import UsageError
from training.model import vision
from training.prepare import Prepared
from training.recipe import GrpoRecipe, TrainRecipe

__all__ = ["Footprint", "footprint", "require_room"]

_WHOLE, _CHECKPOINTED = 34, 2


@dataclass(frozen=True, slots=True)
class Footprint:
    """Sizes of a run.

    Attributes:
        parameters, trainable: of the model; with LoRA only the adapters are trained.
        rows: rows to train on.
        steps: optimizer steps.
        tokens: mean tokens of one optimizer step over all processes.
        states, activations, rollouts: bytes on one device.
    """

    parameters: int
    trainable: int
    rows: int
    steps: int
    tokens: int
    states: int
    activations: int
    rollouts: int

    @property
    def memory(self) -> int:
        """Bytes on one device: states, and what of training and sampling is larger."""
        return self.states + max(self.activations, self.rollouts)


def footprint(prepared: Prepared) -> Footprint:
    """Reckon a run.

    Raises:
        UsageError: when the checkpoint's architecture cannot be built here.
    """
    recipe, rows = prepared.recipe, prepared.train.rows
    config = prepared.checkpoint.config
    text = config.get("text_config") or config
    shapes = _shapes(prepared.checkpoint.base)
    whole = sum(math.prod(shape) for shape in shapes.values())
    frozen = sum(math.prod(shape) for name, shape in shapes.items() if vision(name)) if recipe.freeze_vision else 0
    adapters = _adapters(recipe, shapes)
    trainable = whole - frozen if recipe.lora is None else adapters
    longest = max(row.tokens for row in rows)
    grpo = recipe if isinstance(recipe, GrpoRecipe) else None
    return Footprint(
        parameters=whole + adapters,
        trainable=trainable,
        rows=len(rows),
        steps=recipe.steps
        or max(1, round(recipe.epochs * len(rows) * (grpo.generations if grpo else 1) / recipe.rows_a_step)),
        tokens=round(sum(row.tokens for row in rows) / len(rows) * recipe.rows_a_step),
        states=_states(recipe, whole + adapters, trainable),
        activations=_activations(prepared, text, longest),
        rollouts=_rollouts(grpo, text, longest) if grpo else 0,
    )


def _shapes(model: str) -> dict[str, tuple[int, ...]]:
    """Parameter → its shape; the model is built without memory for weights."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    try:
        config = AutoConfig.from_pretrained(model)
        with torch.device("meta"):
            built: Any = AutoModelForImageTextToText.from_config(config)  # type: ignore[no-untyped-call]
    except (ValueError, OSError, KeyError) as error:
        found = str(error).splitlines()[0]
        raise UsageError("this architecture cannot be built here", path=model, found=found) from None
    return {name: tuple(value.shape) for name, value in built.named_parameters()}


def _adapters(recipe: TrainRecipe, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Parameters of the adapters: two matrices of rank r at each target of the language model."""
    if recipe.lora is None:
        return 0
    ends = tuple(f".{target}.weight" for target in recipe.lora.targets)
    targets = [shape for name, shape in shapes.items() if name.endswith(ends) and "language_model" in name.split(".")]
    return recipe.lora.r * sum(sum(shape) for shape in targets)


def _states(recipe: TrainRecipe, parameters: int, trainable: int) -> int:
    """Weights, gradients and optimizer on one device."""
    if not recipe.gpu:
        return 4 * parameters + 12 * trainable
    if recipe.deepspeed is None and recipe.lora is None:
        return 6 * parameters + 12 * trainable
    weights, gradients, optimizer = 2 * parameters, 2 * trainable, 12 * trainable
    stage = str(recipe.deepspeed or "")
    if "zero" in stage:
        gradients, optimizer = gradients // recipe.processes, optimizer // recipe.processes
    if "zero3" in stage:
        weights //= recipe.processes
    return gradients if "offload" in stage else weights + gradients + optimizer


def _activations(prepared: Prepared, text: Mapping[str, Any], longest: int) -> int:
    recipe = prepared.recipe
    sight = prepared.checkpoint.config["vision_config"]
    most = max(
        (prepared.processor.image_processor.merge_size**2 * row.tokens for row in prepared.train.rows if row.picture),
        default=0,
    )
    parts = [(longest, int(text["hidden_size"]), int(text["num_hidden_layers"]))]
    if not recipe.freeze_vision and recipe.lora is None:
        parts.append((most, int(sight["hidden_size"]), int(sight["depth"])))
    head = 0 if recipe.lora is not None else 4 * int(text["vocab_size"]) * int(text["hidden_size"])
    if not recipe.activation_checkpointing:
        return head + recipe.batch * sum(_WHOLE * tokens * hidden * depth for tokens, hidden, depth in parts)
    kept = sum(_CHECKPOINTED * tokens * hidden * depth for tokens, hidden, depth in parts)
    return head + recipe.batch * (kept + max(_WHOLE * tokens * hidden for tokens, hidden, _ in parts))


def _rollouts(recipe: GrpoRecipe, text: Mapping[str, Any], longest: int) -> int:
    """The cache of keys and values while answers are sampled."""
    if recipe.vllm is not None:
        return round(recipe.vllm.memory * recipe.device_memory * 2**30) if recipe.vllm.mode == "colocate" else 0
    head = int(text["hidden_size"]) // int(text["num_attention_heads"])
    width = 2 * int(text["num_key_value_heads"]) * int(text.get("head_dim") or head)
    return 2 * recipe.batch * recipe.accumulation * longest * width * int(text["num_hidden_layers"])


def require_room(found: Footprint, recipe: TrainRecipe) -> None:
    """Refuse what cannot fit on a GPU: the one that is here, else one of the recipe's ``device_memory``.

    Raises:
        UsageError: with the sizes, and what would make it fit.
    """
    if not recipe.gpu:
        return
    import torch

    size = recipe.device_memory
    if torch.cuda.is_available():
        size = torch.cuda.get_device_properties(0).total_memory / 2**30
    if found.memory > size * 2**30:
        needed = f"about {found.memory / 2**30:.0f} GiB on each of {recipe.processes} devices"
        do = "lower batch, share it among more processes with deepspeed: zero3, use lora, or lower max_pixels"
        raise UsageError("this run does not fit", found=needed, expected=f"at most {size:.0f} GiB", do=do)
