"""What SFT and GRPO share on top of TRL: an exact resume, an end at a broken loss, the clock, and our progress."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import orjson
import torch
from transformers import PreTrainedModel, TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from facial_r1.errors import FacialR1Error, InputError
from facial_r1.files import write_atomic
from facial_r1.progress import Progress

__all__ = ["Best", "BrokenLoss", "Clock", "Exact", "Told", "last_checkpoint", "load_weights", "usual_names"]

_CLOCK = "clock.json"


def load_weights(model: PreTrainedModel, checkpoint: str | Path) -> None:
    """Load the weights of a checkpoint folder into a model of the same architecture, every single one.

    transformers saves a Qwen2.5-VL under other names than its modules have, and its trainer's own loading, which is not
    strict, then loads nothing and says so in one warning (huggingface/transformers#43701). ``from_pretrained`` knows
    both names.
    """
    saved = type(model).from_pretrained(checkpoint, dtype=model.dtype)
    model.load_state_dict(saved.state_dict(), strict=True)


def usual_names(folder: Path) -> None:
    """Give the weights that DeepSpeed gathered into a folder the names that everybody's checkpoints have.

    ZeRO-3 doubles their prefix, which transformers reads and other engines do not; all stages save a matrix twice that
    input and output share. A model saves the names it was loaded from, so another one, which was not loaded, does it.
    """
    from transformers import AutoModelForImageTextToText
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]  # or the model would be divided again
    loaded: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype="auto")
    with torch.device("meta"):
        saved: Any = AutoModelForImageTextToText.from_config(loaded.config)  # type: ignore[no-untyped-call]
    saved.load_state_dict(loaded.state_dict(), assign=True)
    saved.tie_weights()
    saved.generation_config = loaded.generation_config
    saved.save_pretrained(folder)


class Exact:
    """A mixin for TRL's trainers, before them in the bases: full weights are resumed as they were."""

    model: Any
    state: Any
    control: Any
    is_deepspeed_enabled: bool
    is_fsdp_enabled: bool

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._own_way():
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
        else:
            load_weights(model if model is not None else self.model, resume_from_checkpoint)

    def _run_epoch(self, **how: Any) -> None:
        """When the last step was saved, and what follows it was not, transformers would make one step more."""
        if self.state.global_step < self.state.max_steps:
            super()._run_epoch(**how)  # type: ignore[misc]
        else:
            self.control.should_training_stop = True

    def _load_best_model(self) -> None:
        if self._own_way():
            super()._load_best_model()  # type: ignore[misc]
        else:
            load_weights(self.model, self.state.best_model_checkpoint)

    def _own_way(self) -> bool:
        """DeepSpeed, FSDP and adapters have checkpoints of their own, which are loaded rightly."""
        return self.is_deepspeed_enabled or self.is_fsdp_enabled or not isinstance(self.model, PreTrainedModel)


class Best(TrainerCallback):
    """Finds the best checkpoint again when a run goes on in a folder that was moved or is named in another way.

    The trainer's state holds its path; where that leads nowhere, the last weights would be taken for the best.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        """Look where it must be.

        Raises:
            InputError: when the run is to end with it, and it is gone.
        """
        del control
        if not (args.load_best_model_at_end and state.best_global_step):
            return
        best = _checkpoint(args, state.best_global_step)
        if not best.is_dir():
            do = "put it back, or begin anew with another --out"
            raise InputError("the best checkpoint so far is not there", path=best, do=do)
        state.best_model_checkpoint = str(best)


class BrokenLoss(TrainerCallback):
    """Stops at the first loss that is no number, before a checkpoint with it is saved."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        """Whatever is saved is logged first."""
        del args, state
        control.should_log = control.should_log or control.should_save

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_more: Any) -> None:
        """Look at a line of the log.

        Raises:
            FacialR1Error: for a loss or gradient norm that is NaN or infinite.
        """
        del args, control
        for name in ("loss", "grad_norm"):
            value = (logs or {}).get(name)
            if value is not None and not math.isfinite(value):
                do = "lower lr, raise warmup, or look at the rows of these steps; checkpoints before it are kept"
                raise FacialR1Error(f"the {name} is {value} at step {state.global_step}", do=do)


class Clock(TrainerCallback):
    """Seconds of the steps, and of waiting for data between them, over all starts of a run.

    Start-up, evaluating and saving are left out.
    """

    def __init__(self) -> None:
        self.seconds = self.waiting = self._since = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        """Go on from what the checkpoint says."""
        del control
        path = _checkpoint(args, state.global_step) / _CLOCK
        if state.global_step and path.is_file():
            self.seconds, self.waiting = orjson.loads(path.read_bytes())
        self._since = time.perf_counter()

    def on_step_begin(self, *_arguments: Any, **_more: Any) -> None:
        """The batch is there."""
        now = time.perf_counter()
        self.waiting, self._since = self.waiting + now - self._since, now

    def on_step_end(self, *_arguments: Any, **_more: Any) -> None:
        """The step is done, and the next batch is asked for."""
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now

    def on_log(self, *_arguments: Any, **_more: Any) -> None:
        """Writing a log line is no waiting for data; neither is evaluating, which ends with one."""
        self._since = time.perf_counter()

    def on_save(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        """Beside the checkpoint that was just saved, and after all of it."""
        del control
        if state.is_world_process_zero:
            path = _checkpoint(args, state.global_step) / _CLOCK
            write_atomic(path, orjson.dumps([self.seconds, self.waiting]))
        self._since = time.perf_counter()


class Told(TrainerCallback):
    """Hands the trainer's log to our progress."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_more: Any) -> None:
        """One line of the log."""
        del args, control
        names = ("loss", "reward", "eval_loss", "eval_reward")
        shown = [f"{name} {logs[name]:.4g}" for name in names if logs and logs.get(name) is not None]
        if shown:  # the trainer's own summary at the end tells nothing new
            self.progress.step("steps", state.global_step, state.max_steps, ", ".join(shown))


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint in a folder that was saved to its end, where :class:`Clock` writes; None without one."""
    whole = [path.parent for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{_CLOCK}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _checkpoint(args: Any, step: int) -> Path:
    return Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{step}"
