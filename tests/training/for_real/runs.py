"""Looking at runs: their weights, their curves, and how they look when they were killed half-way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson


def weights(folder: Path) -> dict[str, Any]:
    """Name → tensor, of the model or the adapter in ``folder``."""
    from safetensors.torch import load_file

    (file,) = folder.glob("*.safetensors")
    return load_file(file)


def assert_same_weights(one: Path, other: Path, *, within: float = 0.0) -> None:
    """No parameter differs by more than ``within``."""
    first, second = weights(one), weights(other)
    assert set(first) == set(second)
    assert first
    furthest = max(float((first[name] - second[name]).abs().max()) for name in first)
    assert furthest <= within, furthest


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
