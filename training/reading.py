"""Reading a training recipe from YAML, with overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from facial_r1.yamls import checked, override, read_mapping
from training.recipe import GrpoRecipe, SftRecipe

__all__ = ["load_training"]

_PLACES = ("release", "files", "image_folders")
_KINDS: dict[str, type[SftRecipe | GrpoRecipe]] = {"sft": SftRecipe, "grpo": GrpoRecipe}


def load_training(path: Path, method: Literal["sft", "grpo"], *, sets: Sequence[str] = ()) -> SftRecipe | GrpoRecipe:
    """Read and check a training recipe.

    Args:
        path: the YAML file; folders of rows in it are relative to it, and so are ``model`` and ``deepspeed`` where they
            begin with a dot.
        method: which kind.
        sets: overrides such as ``lr=1e-4`` or ``data.rows=300``; values are YAML, places relative to where one stands.

    Raises:
        UsageError: naming the file, the key and what was expected.
    """
    raw = read_mapping(path, what="training recipe", keys="`name:`, `model:`, `data:` …")
    _anchor(raw, path.parent.absolute())
    override(raw, sets, example="data.rows=300")
    others = {f"a recipe for {name}": kind for name, kind in _KINDS.items() if name != method}
    return checked(_KINDS[method], raw, path=path, what=f"the recipe for {method}", others=others)


def _anchor(raw: dict[str, Any], folder: Path) -> None:
    """Make the places in a recipe absolute; what is no place is left for pydantic to judge."""
    for rows in (raw.get("data"), raw.get("validation")):
        if isinstance(rows, dict):
            rows.update({key: _beside(folder, rows[key]) for key in _PLACES if key in rows})
    for key in ("model", "deepspeed"):
        if str(raw.get(key)).startswith("."):
            raw[key] = _beside(folder, raw[key])


def _beside(folder: Path, value: Any) -> Any:
    if isinstance(value, list):
        return [_beside(folder, one) for one in value]
    return str((folder / value).resolve()) if isinstance(value, str) else value
