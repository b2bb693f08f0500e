"""The course of a training run, the same for both stages: claim the folder, train, save, say what was done."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from facial_r1.errors import FacialR1Error
from facial_r1.files import write_atomic
from facial_r1.progress import Progress
from training.card import card
from training.estimate import footprint, require_room
from training.outputs import CHECKPOINTS, RUN, begin, facts, identity, record, require_folder
from training.prepare import Prepared, check_machine, prepare
from training.processes import leader_first, rank, together
from training.recipe import TrainRecipe

__all__ = ["Make", "calm", "run"]

Make = Callable[[Prepared, Path, list[Any]], Any]
"""Builds TRL's trainer from what was prepared, the folder of the run and callbacks."""


def run(
    recipe: TrainRecipe, method: Literal["sft", "grpo"], out: Path, make: Make, *, resume: bool, progress: Progress
) -> Path:
    """Train and save.

    Args:
        recipe: what to do.
        method: which stage it is.
        out: the folder of the run; it ends as a loadable checkpoint.
        make: builds the trainer.
        resume: go on from the newest checkpoint of this very run.
        progress: told about every logged step.

    Raises:
        MissingExtra, UsageError, InputError: for whatever cannot work, before the model is loaded.
        FacialR1Error: for a loss that is no number, or when memory ran out.
    """
    check_machine(recipe)
    require_folder(out)
    calm()
    with together(gpu=recipe.gpu, deepspeed=recipe.deepspeed is not None):
        prepared = prepare(recipe, out)
        require_room(footprint(prepared), recipe)
        name = identity(prepared, method) if rank() == 0 else ""  # it reads all weights: once is enough
        with leader_first():
            if rank() == 0:
                begin(out, name, resume=resume)
        if (out / RUN).is_file():
            progress.say(f"{out}: this run is done")
            return out
        for reason, count in prepared.train.dropped.most_common():
            progress.say(f"{count:,} rows are left out: {reason}")
        if prepared.train.unscored:
            what = "rows name Action Units and not which were scored, so these are not used"
            progress.say(f"{prepared.train.unscored:,} {what}; see data.assume_scored")
        _train(prepared, method, out, name, make, resume=resume, progress=progress)
    return out


def _train(
    prepared: Prepared, method: str, out: Path, name: str, make: Make, *, resume: bool, progress: Progress
) -> None:
    from transformers import PrinterCallback

    from training.trainer import Best, BrokenLoss, Clock, Told, last_checkpoint, usual_names

    clock = Clock()
    with _tensorboard(out / "tensorboard"), _told_plainly():
        trainer = make(prepared, out, [Best(), BrokenLoss(), clock, Told(progress)])
        trainer.remove_callback(PrinterCallback)
        last = last_checkpoint(out / CHECKPOINTS) if resume else None
        if resume and last is None:
            progress.say(f"{out}: there is no checkpoint yet, so it begins at the first step")
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
        trainer.save_model(str(out))
    if rank() == 0:
        (out / "training_args.bin").unlink(missing_ok=True)  # a pickle; run.json says the same
        if prepared.recipe.lora is None and prepared.recipe.deepspeed is not None:
            usual_names(out)
        prepared.processor.save_pretrained(out)
        done = facts(prepared, method, name, trainer.state, clock.seconds, clock.waiting)
        write_atomic(out / "README.md", card(prepared.recipe, method, done))
        record(out, done)


def calm() -> None:
    """Our own progress tells the steps, and nobody can act on what TRL asks of transformers."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    # A reward that no row of a step has a truth for has no curve, which TensorBoard's writer warns of at every line.
    logging.getLogger("transformers.integrations.integration_utils").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*gradient_checkpointing", category=FutureWarning)


@contextmanager
def _tensorboard(folder: Path) -> Iterator[None]:
    """transformers takes the folder of TensorBoard from the environment only; the next run has another."""
    name = "TENSORBOARD_LOGGING_DIR"
    before = os.environ.get(name)
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _told_plainly() -> Iterator[None]:
    """What torch says only in its own words, in ours."""
    try:
        yield
    except RuntimeError as error:
        found = str(error)
        if "out of memory" in found:
            what = "the device ran out of memory"
            do = "lower batch and raise accumulation, lower max_pixels, use lora, or deepspeed: zero3"
        elif "probability tensor contains" in found:
            what = "the model's probabilities are no numbers any more"
            do = "lower lr, raise warmup, or begin from another checkpoint; --resume begins from the checkpoint before"
        else:
            raise
        raise FacialR1Error(what, found=found.splitlines()[0], do=do) from None
