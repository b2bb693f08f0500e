"""The course of a training run, the same for both stages: claim the folder, train, save, say what was done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from facial_r1.errors import FacialR1Error
from facial_r1.files import write_atomic
from facial_r1.progress import Progress
from training.outputs import BEGUN, CHECKPOINTS, RUN, begin, card, hardware, record, versions
from training.prepare import Prepared

__all__ = ["run"]


def run(
    prepared: Prepared,
    method: str,
    out: Path,
    make: Callable[[Path, list[Any]], Any],
    *,
    resume: bool,
    progress: Progress,
) -> Path:
    """Train and save.

    Args:
        prepared: what is known beforehand.
        method: ``sft`` or ``grpo``.
        out: the folder of the run; it ends as a loadable checkpoint.
        make: builds TRL's trainer for a folder of checkpoints and callbacks.
        resume: go on from the newest checkpoint.
        progress: told about every logged step.

    Raises:
        InputError: when ``out`` holds another run.
        FacialR1Error: for a loss that is no number, or when memory ran out.
    """
    from training.trainer import BrokenLoss, Clock, last_checkpoint

    begin(out, prepared.identity, resume=resume)
    if (out / RUN).is_file() and resume:
        progress.say(f"{out}: this run is done")
        return out
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(out / "tensorboard"))
    clock = Clock()
    _quiet()
    trainer = make(out / CHECKPOINTS, [BrokenLoss(), clock, _Told(progress)])
    trainer.remove_callback(_printer())
    last = last_checkpoint(out / CHECKPOINTS) if resume else None
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except RuntimeError as error:
        if "out of memory" not in str(error):
            raise
        do = "lower batch and raise accumulation, lower data.max_pixels, use lora or deepspeed: zero3"
        raise FacialR1Error("the device ran out of memory", found=str(error).splitlines()[0], do=do) from None
    trainer.save_model(str(out))
    (out / "training_args.bin").unlink(missing_ok=True)  # a pickle; run.json says the same
    if trainer.is_world_process_zero():
        prepared.processor.save_pretrained(out)
        facts = _facts(prepared, method, trainer, clock)
        write_atomic(out / "README.md", card(prepared.recipe, method, facts))
        record(out, facts)
    return out


def _facts(prepared: Prepared, method: str, trainer: Any, clock: Any) -> dict[str, Any]:
    recipe, found = prepared.recipe, prepared.lessons
    state = trainer.state
    return {
        "method": method,
        "name": recipe.name,
        "model": prepared.checkpoint.name(),
        "recipe": recipe.model_dump(mode="json"),
        "recipe_sha256": recipe.identity(),
        "identity": prepared.identity,
        "data": {
            "sha256": found.source,
            "rows": len(found.rows),
            "dropped": dict(found.dropped.most_common()),
            "release": prepared.manifest,
        },
        "steps": state.global_step,
        "epochs": state.epoch,
        "tokens": state.num_input_tokens_seen or None,
        "seconds": clock.seconds,
        "log": state.log_history,
        "versions": versions(),
        "hardware": hardware(),
        "files": [BEGUN],
    }


def _quiet() -> None:
    """Our own progress tells the steps; the libraries' bars would break its line."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _printer() -> Any:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def _told_class() -> Any:
    from transformers import TrainerCallback

    class Told(TrainerCallback):
        """Hands the trainer's log to our progress."""

        def __init__(self, progress: Progress) -> None:
            self.progress = progress

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_more: Any
        ) -> None:
            """One line of the log."""
            del args, control
            shown = [f"{name} {logs[name]:.4g}" for name in ("loss", "reward", "grad_norm") if logs and name in logs]
            self.progress.step("steps", state.global_step, state.max_steps, ", ".join(shown))

    return Told


def _Told(progress: Progress) -> Any:  # noqa: N802
    return _told_class()(progress)
