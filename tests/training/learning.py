"""Rows to learn from, and looks at runs: their weights, their curves, and what one killed half-way leaves."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from PIL import Image

from facial_r1.emotions import EMOTIONS
from facial_r1.files import sha256_bytes
from facial_r1.inference.backends.template import write
from facial_r1.inference.protocol import Facts

ANNOTATED = ["AU1", "AU2", "AU4", "AU6", "AU12", "AU15", "AU25"]
LORA = {"lora": {"r": 4, "alpha": 8, "dropout": 0.0, "targets": ["q_proj", "v_proj"]}}


def row(number: int, task: str = "au+emotion", **changes: Any) -> dict[str, Any]:
    """A published row with a text of the template teacher."""
    aus = [] if task == "emotion" else [ANNOTATED[number % 7], ANNOTATED[(number + 3) % 7]]
    labels = [] if task == "au" else [sorted(EMOTIONS)[number % len(EMOTIONS)]]
    known = Facts(task, tuple(sorted(aus, key=ANNOTATED.index)), tuple(labels))
    made = {
        "id": f"row-{number}",
        "dataset": "corpus-a" if number % 4 else "corpus-b",
        "image": f"faces/{number}.png",
        "question": "Which Action Units are active, and which emotion?",
        "AUs": list(known.aus),
        "labels": labels,
        "description": write(known, sha256_bytes(b"%d" % number)),
        "meta_info": {"task": task, "au_annotated": [] if task == "emotion" else ANNOTATED},
    }
    return {**made, **changes}


def write_pictures(folder: Path, names: Iterable[str]) -> None:
    """Noise of 56 × 56 to 112 × 84 pixels, one in four grey."""
    noise = np.random.default_rng(3)
    for place, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (56 + 28 * (place % 2), 56 + 28 * (place % 3))
        shape = size if place % 4 == 0 else (*size, 3)
        Image.fromarray(noise.integers(0, 256, shape, dtype=np.uint8)).save(path)


def weights(folder: Path) -> dict[str, Any]:
    """Name → tensor, of the model or the adapter in ``folder``."""
    from safetensors.torch import load_file

    (file,) = folder.glob("*.safetensors")
    return load_file(file)


def assert_same_weights(one: Path, other: Path, *, within: float = 0.0) -> None:
    """No parameter differs by more than ``within``."""
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert first
    assert all(first[name].shape == value.shape for name, value in second.items())
    furthest = max(float((first[name] - second[name]).abs().max()) for name in first)
    assert furthest <= within, furthest


def poisoned(model: Path, folder: Path) -> Path:
    """A copy of a checkpoint with one weight that is no number."""
    from safetensors.torch import save_file

    made = Path(shutil.copytree(model, folder))
    bad = weights(model)
    next(value for name, value in bad.items() if "norm" in name)[0] = float("nan")
    save_file(bad, made / "model.safetensors", metadata={"format": "pt"})
    return made


def facts(folder: Path) -> dict[str, Any]:
    """``run.json``."""
    return dict(orjson.loads((folder / "run.json").read_bytes()))


def curve(folder: Path, *names: str) -> list[tuple[float, ...]]:
    """What was logged at each step."""
    lines = [line for line in facts(folder)["log"] if names[0] in line]
    return [(line["step"], *(line[name] for name in names)) for line in lines]


def half(run: Path, copy: Path, step: int) -> Path:
    """What a run killed after the checkpoint of ``step`` leaves."""
    copy.mkdir()
    shutil.copy(run / "begun.json", copy)
    kept = f"checkpoints/checkpoint-{step}"
    shutil.copytree(run / kept, copy / kept)
    return copy
