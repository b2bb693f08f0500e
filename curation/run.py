"""A run directory: one folder per stage, numbered in the order of the data, each vouched for by a done-marker.

A stage reads only the folders before it and writes only its own. Its marker ``done.json`` holds rows and SHA-256 of
every output, the SHA-256 of every input and a hash of the settings that shaped it. On the next call

* everything agrees: the stage is skipped;
* an input or a setting changed: the stage is done again (journals of paid answers are kept);
* an *output* disagrees with its marker: somebody or something changed a finished file, which is an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from facial_r1.errors import CorruptState, FacialR1Error, InputError
from facial_r1.files import TEMPORARY, canonical_json, sha256_bytes, sha256_file, sweep, write_atomic
from facial_r1.recipe import Recipe, load_recipe

__all__ = [
    "ANSWERS",
    "RELEASE",
    "SAMPLES",
    "STAGES",
    "TASKS",
    "VERDICTS",
    "Run",
    "begin",
    "finish",
    "is_done",
    "outputs_of",
    "writing",
]

SAMPLES, TASKS, ANSWERS, VERDICTS, RELEASE = STAGES = (
    "1-samples",
    "2-tasks",
    "3-answers",
    "4-verdicts",
    "5-release",
)
MARKER = "done.json"
KEPT = "journal"
"""Files whose name starts so survive when a stage is done again: they hold what was paid for."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory and the recipe it follows."""

    root: Path
    recipe: Recipe

    @classmethod
    def create(cls, root: Path, recipe: Recipe) -> Run:
        """Make (or enter) the run directory and write the resolved ``recipe.yaml``.

        Raises:
            InputError: when ``root`` is a file.
        """
        if root.is_file():
            raise InputError("a run is a folder, and this is a file", path=root, do="give another path")
        root.mkdir(parents=True, exist_ok=True)
        for leftover in root.glob(f"{TEMPORARY}*"):
            leftover.unlink()
        write_atomic(root / "recipe.yaml", recipe.to_yaml())
        return cls(root, recipe)

    @classmethod
    def open(cls, root: Path) -> Run:
        """Open an existing run.

        Raises:
            InputError: when the folder holds no ``recipe.yaml``.
        """
        path = root / "recipe.yaml"
        if not path.is_file():
            do = "give the folder that `facial-r1 build` or `facial-r1 demo` wrote"
            raise InputError("this folder is no run", path=root, expected="a recipe.yaml in it", do=do)
        return cls(root, load_recipe(path))

    def folder(self, stage: str) -> Path:
        """The folder of a stage."""
        return self.root / stage

    @property
    def images(self) -> Path:
        """The image folder that ``image`` is relative to, before the release."""
        return self.root / TASKS / "images"


def is_done(folder: Path, inputs: Sequence[Path], settings: Mapping[str, Any]) -> bool:
    """Whether the stage in ``folder`` is finished for exactly these inputs and settings.

    Raises:
        CorruptState: when a finished output is missing or has another hash than its marker says.
    """
    marker = _verified(folder)
    if marker is None:
        return False
    return bool(marker["settings"] == _settings_hash(settings) and marker["inputs"] == _input_hashes(inputs))


def outputs_of(folder: Path) -> list[Path]:
    """The output files of a finished stage, in the order of its marker, each with the hash that the marker gives.

    Raises:
        InputError: when the stage is not finished.
        CorruptState: as :func:`is_done`.
    """
    marker = _verified(folder)
    if marker is None:
        do = f"do the stages up to {folder.name} first; `facial-r1 build` does all of them"
        raise InputError("this stage of the run is not finished", path=folder, do=do)
    return [folder / name for name in marker["outputs"]]


def _verified(folder: Path) -> dict[str, Any] | None:
    """The marker of a stage once its outputs are known to agree with it; None when there is no marker."""
    path = folder / MARKER
    if not path.is_file():
        return None
    do = f"restore the file, or delete {path} to do this stage again"
    try:
        marker: dict[str, Any] = orjson.loads(path.read_bytes())
        outputs = {name: entry["sha256"] for name, entry in marker["outputs"].items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise CorruptState("this is no marker of a finished stage", path=path, do=do) from None
    for name, expected in outputs.items():
        output = folder / name
        found = sha256_file(output) if output.is_file() else "no file"
        if found != expected:
            what = f"the finished file {name} is not the one its marker vouches for"
            raise CorruptState(what, path=output, found=found, expected=expected, do=do)
    return marker


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses while a stage works into one clear error; the stage is done again next time.

    Raises:
        FacialR1Error: for an ``OSError`` such as a full disk, naming the stage and the file.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of our output left; no file is to blame
    except OSError as error:
        raise FacialR1Error(
            f"the file system stopped {folder.name}: {error.strerror or error}",
            path=error.filename or folder,
            do="free space or mend the permissions, then give the same command again; finished stages, pictures and "
            "answers are kept",
        ) from error


def begin(folder: Path) -> None:
    """Empty a stage's folder for a fresh start, keeping journals and pictures already made, and sweep leftovers."""
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    (folder / MARKER).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith(KEPT):
            path.unlink()


def finish(
    folder: Path, inputs: Sequence[Path], settings: Mapping[str, Any], outputs: Mapping[str, int], **more: Any
) -> None:
    """Write the marker. ``outputs`` maps a file name in ``folder`` to its number of rows; ``more`` is kept beside."""
    marker = {
        "outputs": {name: {"rows": rows, "sha256": sha256_file(folder / name)} for name, rows in outputs.items()},
        "inputs": _input_hashes(inputs),
        "settings": _settings_hash(settings),
        **more,
    }
    write_atomic(folder / MARKER, orjson.dumps(marker, option=orjson.OPT_INDENT_2))


def _settings_hash(settings: Mapping[str, Any]) -> str:
    return sha256_bytes(canonical_json(dict(settings)))


def _input_hashes(inputs: Sequence[Path]) -> dict[str, str]:
    for path in inputs:
        if not path.is_file():
            do = f"do the stages up to {path.parent.name} first; `facial-r1 build` does all of them"
            raise InputError("a file of an earlier stage is missing", path=path, do=do)
    return {f"{path.parent.name}/{path.name}": sha256_file(path) for path in inputs}
