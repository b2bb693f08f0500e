"""Reading a training recipe from YAML, with overrides, and saying what is wrong with one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ValidationError

from facial_r1.errors import UsageError
from training.recipe import Data, GrpoRecipe, Lora, Reward, SftRecipe, Vllm

__all__ = ["load_training"]

_PLACES = ("release", "files", "image_folders")
_PARTS: tuple[type[BaseModel], ...] = (SftRecipe, GrpoRecipe, Data, Lora, Reward, Vllm)


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
    raw = _mapping(path)
    _anchor(raw, path.parent.absolute())
    for text in sets:
        _override(raw, text)
    kind: type[SftRecipe | GrpoRecipe] = SftRecipe if method == "sft" else GrpoRecipe
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise _explain(error, path, method) from None


def _mapping(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError("there is no such training recipe", path=path, do="see recipes/ for some")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"this recipe is not YAML ({error})", path=path, do="correct the YAML") from None
    if not isinstance(raw, dict):
        raise UsageError("this recipe is no mapping", path=path, found=raw, expected="`name:`, `model:`, `data:` …")
    return raw


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


def _override(raw: dict[str, Any], text: str) -> None:
    key, equals, written = text.partition("=")
    if not (key and equals):
        raise UsageError("--set needs KEY=VALUE", found=text, do="for example --set data.rows=300")
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError:
        raise UsageError("the value of --set is not YAML", found=text, do="quote it, or correct it") from None
    *parents, last = key.split(".")
    place: Any = raw
    for name in parents:
        if isinstance(place, dict) and place.get(name) is None:
            place[name] = {}
        place = _inside(place, name, key)
    if isinstance(place, list):
        _inside(place, last, key)
        place[int(last)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise UsageError("--set names a place that the recipe does not have", found=key)


def _inside(place: Any, name: str, key: str) -> Any:
    if isinstance(place, list) and name.isdigit() and int(name) < len(place):
        return place[int(name)]
    if isinstance(place, dict):
        return place[name]
    raise UsageError("--set names a place that the recipe does not have", found=key)


def _explain(error: ValidationError, path: Path, method: str) -> UsageError:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = {name for part in _PARTS for name in part.model_fields}
        close = difflib.get_close_matches(str(first["loc"][-1]), sorted(known), n=1)
        do = f"did you mean `{close[0]}`?" if close else "remove it"
        return UsageError(f"unknown key `{where}` in a recipe for {method}", path=path, do=do)
    if first["type"] == "value_error":
        return UsageError(first["msg"].removeprefix("Value error, "), path=path, do="correct the recipe")
    what = f"`{where}` in the recipe: {first['msg'][:1].lower()}{first['msg'][1:]}"
    return UsageError(what, path=path, found=first["input"], do="correct the value")
