"""What a training run leaves behind beside the weights: ``begun.json``, ``run.json`` and a model card."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

import facial_r1
from facial_r1.errors import InputError
from facial_r1.files import write_atomic
from training.recipe import TrainRecipe

__all__ = ["BEGUN", "RUN", "begin", "card", "record", "versions"]

BEGUN, RUN = "begun.json", "run.json"
CHECKPOINTS = "checkpoints"
_PACKAGES = ("torch", "transformers", "trl", "accelerate", "peft", "deepspeed", "datasets")


def begin(out: Path, identity: str, *, resume: bool) -> None:
    """Claim a folder for a run, or make sure that it holds the same run.

    Raises:
        InputError: when it holds another run, or checkpoints that nobody asked to resume from.
    """
    path = out / BEGUN
    if path.is_file():
        known = orjson.loads(path.read_bytes()).get("identity")
        if known != identity:
            what = "this folder holds another training run"
            found = "other rows, another model or recipe"
            raise InputError(what, path=out, found=found, do="give another --out, or remove it")
        if not resume and (out / CHECKPOINTS).is_dir():
            raise InputError("this run was begun before", path=out, do="go on with --resume, or give another --out")
    elif out.is_dir() and any(out.iterdir()):
        raise InputError("this folder is not empty", path=out, do="give a new --out")
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(path, orjson.dumps({"identity": identity}))


def versions() -> dict[str, str]:
    """The packages that trained."""
    found = {"python": platform.python_version(), "facial-r1": facial_r1.__version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """The devices that trained."""
    import os

    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return {"devices": names, "world": int(os.environ.get("WORLD_SIZE", "1"))}
    return {"devices": [f"CPU, {os.cpu_count()} cores"], "world": int(os.environ.get("WORLD_SIZE", "1"))}


def record(out: Path, facts: Mapping[str, Any]) -> None:
    """Write ``run.json``: its presence says that the run is done."""
    write_atomic(out / RUN, orjson.dumps(dict(facts), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def card(recipe: TrainRecipe, method: str, facts: Mapping[str, Any]) -> str:
    """The model card: what it was trained on, how, and what it must not be used for."""
    manifest = facts["data"].get("release") or {}
    corpora = manifest.get("corpora", {})
    synthetic = [entry["title"] for entry in corpora.values() if entry["synthetic"]]
    licensed = [
        f"{entry['title']}: {entry['licence']['terms']}" for entry in corpora.values() if not entry["synthetic"]
    ]
    lines = [
        "---",
        f"base_model: {recipe.model}"
        if "/" in recipe.model and not Path(recipe.model).exists()
        else "library_name: transformers",
        "tags: [facial-action-units, emotion-recognition, facial-r1]",
        "---",
        "",
        f"# {recipe.name}",
        "",
        f"Trained by {'supervised fine-tuning' if method == 'sft' else 'GRPO with verifiable rewards'} on "
        f"{facts['data']['rows']:,} rows of facial-emotion reasoning.",
        "",
    ]
    if synthetic:
        lines += [f"> **Synthetic.** The faces of {', '.join(synthetic)} were rendered by a program.", ""]
    if licensed:
        lines += ["The licences of the corpora bind this model as well:", "", *(f"- {one}" for one in licensed), ""]
    lines += [
        "| | |",
        "| --- | --- |",
        f"| began from | {facts['model']} |",
        f"| steps | {facts['steps']:,} |",
        f"| seconds | {facts['seconds']:,.0f} |",
        f"| recipe | `{facts['recipe_sha256']}` |",
        f"| data | `{facts['data']['sha256']}` |",
        "",
        "It reads acted and posed expressions as its corpora label them. It does not tell what a person feels, and "
        "must not be used to judge people.",
    ]
    return "\n".join(lines) + "\n"
