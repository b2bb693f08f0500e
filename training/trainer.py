"""What SFT and GRPO share on top of TRL: an exact resume, an end at a broken loss, and a record of the run."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from facial_r1.errors import FacialR1Error

__all__ = ["BrokenLoss", "Clock", "Exact", "last_checkpoint", "load_weights"]


def load_weights(model: PreTrainedModel, checkpoint: str | Path) -> None:
    """Load the weights of a checkpoint folder into a model of the same architecture, every single one.

    transformers saves a Qwen2.5-VL under other names than its modules have, and its trainer's own loading, which is not
    strict, then loads nothing and says so in one warning (huggingface/transformers#43701). ``from_pretrained`` knows
    both names.
    """
    saved = type(model).from_pretrained(checkpoint, dtype=model.dtype)
    model.load_state_dict(saved.state_dict(), strict=True)


class Exact:
    """A mixin for TRL's trainers, before them in the bases: full weights are resumed as they were."""

    model: Any
    state: Any
    is_deepspeed_enabled: bool
    is_fsdp_enabled: bool

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._own_way():
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
        else:
            load_weights(model if model is not None else self.model, resume_from_checkpoint)

    def _load_best_model(self) -> None:
        if self._own_way():
            super()._load_best_model()  # type: ignore[misc]
        else:
            load_weights(self.model, self.state.best_model_checkpoint)

    def _own_way(self) -> bool:
        """DeepSpeed, FSDP and adapters have checkpoints of their own, which are loaded rightly."""
        return self.is_deepspeed_enabled or self.is_fsdp_enabled or not isinstance(self.model, PreTrainedModel)


class BrokenLoss(TrainerCallback):
    """Stops at the first loss that is no number: what follows it would be noise."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_more: Any) -> None:
        """Called by the trainer with every line of its log.

        Raises:
            FacialR1Error: for a loss or gradient norm that is NaN or infinite.
        """
        del args, control
        for name in ("loss", "grad_norm"):
            value = (logs or {}).get(name)
            if value is not None and not math.isfinite(value):
                do = "lower lr, raise warmup, or look at the rows of this step; the checkpoints before it are kept"
                raise FacialR1Error(f"the {name} is {value} at step {state.global_step}", do=do)


class Clock(TrainerCallback):
    """Seconds of the steps themselves, start-up and saving left out, over all starts of a run."""

    def __init__(self, before: float = 0.0) -> None:
        self.seconds = before
        self.losses: list[tuple[int, float]] = []
        self._begun = 0.0

    def on_step_begin(self, *_arguments: Any, **_more: Any) -> None:
        """The clock starts."""
        self._begun = time.perf_counter()

    def on_step_end(self, *_arguments: Any, **_more: Any) -> None:
        """The clock stops."""
        self.seconds += time.perf_counter() - self._begun

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_more: Any) -> None:
        """Keep the curve."""
        del args, control
        if logs and "loss" in logs:
            self.losses.append((state.global_step, logs["loss"]))


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of a run, None when there is none."""
    found = get_last_checkpoint(str(folder)) if folder.is_dir() else None  # type: ignore[no-untyped-call]
    return None if found is None else Path(found)


def frozen_vision(model: Any) -> int:
    """Freeze the vision tower and its merger; returns how many parameters that are."""
    frozen = 0
    for name, parameter in model.named_parameters():
        if "visual" in name.split("."):
            parameter.requires_grad_(False)
            frozen += parameter.numel()
    if not frozen:
        raise FacialR1Error("this model has no vision tower to freeze", do="set freeze_vision: false")
    return frozen


def on_gpu() -> bool:
    """Whether a CUDA device is there."""
    return bool(torch.cuda.is_available())
