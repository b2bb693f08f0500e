"""What a training run would take, before any weight is loaded: parameters, tokens a step, memory of one device.

*Model states* follow ZeRO (Rajbhandari et al. 2020, §3.1): with Adam in mixed precision, 2 bytes of weights for every
parameter, and for every trained one 2 of gradients and 12 of float32 weights and moments. Stage 1 divides the optimizer
among the processes, stage 2 the gradients as well, stage 3 the weights too; what is offloaded lies in the host's
memory. Without DeepSpeed, fully trained weights are float32 beside their bf16 casts, which comes to 18 bytes.

*Activations* follow Korthikanti et al. 2022 (§4 and 5): 34 bytes a layer, token and hidden unit with an attention that
keeps no matrix of scores, or 2 with checkpointing, and then one layer whole while it is recomputed. TRL makes the
logits in tiles and holds none, but the gradient of a trained output matrix in 4 bytes. GRPO's answers are sampled with
a cache of keys and values of 2 bytes each.

It is an estimate: kernels and fragmentation take more, and a device is refused only when the sum exceeds it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facial_r1.errors import UsageError
from training.arguments import deepspeed_settings
from training.data import Lesson
from training.model import vision
from training.order import Grouped, balanced
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
        steps: optimizer steps, as the trainer will count them.
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
        UsageError: when the checkpoint's architecture cannot be built here, or has no place for the recipe's adapters.
    """
    recipe, rows = prepared.recipe, balanced(prepared.train.rows, prepared.recipe.data.balance)
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
        rows=len(prepared.train.rows),
        steps=recipe.steps or math.ceil(recipe.epochs * _steps_of_an_epoch(recipe, rows)),
        tokens=round(sum(row.tokens for row in rows) / len(rows) * recipe.rows_a_step),
        states=_states(recipe, whole + adapters, trainable),
        activations=_activations(prepared, text, longest),
        rollouts=_rollouts(grpo, text, longest) if grpo else 0,
    )


def _steps_of_an_epoch(recipe: TrainRecipe, rows: Sequence[Lesson]) -> int:
    """The last step of SFT may be a small one; GRPO leaves out prompts that do not fill a step."""
    if isinstance(recipe, GrpoRecipe):
        return len(rows) // (recipe.rows_a_step // recipe.generations)
    order = Grouped(rows, batch=recipe.batch, processes=recipe.processes, by_length=False, seed=0)
    return math.ceil(len(order) / recipe.rows_a_step)


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
    own = {name: shape for name, shape in shapes.items() if "language_model" in name.split(".")}
    count = 0
    for target in recipe.lora.targets:
        found = [shape for name, shape in own.items() if name.endswith(f".{target}.weight")]
        if not found:
            there = sorted({name.split(".")[-2] for name, shape in own.items() if len(shape) == 2})
            what, expected = "lora.targets names no part of this language model", f"some of {', '.join(there)}"
            raise UsageError(what, found=target, expected=expected)
        count += recipe.lora.r * sum(sum(shape) for shape in found)
    return count


def _states(recipe: TrainRecipe, parameters: int, trainable: int) -> int:
    """Weights, gradients and optimizer on one device."""
    # The KL term holds the model against a second one; with adapters, against itself without them.
    models = 2 if isinstance(recipe, GrpoRecipe) and recipe.beta and recipe.lora is None else 1
    if not recipe.gpu:
        return 4 * models * parameters + 12 * trainable
    if recipe.deepspeed is None and recipe.lora is None:
        return (4 * models + 2) * parameters + 12 * trainable
    weights, gradients, optimizer = 2 * models * parameters, 2 * trainable, 12 * trainable
    zero = deepspeed_settings(recipe.deepspeed).get("zero_optimization")
    zero = zero if isinstance(zero, dict) else {}
    stage = zero.get("stage")
    if stage in (1, 2, 3):
        optimizer //= recipe.processes
    if stage in (2, 3):
        gradients //= recipe.processes
    if stage == 3:
        weights //= recipe.processes
    if "offload_param" in zero:
        weights = 0
    if "offload_optimizer" in zero:
        optimizer = 0
    return weights + gradients + optimizer


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
