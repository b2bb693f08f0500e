"""What a run leaves beside the weights: ``begun.json`` says which run it is, ``run.json`` how it went."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

import facial_r1
from facial_r1.errors import InputError
from facial_r1.files import canonical_json, sha256_bytes, write_atomic
from training.arguments import deepspeed_settings
from training.data import Lessons
from training.prepare import TINY, Prepared
from training.processes import world
from training.provenance import RUN
from training.recipe import TrainRecipe

__all__ = ["BEGUN", "CHECKPOINTS", "RUN", "begin", "facts", "identity", "record", "require_folder"]

BEGUN, CHECKPOINTS = "begun.json", "checkpoints"
_PACKAGES = ("torch", "transformers", "trl", "accelerate", "peft", "deepspeed", "vllm", "datasets")


def identity(prepared: Prepared, method: str) -> str:
    """Hex SHA-256 of all that decides the result: method, recipe, rows, and the weights it begins from."""
    recipe = prepared.recipe
    rows = [None if one is None else one.source for one in (prepared.train, prepared.validation)]
    settings = deepspeed_settings(recipe.deepspeed)
    return sha256_bytes(canonical_json([method, recipe.hash(), rows, prepared.checkpoint.name(), settings]))


def require_folder(out: Path) -> None:
    """See that a folder may hold a run: it is new, empty, or holds one already.

    Raises:
        InputError: when it is something else.
    """
    if out.exists() and not out.is_dir():
        raise InputError("this is no folder", path=out, do="give a new --out")
    if out.is_dir() and any(out.iterdir()) and not (out / BEGUN).is_file():
        raise InputError("this folder is not empty", path=out, do="give a new --out")


def begin(out: Path, name: str, *, resume: bool) -> None:
    """Claim a folder for a run, or make sure that it holds the same run.

    Raises:
        InputError: when it holds another run, or was begun and nobody asked to resume.
    """
    path = out / BEGUN
    if path.is_file() and any((out / one).exists() for one in (CHECKPOINTS, RUN)):
        if _identity_in(path) != name:
            what, found = "this folder holds another training run", "other rows, another model or recipe"
            raise InputError(what, path=out, found=found, do="give another --out, or remove it")
        if not resume:
            done = "is done" if (out / RUN).is_file() else "was begun before"
            raise InputError(f"this run {done}", path=out, do="go on with --resume, or give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(path, orjson.dumps({"identity": name}))


def _identity_in(path: Path) -> str | None:
    try:
        return str(orjson.loads(path.read_bytes())["identity"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def facts(prepared: Prepared, method: str, name: str, state: Any, seconds: float, waiting: float) -> dict[str, Any]:
    """All that ``run.json`` says.

    Args:
        prepared: the run.
        method: ``sft`` or ``grpo``.
        name: its identity.
        state: of the trainer, in the end.
        seconds, waiting: of all steps, and of waiting for data between them.
    """
    recipe = prepared.recipe
    return {
        "method": method,
        "name": recipe.name,
        "identity": name,
        "model": {"id": prepared.checkpoint.name(), "made": recipe.model == TINY, "given": _given(recipe.model)},
        "before": prepared.before,
        "recipe": _without_places(recipe),
        "recipe_sha256": recipe.hash(),
        "data": _rows(prepared.train),
        "validation": None if prepared.validation is None else _rows(prepared.validation),
        "release": prepared.release,
        "steps": state.global_step,
        "epochs": state.epoch,
        "best": {"step": state.best_global_step, "value": state.best_metric} if recipe.best else None,
        "tokens": int(state.num_input_tokens_seen),
        "seconds": seconds,
        "waiting_seconds": waiting,
        "log": state.log_history,
        "versions": _versions(),
        "hardware": _hardware(),
    }


def record(out: Path, done: Mapping[str, Any]) -> None:
    """Write ``run.json``: its presence says that the run is done."""
    write_atomic(out / RUN, orjson.dumps(dict(done), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _given(model: str) -> str:
    """What the recipe calls the model: an id as it stands, of a folder only its name."""
    return Path(model).name if Path(model).exists() else model


def _without_places(recipe: TrainRecipe) -> dict[str, Any]:
    """The recipe with names for paths: a checkpoint is passed on, and where its data lay is nobody's business."""
    plain = recipe.model_dump(mode="json")
    plain["model"] = _given(recipe.model)
    plain["deepspeed"] = recipe.deepspeed and Path(recipe.deepspeed).name
    if plain.get("vllm"):
        del plain["vllm"]["server"]
    for rows in (plain["data"], plain["validation"] or {}):
        rows["release"] = rows.get("release") and Path(rows["release"]).name
        for key in ("files", "image_folders"):
            rows[key] = [Path(one).name for one in rows.get(key, ())]
    return plain


def _rows(found: Lessons) -> dict[str, Any]:
    return {"sha256": found.source, "rows": len(found.rows), "dropped": dict(found.dropped.most_common())}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "facial-r1": facial_r1.__version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _hardware() -> dict[str, Any]:
    import torch

    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / 2**30
        return {"device": torch.cuda.get_device_name(), "processes": world(), "peak_gib": round(peak, 2)}
    return {"device": f"CPU, {os.cpu_count()} cores", "processes": world(), "peak_gib": None}
