"""What a release promises about itself: its manifest, read and held against what this version understands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from facial_r1.errors import InputError
from facial_r1.recipe import Bounds, Duplicates, Gate, Part, Recipe

__all__ = ["FORMAT", "MANIFEST", "Rules", "read_manifest", "rules_of", "synthetic_corpora"]

FORMAT = 1
"""The format of a release: its files, the keys of a row and of the manifest. Counts up when one of them changes."""

MANIFEST = "manifest.json"
_KEYS = {
    "rules": dict,
    "gates": list,
    "unknown_truth": dict,
    "rows": dict,
    "corpora": dict,
    "cells": list,
    "files": dict,
}


class Rules(BaseModel):
    """The part of a recipe that its release can be held against."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: tuple[Part, ...]
    gates: tuple[Gate, ...]
    label_rule: Literal["any", "set"]
    label_set: tuple[str, ...]
    unknown_truth: Literal["omit", "pseudo"]
    allow_short: bool
    bounds: Bounds
    duplicates: Duplicates = Duplicates()

    @property
    def corpora(self) -> tuple[str, ...]:
        """The corpora that may have rows, alphabetical."""
        return tuple(sorted({part.corpus for part in self.parts}))


def rules_of(recipe: Recipe) -> dict[str, Any]:
    """What a manifest keeps under ``rules``; gates and ``unknown_truth`` stand there by themselves."""
    plain = recipe.model_dump(mode="json", include={"label_rule", "label_set", "allow_short", "bounds", "duplicates"})
    return {"parts": [part.model_dump(mode="json") for part in recipe.select.parts], **plain}


def synthetic_corpora(manifest: Mapping[str, Any]) -> frozenset[str]:
    """The corpora of a release whose faces a program drew."""
    return frozenset(
        name for name, entry in manifest["corpora"].items() if isinstance(entry, Mapping) and entry.get("synthetic")
    )


def read_manifest(folder: Path) -> tuple[dict[str, Any], Rules]:
    """The manifest of a release, and its rules.

    Raises:
        InputError: when the folder is no release, its manifest is broken, or it is of another format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        do = "give the folder of a release, such as runs/mixed/5-release"
        raise InputError("this folder is no release", path=folder, expected=f"a {MANIFEST} in it", do=do)
    try:
        manifest = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        do = "restore the manifest, or release again"
        raise InputError(f"this manifest is not JSON ({error})", path=path, do=do) from None
    found = manifest.get("format") if isinstance(manifest, Mapping) else None
    if found != FORMAT:
        code = manifest.get("code") if isinstance(manifest, Mapping) else None
        raise InputError(
            f"this release is of another version{f', made with {code}' if isinstance(code, str) else ''}",
            path=path,
            found=f"format {found}",
            expected=f"format {FORMAT}",
            do="check it with the version that made it, or release again with this one",
        )
    do = "restore the manifest, or release again"
    wrong = [key for key, kind in _KEYS.items() if type(manifest.get(key)) is not kind]
    if wrong:
        raise InputError(f"`{wrong[0]}` of this manifest is missing or broken", path=path, do=do)
    kept = {**manifest["rules"], "gates": manifest["gates"], "unknown_truth": manifest["unknown_truth"].get("rule")}
    try:
        return manifest, Rules.model_validate_json(orjson.dumps(kept))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"`{where}` in this manifest: {first['msg']}", path=path, do=do) from None
