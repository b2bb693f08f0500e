"""What is opened: a run, a release, or a JSONL file in the published schema, with its pictures and its reviews."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facial_r1.errors import InputError
from facial_r1.reviews import reviews_of

__all__ = ["ANSWERS", "SPLITS", "TASKS", "VERDICTS", "Place", "find_place"]

TASKS, ANSWERS, VERDICTS = "2-tasks", "3-answers", "4-verdicts"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows are.

    Attributes:
        kind: ``run``, ``release`` or ``jsonl``.
        root: the folder, or the JSONL file.
        rows: the files whose lines are the rows; those of a run are its tasks.
        images: the folder that ``image`` is relative to.
        reviews: the file that decisions are appended to; it need not exist.
    """

    kind: str
    root: Path
    rows: tuple[Path, ...]
    images: Path
    reviews: Path

    @property
    def watched(self) -> tuple[Path, ...]:
        """The files whose change makes what was read stale."""
        if self.kind != "run":
            return self.rows
        return (*self.rows, self.root / ANSWERS / "answers.jsonl", self.root / VERDICTS / "verdicts.jsonl")


def find_place(path: Path, images: Path | None = None, reviews: Path | None = None) -> Place:
    """Find out what ``path`` is.

    Args:
        path: a run directory, a release folder, or a JSONL file.
        images: the image folder, where it is not the usual one.
        reviews: the reviews file, where it is not the usual one: in the run, else beside the release or the file.

    Raises:
        InputError: naming what is missing.
    """
    if not path.exists():
        raise InputError("there is nothing to view", path=path, do="check the path")
    if path.is_file():
        folder = path.parent / "images"
        return Place("jsonl", path, (path,), _folder(images or folder, given=images), reviews or reviews_of(path))
    if (path / "recipe.yaml").is_file():
        tasks = path / TASKS / "tasks.jsonl"
        if not tasks.is_file():
            do = "let the build go on, or run `facial-r1 select` first"
            raise InputError("this run has no samples to show yet", path=path, expected=f"{TASKS}/tasks.jsonl", do=do)
        folder = images or path / TASKS / "images"
        return Place("run", path, (tasks,), _folder(folder, given=images), reviews or reviews_of(path))
    rows = tuple(path / f"{split}.jsonl" for split in SPLITS if (path / f"{split}.jsonl").is_file())
    if not rows:
        raise InputError(
            "this folder is neither a run nor a release",
            path=path,
            found="no recipe.yaml, and none of " + ", ".join(f"{split}.jsonl" for split in SPLITS),
            do="give a run directory, its 5-release, or a JSONL file",
        )
    return Place("release", path, rows, _folder(images or path / "images", given=images), reviews or reviews_of(path))


def _folder(folder: Path, *, given: Path | None) -> Path:
    """An image folder that was asked for has to exist; without the usual one the rows are shown without pictures."""
    if given is not None and not folder.is_dir():
        raise InputError("there is no such image folder", path=folder, do="give the folder that `image` is relative to")
    return folder
