"""The two stages of training, as ``facial-r1 train`` does them, with the settings of the proof.

The settings were found in runs with other seeds than the reported ones; docs/proof.md tells what was tried.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["grpo", "sft"]

COMMON: dict[str, Any] = {
    "gpu": False,
    "activation_checkpointing": False,
    "log_every": 100,
    "save_every": 100_000,
    "warmup": 10,
}


def sft(model: Path, file: Path, images: Path, out: Path, *, steps: int, seed: int) -> None:
    """Stage 1 on the texts of ``file``: 16 rows a step."""
    from training.recipe import SftRecipe
    from training.sft import train

    own = {"batch": 16, "lr": 1.5e-3, "warmup": 50, "group_by_length": False}
    with _quiet():
        train(SftRecipe.model_validate({**_recipe(model, file, images, steps, seed), **own}), out)


def grpo(model: Path, file: Path, images: Path, out: Path, *, steps: int, rate: float, seed: int) -> None:
    """Stage 2 on the truth of ``file``: 8 prompts with 8 answers each a step, R_AU + R_acc + R_format, no KL."""
    from training.grpo import train
    from training.recipe import GrpoRecipe

    own = {"batch": 64, "lr": rate, "schedule": "constant_with_warmup", "max_completion": 64}
    with _quiet():
        train(GrpoRecipe.model_validate({**_recipe(model, file, images, steps, seed), **own}), out)


def _recipe(model: Path, file: Path, images: Path, steps: int, seed: int) -> dict[str, Any]:
    data = {"files": [file], "image_folders": [images], "prompt": "question"}
    return {**COMMON, "name": "proof", "model": str(model), "data": data, "steps": steps, "seed": seed}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the libraries print goes where messages go: standard output is the table's."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
