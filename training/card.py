"""The model card: what a checkpoint was trained on and how, whose terms bind it, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.recipe import TrainRecipe

__all__ = ["card"]

_METHODS = {"sft": "supervised fine-tuning", "grpo": "GRPO with verifiable rewards"}


def card(recipe: TrainRecipe, method: str, done: Mapping[str, Any]) -> str:
    """``README.md`` of a checkpoint, from the facts of ``run.json``."""
    model = done["model"]
    begun = "random weights: the tiny model, which knows nothing else" if model["made"] else f"`{model['given']}`"
    rows = [
        ("began from", f"{begun} (`{model['id']}`)"),
        ("rows", f"{done['data']['rows']:,}"),
        ("steps", f"{done['steps']:,}"),
        ("seconds of training", f"{done['seconds']:,.0f}"),
        ("weights", "a LoRA adapter on that model" if recipe.lora else "all of the model"),
        ("recipe", f"`{done['recipe_sha256']}`"),
        ("rows' hash", f"`{done['data']['sha256']}`"),
    ]
    lines = [
        *_header(recipe, done),
        f"# {recipe.name}",
        "",
        f"A vision-language model that reads faces, trained by {_METHODS[method]}. `run.json` holds the whole recipe, "
        "the loss at every logged step, versions and hardware.",
        "",
        *_whose([done, *done["before"]]),
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
        "It names expressions as its corpora label them. It does not know what a person feels, and must not be used to "
        "judge, select or watch people.",
    ]
    return "\n".join(lines) + "\n"


def _header(recipe: TrainRecipe, done: Mapping[str, Any]) -> list[str]:
    hub = not done["model"]["made"] and "/" in done["model"]["given"]
    return [
        "---",
        *([f"base_model: {done['model']['given']}"] if hub else []),
        f"library_name: {'peft' if recipe.lora else 'transformers'}",
        "license: other",
        "license_name: terms-of-the-training-data",
        "pipeline_tag: image-text-to-text",
        "tags: [facial-action-units, emotion-recognition, facial-r1]",
        "---",
        "",
    ]


def _whose(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whose data this run, and those that led to it, were trained on."""
    releases = [run["release"] for run in runs if run["release"] is not None]
    lines = [
        f"Trained on the release `{one['name']}` (manifest `{one['sha256']}`)."
        for one in {one["sha256"]: one for one in releases}.values()
    ]
    if len(releases) < len(runs):
        lines.append(
            "Trained on plain files: the terms under which their rows and pictures were given bind this model."
        )
    corpora = {one["title"]: one for release in releases for one in release["corpora"].values()}
    synthetic = [title for title, one in corpora.items() if one["synthetic"]]
    if synthetic:
        lines.append(
            f"> **Synthetic data.** The faces called {', '.join(synthetic)} were rendered by a program. What this "
            "model scores on them says nothing about real faces."
        )
    real = [f"- {title}: {one['terms']}" for title, one in corpora.items() if not one["synthetic"]]
    if real:
        lines.append("The terms of these corpora bind this model as well; ask their owners before you pass it on.")
        lines.append("\n".join(real))
    return [part for line in lines for part in (line, "")]
