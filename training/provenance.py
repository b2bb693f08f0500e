"""Whose data bind a model: the release that it is trained on, and the runs that led to where it begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import orjson

from facial_r1.errors import InputError
from facial_r1.files import sha256_file
from facial_r1.inference.local.checkpoints import Checkpoint

__all__ = ["RUN", "release_of", "runs_before"]

RUN = "run.json"
"""What a finished run says of itself, in its folder."""

_Found = TypeVar("_Found")


def release_of(folder: Path) -> dict[str, Any] | None:
    """Name, hash of the manifest, and corpora with their terms; None for a folder without a manifest.

    Raises:
        InputError: for a manifest that does not say so.
    """
    path = folder / "manifest.json"

    def found(manifest: Any) -> dict[str, Any]:
        corpora = {
            name: {"title": one["title"], "terms": one["licence"]["terms"], "synthetic": one["synthetic"]}
            for name, one in manifest["corpora"].items()
        }
        return {"name": manifest["name"], "sha256": sha256_file(path), "corpora": corpora}

    do = "restore it, or release again: the terms of the corpora that it names bind the model"
    return _read(path, found, "manifest of a release", do) if path.is_file() else None


def runs_before(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """The runs that led to a checkpoint, the last one first.

    Raises:
        InputError: for a ``run.json`` beside the checkpoint that is none of a run.
    """
    path = Path(checkpoint.adapter or checkpoint.base) / RUN

    def found(known: Any) -> list[dict[str, Any]]:
        return [{name: known[name] for name in ("name", "method", "release")}, *known["before"]]

    do = "restore it; if it is none of `facial-r1 train`, move it away"
    return _read(path, found, "record of a training run", do) if path.is_file() else []


def _read(path: Path, pick: Callable[[Any], _Found], what: str, do: str) -> _Found:
    try:
        return pick(orjson.loads(path.read_bytes()))
    except orjson.JSONDecodeError as error:
        found = str(error)
    except (KeyError, TypeError, AttributeError) as error:
        found = f"no {error}" if isinstance(error, KeyError) else str(error)
    raise InputError(f"this file is no {what}", path=path, found=found, do=do)
